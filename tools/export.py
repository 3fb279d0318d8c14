"""Export trained weights as a bundle: ONNX with all it needs inside, inference.yml, RapidOCR's settings; verified first.

python tools/export.py -c configs/rec/svtr_ft.yml -o Global.pretrained_model=output/ft Global.save_inference_dir=output/bundle
python tools/export.py -c configs/det/db_mv3_ft.yml -o Global.pretrained_model=output/db_mv3_ft

Status 2: the bundle's answers differ from the trained model's, or it cannot be made; an earlier bundle is left as it was.
"""

from ppocr_like.components import load_components
from ppocr_like.config.cli import recipe_from, recipe_parser, run
from ppocr_like.export import TOLERANCE, export
from ppocr_like.pipeline.normalise import RANGES


def main() -> None:
    parser = recipe_parser(__doc__)
    parser.add_argument(
        "--no-verify-data", action="store_true", help="compare on random tensors only, not on the evaluation sets"
    )
    parser.add_argument(
        "--tolerance", type=float, default=TOLERANCE, help=f"largest difference of a probability (default {TOLERANCE:g})"
    )
    parser.add_argument(
        "--fold-normalize",
        choices=sorted(RANGES),
        nargs="?",
        const="pixels",
        help="normalise (mean, std) within the graph, which then takes pixels: 0 to 255 as float32 (default), or half: -1 to 1, "
        "as RapidOCR feeds by itself",
    )
    parser.add_argument("--sub-model", metavar="NAME", help="which network of a distillation recipe (default Student)")
    args = parser.parse_args()
    recipe = recipe_from(args)
    load_components(recipe.plugins)
    export(
        recipe,
        verify_data=not args.no_verify_data,
        tolerance=args.tolerance,
        fold_normalize=args.fold_normalize,
        sub_model=args.sub_model,
        say=lambda line: print(line, flush=True),
    )


if __name__ == "__main__":
    run(main)
