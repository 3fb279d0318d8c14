"""Reports that `tools/eval.py --report` wrote, read again: the lines that were read wrong, beside what they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from ppocr_like.data.sizes import header_size
from ppocr_like.documents.page import Line, Page
from ppocr_like.errors import DataError
from ppocr_like.metrics.page_text import FALSE, IGNORED, MERGED, RIGHT, SPLIT, Comparing
from ppocr_like.outside import LARGE, Malformed, load_json, number, outline, text_of
from ppocr_like.report.bad_cases import BadCase


def wrong_lines(file: str | Path) -> list[BadCase]:
    """The lines of all evaluation sets that were read wrong, missed, or read where nothing is: the most different first, of
    equally different ones those that the model was surest of.

    Texts are compared in NFC, runs of spaces as one.

    Raises:
        DataError: no such report, or of a detector alone; names file and entry.
    """
    tree = load_json(file, LARGE)
    if not isinstance(tree, dict) or not tree or not all(isinstance(part, dict) for part in tree.values()):
        raise DataError("is no report of tools/eval.py (--report FILE.json)", str(file))
    cases: list[BadCase] = []
    for name, part in tree.items():
        kind, make = ("pages", _page_cases) if "pages" in part else ("lines", _line_cases)
        entries = part.get(kind)
        if not isinstance(entries, list):
            raise DataError(f"is no report of tools/eval.py: set {name!r} has neither pages nor lines", str(file))
        for entry_number, entry in enumerate(entries, 1):
            try:
                cases += make(entry)
            except (LookupError, TypeError, AttributeError, ValueError) as error:
                what = f"has no {error}" if isinstance(error, KeyError) else str(error)
                raise DataError(f"{what}; evaluate again with --report", f"{file}, {name}, {kind} {entry_number}") from error
    return sorted(cases, key=lambda case: (-case.disagreement, -case.confidence))


def _line_cases(entry: dict[str, Any]) -> Iterator[BadCase]:
    """Of a line image; of a detector's page there is nothing to compare."""
    if "prediction" not in entry:
        raise Malformed("holds no texts; a report of a detector alone has none")
    wanted, got, compare = text_of(entry["reference"]), text_of(entry["prediction"]), Comparing()
    if compare(wanted) == compare(got):
        return
    path = text_of(entry["path"])
    width, height = header_size(path)
    edge = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    line = Line(edge, got, number(entry.get("confidence", 0.0), "confidence", 0, 1))
    yield BadCase(Page(path, width, height, (line,)), line, None, _apart(wanted, got), wanted)


def _page_cases(entry: dict[str, Any]) -> Iterator[BadCase]:
    path = text_of(entry["image"])
    if "error" in entry:
        return
    page = Page(path, *header_size(path))
    read = [_read_line(line) for line in entry["read"]]
    partners = {}
    for true in entry["truth"]:
        wanted, kind = text_of(true["text"]), text_of(true["is"])
        if kind in (RIGHT, IGNORED):
            continue
        index = true.get("line")
        line = None if index is None else read[int(number(index, "line", 0, len(read) - 1))]
        partners[index] = True
        if line is None:
            missed = Line(outline(true["points"]), "", 0.0)
            yield BadCase(page, missed, None, 1.0, wanted, kind)
        else:
            yield BadCase(page, line, None, _apart(wanted, line.text), wanted, kind)
    for index, (line, entry_read) in enumerate(zip(read, entry["read"], strict=True)):
        kind = text_of(entry_read["is"])
        if kind in (FALSE, MERGED, SPLIT) and index not in partners:
            yield BadCase(page, line, None, 1.0 if kind == FALSE else 0.0, "" if kind == FALSE else None, kind)


def _read_line(entry: dict[str, Any]) -> Line:
    turned = int(number(entry.get("turned", 0), "turned", 0, 270))
    return Line(outline(entry["points"]), text_of(entry["text"]), number(entry["confidence"], "confidence", 0, 1), turned=turned)


def _apart(wanted: str, got: str) -> float:
    compare = Comparing()
    return Levenshtein.normalized_distance(compare(wanted), compare(got))
