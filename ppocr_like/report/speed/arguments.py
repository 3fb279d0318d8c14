"""The benchmark's own arguments on the command line."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

from ppocr_like.report.speed.settings import SECTIONS, Settings, Shape


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of `Settings`, and `--quick`."""
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


def settings_from(args: argparse.Namespace) -> Settings:
    """What the arguments ask for; those that were given win over `--quick`."""
    names = {field.name for field in fields(Settings)}
    given: dict[str, Any] = {name: value for name, value in vars(args).items() if name in names and value is not None}
    return Settings(**{**(Settings.quick() if args.quick else {}), **given})
