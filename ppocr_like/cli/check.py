"""Check a recipe in seconds, without touching data: every mistake at once, with its YAML path and the nearest name.

    python tools/check.py -c configs/rec/svtr_ft.yml
    python tools/check.py -c configs/rec/svtr_ft.yml -o Global.epoch_num=2 --print
    python tools/check.py -c configs/rec/svtr_ft.yml --data --sample 10000
    python tools/check.py -c configs/rec/svtr_ft.yml --draw 20

Status 0: good. 1: the recipe or the data has problems. 2: the recipe cannot be read, or the command is wrong.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ppocr_like.cli.arguments import recipe_from, recipe_parser
from ppocr_like.errors import ConfigError, Problem

if TYPE_CHECKING:
    from ppocr_like.config.build import Builder
    from ppocr_like.config.recipe import Recipe


def _layers(builder: Builder) -> list[str]:
    """The layers of a backbone that tells them."""
    from ppocr_like.charset import Charset
    from ppocr_like.registry import BACKBONES

    name = builder.recipe.get("Architecture.Backbone.name")
    if not isinstance(name, str) or not hasattr(BACKBONES.get(name, builder.task), "layer_table"):
        return []
    if builder.known_charset is None:
        builder = builder.reading(Charset("a"))  # the classes come later, and no layer of a backbone depends on them
    return list(builder.model().backbone.layer_table())


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    parser = recipe_parser(__doc__, prog)
    parser.add_argument("--print", action="store_true", help="show the effective recipe")
    parser.add_argument("--data", action="store_true", help="look at the data too: images, labels, dictionary, leakage")
    parser.add_argument("--sample", type=int, metavar="N", help="with --data: look at N samples of each set only")
    parser.add_argument("--draw", type=int, metavar="N", help="write pictures of N training samples with their targets")
    parser.add_argument("--draw-to", default="train_samples", metavar="DIR", help="where to (default: %(default)s)")
    args = parser.parse_args(argv)
    if args.sample is not None and (args.sample < 1 or not args.data):
        parser.error("--sample takes a number of at least 1 and goes with --data")
    if args.draw is not None and args.draw < 1:
        parser.error("--draw takes a number of at least 1")
    recipe = recipe_from(args)

    from ppocr_like.components import load_components
    from ppocr_like.config.checks import SYSTEM
    from ppocr_like.config.loader import AUTO

    if args.print:
        print(recipe.to_yaml(), end="")
    load_components(recipe.plugins)
    if recipe.get(SYSTEM) is not None:
        if args.draw:
            parser.error("--draw shows training samples, which a recipe with the section System has none of")
        from ppocr_like.evaluation.check import check_pages  # brings torch

        lines, good = check_pages(recipe, args.data)
        print("\n".join(lines))
        return 0 if good else 1
    builder, problems = _checked(recipe)
    if problems:
        print(ConfigError(problems, recipe.source))
        return 1
    if (args.data or args.draw) and builder.reads_text and recipe.globals.codec == AUTO:
        from ppocr_like.data.classes import training_codec

        builder = builder.reading(training_codec(recipe))
    for line in builder.known_charset.odd_entries(most=100) if builder.known_charset is not None else ():
        print(f"note: {line}")
    for line in _layers(builder):
        print(line)
    print(f"{recipe.source}: good")
    return 1 if _look(builder, args) else 0


def _checked(recipe: Recipe) -> tuple[Builder, list[Problem]]:
    """The recipe's builder, with the characters of its weights where it names none, and all that is wrong; prints the notes."""
    from ppocr_like.config.architecture import named_weights
    from ppocr_like.config.build import Builder

    builder, missing = Builder(recipe), list[Problem]()
    if named_weights(recipe):
        from ppocr_like.engine.named_weights import missing_weights

        missing = missing_weights(recipe)
    try:
        if not missing and (recipe.get("Global.pretrained_model") or recipe.get("Global.checkpoints")):
            from ppocr_like.weights.reading import reading_builder

            builder = reading_builder(recipe)
        builder.check()
        if recipe.globals.weights_format is not None:
            from ppocr_like.weights.formats import check_format

            check_format(builder)
    except ConfigError as error:
        return builder, [*(error.problems or [Problem("", str(error))]), *missing]
    finally:
        for note in recipe.notes:
            print(f"note: {note}")
    return builder, missing


def _look(builder: Builder, args: argparse.Namespace) -> int:
    """Problems of the data, where `--data` asks for them; the pictures of `--draw`."""
    problems = 0
    if args.data:
        from ppocr_like.doctor import examine as doctor  # brings torch, which the check alone may not need

        report = doctor.examine(builder, sample=args.sample)
        print(report.text())
        problems = report.problems
    if args.draw:
        from ppocr_like.config.reads import recipe_reads
        from ppocr_like.report.samples import claim_sheets, draw_samples

        claim_sheets(args.draw_to, recipe_reads(builder.recipe)[1])
        print(draw_samples(builder, args.draw, args.draw_to).text())
    return problems
