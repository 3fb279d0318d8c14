"""Convert weights: any that this program reads become .safetensors, PaddleOCR's .pdparams, or kraken's, with a table of what
became what.

python tools/convert_weights.py ch_PP-OCRv4_rec_train/student.pdparams out.safetensors -c PP-OCRv4_mobile_rec.yml
python tools/convert_weights.py output/my/best_accuracy.safetensors my.pdparams --to paddle -c my.yml
python tools/convert_weights.py PP-OCRv6_rec_small.onnx out.safetensors -c configs/rec/ppocrv6_small_rec_ft.yml
python tools/convert_weights.py output/kraken/best_accuracy.safetensors for_kraken.safetensors --to kraken
python tools/convert_weights.py model.safetensors for_older_kraken.mlmodel

With a recipe (-c) the table shows for each tensor whether the recipe's network has it, linear weights are turned by the
network's own layers, and recipe and characters go into the file. Without one only names are changed, and .onnx cannot be read.
Status 2: the weights cannot be read, or do not fit the recipe.
"""

from __future__ import annotations

from collections.abc import Sequence

from ppocr_like.cli.arguments import CommandParser, PluginOption


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    parser = CommandParser(__doc__, prog)
    parser.add_argument("source", help="weights: a file, a folder that holds them, or a prefix without suffix")
    parser.add_argument("target", help="file to write; --to may tell its kind")
    parser.add_argument("-c", "--config", help="recipe of the network")
    parser.add_argument(
        "-o", "--opt", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="overrides of the recipe"
    )
    parser.add_argument("--plugin", action=PluginOption, metavar="MODULE", help="import a package of yours that has the network")
    parser.add_argument(
        "--to", choices=["safetensors", "paddle", "kraken", "coreml"], help="kind of the new file (default: by its suffix)"
    )
    parser.add_argument("--sub-model", help="network to take of a distillation's weights (Student, Teacher ...)")
    parser.add_argument("--partial", action="store_true", help="with -c: also where some of the network's tensors are missing")
    parser.add_argument("--quiet", action="store_true", help="no table, the summary alone")
    args = parser.parse_args(argv)

    from ppocr_like.config.recipe import load_recipe

    recipe = load_recipe(args.config, args.opt) if args.config else None

    from ppocr_like.components import load_components
    from ppocr_like.weights.convert import convert

    load_components(recipe.plugins if recipe else [])
    result = convert(args.source, args.target, recipe, to=args.to, sub_model=args.sub_model, partial=args.partial)
    if not args.quiet:
        print(result.table())
    print(result.summary())
    return 0
