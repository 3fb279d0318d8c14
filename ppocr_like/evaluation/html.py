"""An end-to-end evaluation as one HTML file for a browser: the worst pages first, with what went wrong drawn on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.errors import DataError
from ppocr_like.evaluation.judged import JudgedPage, SystemEvaluation
from ppocr_like.metrics.page_text import FALSE, IGNORED, MERGED, MISSED, RIGHT, SPLIT, WRONG
from ppocr_like.pipeline.preprocess import decoded
from ppocr_like.report.html import embedded, html_document

SHOWN = 40  # pages with a picture, in each set
LONGEST, QUALITY = 1400, 72  # px of a picture's longer side; JPEG
COLOURS = {RIGHT: "#1a7f37", WRONG: "#c75000", MISSED: "#d1001f", FALSE: "#8b2fc9", MERGED: "#0b62d6", SPLIT: "#00838f"}
MEANING = {
    RIGHT: "found, text right",
    WRONG: "found, text wrong",
    MISSED: "not found",
    FALSE: "read where nothing is",
    MERGED: "read together with others",
    SPLIT: "read in pieces",
}


@dataclass(frozen=True)
class _Shape:
    """An outline over a picture: `points` as SVG writes them, `title` what it says."""

    points: str
    kind: str
    title: str
    dashed: bool = False


def html_report(evaluations: Sequence[SystemEvaluation], source: str, shown: int = SHOWN) -> str:
    """The document.

    Args:
        evaluations: one part for each.
        source: the recipe's name.
        shown: pages of each set that get a picture, the worst.
    """
    return html_document(
        "system.html",
        "Pages read, end to end",
        source,
        keys=[(colour, MEANING[kind]) for kind, colour in COLOURS.items()],
        colours=COLOURS,
        sets=[_set(evaluation, shown) for evaluation in evaluations],
        shown=shown,
    )


def _set(evaluation: SystemEvaluation, shown: int) -> dict[str, Any]:
    numbers = evaluation.numbers()
    worst = sorted(evaluation.pages, key=lambda page: page.judgement.counts.errors, reverse=True)
    return {
        "name": evaluation.name,
        "cards": [
            (f"{100 * numbers['cer']:.1f} %", "character errors of the pages"),
            (f"{numbers['hmean_exact']:.3f}", "hmean, text equal"),
            (f"{numbers['hmean_text']:.3f}", "hmean, text alike"),
            (f"{numbers['hmean']:.3f}", "hmean, places only"),
            (f"{numbers['n']:.0f}", "pages"),
            (f"{numbers['lines']:.0f}", "lines"),
            (f"{numbers['seconds']:.2f} s", "per page"),
        ],
        "pages": [_page(page, with_picture=i < shown) for i, page in enumerate(worst)],
    }


def _page(page: JudgedPage, with_picture: bool) -> dict[str, Any]:
    counts = page.judgement.counts
    return {
        "name": Path(page.truth.source).name,
        "numbers": counts.numbers(),
        "errors": counts.errors,
        "seconds": page.seconds,
        "rows": list(_rows(page)),
        "trouble": page.error,
        **(_sheet(page) if with_picture and not page.error else {"picture": ""}),
    }


def _sheet(page: JudgedPage) -> dict[str, Any]:
    """The picture, its `size` and that of the original, `view` ((width, height) px), and the outlines; or why there is none."""
    try:
        image = decoded(page.truth.source)
    except DataError:
        return {"trouble": "the picture cannot be shown"}
    if page.page is None:
        return {"trouble": "nothing was read"}
    picture, size = embedded(image, LONGEST, QUALITY)
    return {"picture": picture, "size": size, "view": image.shape[1::-1], "shapes": list(_shapes(page))}


def _shapes(page: JudgedPage) -> Iterator[_Shape]:
    judgement, lines = page.judgement, page.page.lines if page.page is not None else ()
    partner = {other: one for one, other in judgement.pairs.items()}
    for i, (true, kind) in enumerate(zip(page.truth.lines, judgement.truth, strict=True)):
        if i not in judgement.pairs and kind != IGNORED:
            yield _Shape(_points(true.points), kind, f"{MEANING[kind]}: {true.text}", dashed=True)
    for j, (line, kind) in enumerate(zip(lines, judgement.found, strict=True)):
        if kind != IGNORED:
            wanted = f" | it says: {page.truth.lines[partner[j]].text}" if kind == WRONG else ""
            yield _Shape(_points(line.points), kind, f"{MEANING[kind]}: {line.text}{wanted}")


def _points(outline: np.ndarray) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in np.asarray(outline))


def _rows(page: JudgedPage) -> Iterator[tuple[str, str, str]]:
    """(what became of it, what it says, what was read) of every line that is not right."""
    judgement, lines = page.judgement, page.page.lines if page.page is not None else ()
    for i, (true, kind) in enumerate(zip(page.truth.lines, judgement.truth, strict=True)):
        if kind not in (RIGHT, IGNORED):
            yield kind, true.text, lines[judgement.pairs[i]].text if i in judgement.pairs else ""
    for line, kind in zip(lines, judgement.found, strict=True):
        if kind in (FALSE, MERGED, SPLIT):
            yield kind, "", line.text
