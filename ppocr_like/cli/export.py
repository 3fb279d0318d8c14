"""Export trained weights as a bundle: ONNX with all it needs inside, inference.yml, RapidOCR's settings; verified first.

python tools/export.py -c configs/rec/svtr_ft.yml -o Global.pretrained_model=output/ft Global.save_inference_dir=output/bundle
python tools/export.py -c configs/det/db_mv3_ft.yml -o Global.pretrained_model=output/db_mv3_ft
python tools/export.py --refresh output/bundle      (RapidOCR's settings anew, after inference.yml was edited or the folder moved)

Status 2: the bundle's answers differ from the trained model's, or it cannot be made; an earlier bundle is left as it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ppocr_like.cli.arguments import CommandParser, recipe_from, recipe_parser
from ppocr_like.export.choices import INT8, TOLERANCE, parse_size

RANGES = ("half", "pixels")  # of `pipeline.normalise`


def _size(text: str) -> tuple[int, int]:
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def make_parser(prog: str | None = None) -> CommandParser:
    parser = recipe_parser(__doc__, prog, required=False)
    parser.add_argument(
        "--refresh", metavar="BUNDLE", help="only make RapidOCR's settings of a bundle anew, of its inference.yml and place"
    )
    told = "compare on random tensors only, not on the evaluation sets"
    parser.add_argument("--no-verify-data", dest="verify_data", action="store_false", help=told)
    told = f"largest difference of a probability, but for what rounding explains (default {TOLERANCE:g})"
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help=told)
    parser.add_argument(
        "--fold-normalize",
        choices=RANGES,
        nargs="?",
        const="pixels",
        help="normalise (mean, std) within the graph, which then takes pixels: 0 to 255 as float32 (default), or half: -1 to 1, "
        "as RapidOCR feeds by itself",
    )
    parser.add_argument("--sub-model", metavar="NAME", help="which network of a distillation recipe (default Student)")
    parser.add_argument(
        "--static", type=_size, metavar="HxW", help="a graph for one image of that size, such as 48x320 or 960x960, nothing free"
    )
    parser.add_argument(
        "--int8",
        choices=INT8,
        nargs="?",
        const="all",
        help="int8 weights by dynamic quantisation: all (default), or matmul: convolutions stay in float",
    )
    parser.add_argument(
        "--pair",
        metavar="BUNDLE",
        nargs="+",
        default=[],
        help="bundles beside this one, of a detector or recogniser and perhaps a classifier: also write rapidocr_pair.yaml, "
        "RapidOCR's settings for whole pages",
    )
    return parser


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    parser = make_parser(prog)
    args = parser.parse_args(argv)
    if (args.refresh is None) == (args.config is None):
        parser.error("give a recipe (-c) to export, or --refresh BUNDLE")

    from ppocr_like.components import load_components
    from ppocr_like.export import export
    from ppocr_like.export.refresh import refresh

    if args.refresh is not None:
        refresh(args.refresh, say=lambda line: print(line, flush=True))
        return 0
    recipe = recipe_from(args)
    load_components(recipe.plugins)
    given = {key: value for key, value in vars(args).items() if key not in ("config", "opt", "refresh", "plugin")}
    export(recipe, **given, say=lambda line: print(line, flush=True))
    return 0
