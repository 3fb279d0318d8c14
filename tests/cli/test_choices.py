"""Choices that a command line writes out, so that `--help` need not load what they choose from: they are the rooms' own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import pytest

from ppocr_like.cli import bad_cases, convert_data, export, infer, synth
from ppocr_like.convert import target
from ppocr_like.documents.formats import coco_text, hiertext, icdar, icdar2019, labelme
from ppocr_like.pipeline import normalise, page_files, read_pages
from ppocr_like.report import bad_cases as page
from ppocr_like.synth import write


def choices(parser: argparse.ArgumentParser, option: str) -> Sequence[str]:
    return next(action.choices for action in parser._actions if option in action.option_strings)


def of_format(name: str) -> argparse.ArgumentParser:
    return next(action for action in convert_data.make_parser()._actions if action.dest == "format").choices[name]


@pytest.mark.parametrize(
    ("parser", "option", "room"),
    [
        (of_format("hiertext"), "--level", hiertext.LEVELS),
        (of_format("hiertext"), "--illegible", hiertext.ILLEGIBLE),
        (of_format("icdar"), "--form", icdar.FORMS),
        (of_format("coco-text"), "--split", coco_text.SPLITS),
        (of_format("rects"), "--level", icdar2019.LEVELS),
        (of_format("labelme"), "--text-from", labelme.TEXT_FROM),
        (of_format("icdar"), "--crop-format", target.CROP_FORMATS),
        (synth.make_parser(), "--suffix", write.FORMATS),
        (export.make_parser(), "--fold-normalize", normalise.RANGES),
        (infer.make_parser(), "--pdf-text", (page_files.SKIP, page_files.ADD)),
    ],
    ids=str,
)
def test_choices(parser: argparse.ArgumentParser, option: str, room: Sequence[str]) -> None:
    assert sorted(choices(parser, option)) == sorted(room)


def test_kinds_of_pages_and_the_number_of_lines() -> None:
    assert tuple(infer.KINDS.split(",")) == read_pages.KINDS
    assert tuple(infer.DEFAULT_KINDS.split(",")) == read_pages.DEFAULT_KINDS
    assert bad_cases.SHOWN == page.SHOWN
