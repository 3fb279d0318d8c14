"""How fast a recipe trains on this machine: data chain, bare step, real loop, memory, beside the machine's matrix product.

    python tools/benchmark.py -c configs/rec/svtr_ft.yml
    python tools/benchmark.py -c configs/rec/svtr_ft.yml --shape 32x3x48x320 --json speed.json

Nothing is evaluated, and no weights are kept.
"""

import argparse
import json
import logging

from ppocr_like.components import load_components
from ppocr_like.config import cli
from ppocr_like.engine import Interrupted
from ppocr_like.report.benchmark import Settings, Shape, benchmark


def shape(text: str) -> Shape:
    """An argument like 32x3x48x320."""
    try:
        return Shape.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def main() -> int:
    parser = cli.recipe_parser(__doc__ or "")
    defaults = Settings()
    parser.add_argument(
        "--shape", type=shape, metavar="NxCxHxW", help="canvas of the chain, batch of the bare step (default: the recipe's)"
    )
    parser.add_argument(
        "--chain", type=int, default=defaults.chain_samples, metavar="N", help="samples through the data chain in a round"
    )
    parser.add_argument("--steps", type=int, default=defaults.steps, metavar="N", help="training steps in a round")
    parser.add_argument("--rounds", type=int, default=defaults.rounds, metavar="N", help="how often each figure is taken")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    args = parser.parse_args()
    for name in ("chain", "steps", "rounds"):
        if getattr(args, name) < 1:
            parser.error(f"--{name} takes a number of at least 1")
    logging.getLogger("ppocr_like").setLevel(logging.WARNING)  # the trainer's own lines are not what is asked for here
    recipe = cli.recipe_from(args)
    load_components(recipe.plugins)
    try:
        result = benchmark(recipe, Settings(args.shape, args.chain, args.rounds, args.steps))
    except Interrupted as signal:
        return signal.status
    print(result.table())
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(result.figures, file, indent=2)
            file.write("\n")
    return 0


if __name__ == "__main__":
    cli.run(main)
