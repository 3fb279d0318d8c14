"""Keep the weights of another program's model as a file of one's own, with its network and characters in it.

python tools/weights.py rapidocr:rec -o pp_ocrv6.safetensors
python tools/weights.py rapidocr:det -o det.safetensors --recipe det.yml       # and a recipe that trains on from it
python tools/infer.py --model pp_ocrv6.safetensors line.jpg

rapidocr:rec, :det are the models of the package rapidocr, where it is installed; others that say their network will do, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from ppocr_like.cli.arguments import CommandParser


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    parser = CommandParser(__doc__, prog)
    parser.add_argument("source", help="rapidocr:rec, rapidocr:det, or weights of any kind")
    parser.add_argument("-o", "--out", required=True, metavar="FILE", help="the new file, .safetensors")
    parser.add_argument("--recipe", metavar="FILE", help="also write a recipe that trains on from it; edit its data")
    parser.add_argument("--network", metavar="RECIPE", help="recipe of the network, for weights that do not say it")
    args = parser.parse_args(argv)

    from ppocr_like.components import load_components
    from ppocr_like.engine import set_up_console
    from ppocr_like.finetune.keep import keep_weights

    set_up_console()
    load_components([])
    print(keep_weights(args.source, args.out, recipe=args.recipe, network=args.network))
    return 0
