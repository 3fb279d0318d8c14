"""Train a recipe, or continue a run.

python tools/train.py -c configs/rec/svtr_ft.yml -o Global.pretrained_model=pretrained/...
python tools/train.py -c configs/rec/svtr_ft.yml --load pretrained/...      # the same
python tools/train.py --resume output/svtr_ft    # data and options are those of the run
torchrun --nproc_per_node=4 --max-restarts=3 tools/train.py -c ...    # several processes, started again when one dies
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ppocr_like.cli.arguments import CommandParser, debugged, overrides_of, recipe_from, recipe_parser

if TYPE_CHECKING:
    from ppocr_like.config.recipe import Recipe

WEIGHTS = "Global.pretrained_model"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    began = time.perf_counter()
    parser = make_parser(prog)
    args = parser.parse_args(argv)
    refuse_contradictions(parser, args)
    recipe = asked_recipe(args)

    from ppocr_like.components import load_components
    from ppocr_like.engine import Interrupted, set_up_console, train

    set_up_console(recipe.get("Global.debug") is True)  # the section itself is checked with the rest
    load_components(recipe.plugins)
    try:
        train(recipe, began)
    except Interrupted as signal:
        return signal.status
    return 0


def make_parser(prog: str | None = None) -> CommandParser:
    """The whole parser."""
    parser = recipe_parser(__doc__, prog, required=False)
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with a run exactly, from its folder or latest.ckpt: data, options and split are those of the run, and -c is "
        "not needed",
    )
    parser.add_argument("--load", metavar="FILE", help=f"begin with the weights alone of a file or run: {WEIGHTS}=FILE")
    return parser


def refuse_contradictions(parser: CommandParser, args: argparse.Namespace) -> None:
    """Ends the process where the arguments do not say which run is meant."""
    if args.resume is not None and args.load is not None:
        parser.error(
            "--resume and --load exclude each other: --resume goes on with a run (weights, optimizer, schedule, data), "
            "--load begins a new one with nothing but the weights"
        )
    if args.resume is not None and args.config is not None:
        parser.error(
            "--resume goes on with the run's own recipe; leave out -c, and change single values with -o. With a recipe of "
            f"yours a run goes on by -c {args.config} -o Global.checkpoints={args.resume}"
        )
    if args.resume is None and args.config is None:
        parser.error("give a recipe with -c to begin a run, or a run folder with --resume to go on with one")
    if args.load is not None and any(item.partition("=")[0].strip() == WEIGHTS for item in overrides_of(args)):
        parser.error(f"--load is short for -o {WEIGHTS}=...; give one of them")


def asked_recipe(args: argparse.Namespace) -> Recipe:
    """The recipe that the arguments ask for.

    Raises:
        ConfigError, CheckpointError: see `load_recipe`, `recipe_of_run`.
    """
    if args.resume is not None:
        from ppocr_like.engine.going_on import recipe_of_run

        return debugged(recipe_of_run(args.resume, overrides_of(args)))
    if args.load is not None:
        args.opt.append([f"{WEIGHTS}={json.dumps(args.load, ensure_ascii=False)}"])
    return recipe_from(args)
