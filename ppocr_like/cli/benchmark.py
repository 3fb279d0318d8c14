"""Measure how fast a recipe trains, evaluates and runs on this machine, and what holds it back (docs/benchmark.md).

    python tools/benchmark.py -c configs/rec/svtr_ft.yml
    python tools/benchmark.py -c configs/rec/svtr_ft.yml --quick --only step loop
    python tools/benchmark.py -c configs/rec/svtr_ft.yml --json now.json --picture now.png --against before.json
    python tools/benchmark.py --pages scans/ --det output/det/inference --rec output/rec/inference
    python tools/benchmark.py -c configs/rec/svtr_ft.yml --base HEAD~5 --only step --shape 16x3x48x320

--base measures an earlier commit and the files as they are in turns, and tells the ratios with their spread. No weights are kept.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from ppocr_like.benchmark.settings import SECTIONS, Settings, Shape
from ppocr_like.cli.arguments import CommandParser, recipe_from, recipe_parser


def shape(text: str) -> Shape:
    """An argument like 32x3x48x320."""
    try:
        return Shape.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def natural(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def workers(text: str) -> int:
    """A whole number of at least 0."""
    return 0 if text == "0" else natural(text)


def make_parser(prog: str | None = None) -> CommandParser:
    parser = recipe_parser(__doc__, prog, required=False)
    usual = Settings()
    about = "; ".join(f"{name}: {what}" for name, what in SECTIONS.items())
    names = ["limits", *SECTIONS]
    add = parser.add_argument
    add("--only", nargs="+", metavar="SECTION", choices=names, help=f"measure only these ({about})")
    add("--quick", action="store_true", help="fewer rounds, samples and sizes; the figures are rough")
    add("--shape", type=shape, metavar="NxCxHxW", help="canvas of the chain, batch of the steps (the recipe's)")
    add("--chain", dest="chain_samples", type=natural, metavar="N", help=f"samples in a round ({usual.chain_samples})")
    add("--steps", type=natural, metavar="N", help=f"steps of the loop in a round ({usual.steps})")
    add("--rounds", type=natural, metavar="N", help=f"how often each figure is taken ({usual.rounds})")
    add("--widths", type=natural, metavar="N", help=f"how many of the recipe's canvas widths ({usual.widths})")
    add("--workers", type=workers, nargs="+", metavar="N", help="numbers of workers (0, 1, the recipe's, the cores')")
    add("--runtime-sizes", type=natural, nargs="+", metavar="PX", help="widths of lines (320 640 1280), sides of pages (480 960)")
    add("--runtime-batches", type=natural, nargs="+", metavar="N", help="batch sizes there (1 8)")
    add("--profile", metavar="FILE", help="write a profiler's trace of a few steps, for chrome://tracing, and list operators")
    add("--json", metavar="FILE", help="write the figures there, too")
    add("--against", metavar="FILE", help="figures that --json wrote before: say what changed by more than 10 %%")
    add("--base", metavar="COMMIT", help="measure this commit and the files as they are in turns, and compare them")
    add("--turns", type=natural, default=3, metavar="N", help="with --base: how often each is measured (3)")
    add("--picture", metavar="FILE", help="draw the figures as bars (PNG)")
    pages = parser.add_argument_group("reading pages")
    pages.add_argument("--pages", nargs="+", metavar="FILE", help="in place of a recipe: images, folders; how fast they are read")
    pages.add_argument("--det", help="detector: a bundle")
    pages.add_argument("--rec", help="recogniser: a bundle")
    pages.add_argument("--threads", type=natural, metavar="N", help="of ONNX Runtime (all processors)")
    pages.add_argument("--narrowest", type=natural, metavar="PX", help="narrowest canvas of lines (the recogniser's own)")
    return parser


def measured_pages(args: argparse.Namespace) -> str:
    """The table of how fast pages are read."""
    import cv2

    from ppocr_like.benchmark.reading import measure_reading
    from ppocr_like.memory import share_heaps

    cv2.setNumThreads(1)  # as tools/infer.py does
    share_heaps()
    options = {"threads": args.threads, "workers": max([1, *(args.workers or [])]), "narrowest": args.narrowest}
    speed = measure_reading(args.det, args.rec, args.pages, **options)
    return speed.table()


def settings_from(args: argparse.Namespace) -> Settings:
    """What the arguments ask for; those that were given win over `--quick`."""
    names = {field.name for field in fields(Settings)}
    given: dict[str, Any] = {name: value for name, value in vars(args).items() if name in names and value is not None}
    return Settings(**{**(Settings.quick() if args.quick else {}), **given})


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    parser = make_parser(prog)
    args = parser.parse_args(argv)
    if (args.config is None) == (args.pages is None) or bool(args.pages) != bool(args.det and args.rec):
        parser.error("give a recipe (-c), or --pages with --det and --rec")
    if args.pages and args.base:
        parser.error("--base compares recipes; measure --pages in each commit")
    if args.pages:
        print(measured_pages(args))
        return 0
    if args.base is not None:
        return _beside_base(parser, args, sys.argv[1:] if argv is None else list(argv))

    from PIL import Image

    from ppocr_like.atomic import atomic_write, write_text
    from ppocr_like.benchmark.compare import against, load_figures
    from ppocr_like.benchmark.whole import benchmark
    from ppocr_like.components import load_components
    from ppocr_like.config.reads import recipe_reads
    from ppocr_like.engine import Interrupted
    from ppocr_like.outputs import claim

    before = load_figures(args.against) if args.against else None
    logging.getLogger("ppocr_like").setLevel(logging.WARNING)  # the trainer's own lines are not what is asked for here
    recipe = recipe_from(args)
    files, images = recipe_reads(recipe)
    outputs = [file for file in (args.json, args.picture, args.profile) if file]
    claim(outputs, [*files, args.against], images=images, advice="choose another file with --json, --picture or --profile")
    load_components(recipe.plugins)
    try:
        result = benchmark(recipe, settings_from(args), lambda text: print(text, file=sys.stderr), sys.stderr.isatty())
    except Interrupted as signal:
        return signal.status
    print(result.table())
    if before is not None:
        print(f"\nAgainst {args.against}:\n{against(before, result.figures)}")
    if args.json:
        write_text(args.json, json.dumps(result.figures, indent=2) + "\n")
    if args.picture:
        picture = Image.fromarray(result.picture())
        atomic_write(args.picture, lambda file: picture.save(file, "PNG"))
    return 0


def _beside_base(parser: CommandParser, args: argparse.Namespace, argv: list[str]) -> int:
    """`--base`: both are measured in processes of their own, with the other arguments."""
    if args.against or args.picture or args.profile:
        parser.error("--base measures many times: leave out --against, --picture and --profile")

    from ppocr_like.atomic import write_text
    from ppocr_like.benchmark.alternating import alternate, table
    from ppocr_like.config.reads import recipe_reads
    from ppocr_like.outputs import claim

    own = argparse.ArgumentParser(add_help=False)
    for name in ("--base", "--turns", "--json"):
        own.add_argument(name)
    files, images = recipe_reads(recipe_from(args))
    claim([args.json] if args.json else [], files, images=images, advice="choose another file with --json")
    rest = own.parse_known_args(argv)[1]
    result = alternate(args.base, rest, args.turns, lambda text: print(text, file=sys.stderr))
    print(table(result))
    if args.json:
        write_text(args.json, json.dumps(result, indent=2) + "\n")
    return 0
