"""An end-to-end evaluation as one HTML file for a browser: the worst pages first, with what went wrong drawn on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import numpy as np

from ppocr_like.errors import DataError
from ppocr_like.metrics.page_text import FALSE, IGNORED, MERGED, MISSED, RIGHT, SPLIT, WRONG
from ppocr_like.pipeline.preprocess import decoded
from ppocr_like.report.html import embedded, html_document
from ppocr_like.report.judged import JudgedPage, SystemEvaluation

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


def html_report(evaluations: Sequence[SystemEvaluation], source: str, shown: int = SHOWN) -> str:
    """The document.

    Args:
        evaluations: one part for each.
        source: the recipe's name.
        shown: pages of each set that get a picture, the worst.
    """
    parts = [_set(evaluation, shown) for evaluation in evaluations]
    keys = "".join(f'<span class="key"><i style="border-color:{COLOURS[kind]}"></i>{MEANING[kind]}</span>' for kind in COLOURS)
    return html_document("Pages read, end to end", source, f"<p>{keys}</p>{''.join(parts)}")


def _set(evaluation: SystemEvaluation, shown: int) -> str:
    numbers = evaluation.numbers()
    cards = "".join(
        f"<div class='card'><b>{value}</b><span>{what}</span></div>"
        for value, what in (
            (f"{100 * numbers['cer']:.1f} %", "character errors of the pages"),
            (f"{numbers['hmean_exact']:.3f}", "hmean, text equal"),
            (f"{numbers['hmean_text']:.3f}", "hmean, text alike"),
            (f"{numbers['hmean']:.3f}", "hmean, places only"),
            (f"{numbers['n']:.0f}", "pages"),
            (f"{numbers['lines']:.0f}", "lines"),
            (f"{numbers['seconds']:.2f} s", "per page"),
        )
    )
    worst = sorted(evaluation.pages, key=lambda page: page.judgement.counts.errors, reverse=True)
    pages = "".join(_page(page, first=i == 0, picture=i < shown) for i, page in enumerate(worst))
    note = f"<p class='soft'>Most errors first; pictures of the first {shown}.</p>" if len(worst) > shown else ""
    return f"<h2>{escape(evaluation.name)}</h2><div class='cards'>{cards}</div>{note}{pages}"


def _page(page: JudgedPage, *, first: bool, picture: bool) -> str:
    numbers = page.judgement.counts.numbers()
    head = (
        f"<b>{100 * numbers['cer']:.1f} %</b> {escape(Path(page.truth.source).name)} "
        f"<span class='soft'>{page.judgement.counts.errors} errors; hmean {numbers['hmean_exact']:.2f} text equal, "
        f"{numbers['hmean']:.2f} places; {page.seconds:.2f} s</span>"
    )
    inside = f"<p class='bad'>{escape(page.error)}</p>" if page.error else _sheet(page) if picture else ""
    return f"<details{' open' if first else ''}><summary>{head}</summary><div class='page'>{inside}{_table(page)}</div></details>"


def _sheet(page: JudgedPage) -> str:
    """The picture with outlines over it; their texts show on a touch or under the pointer."""
    try:
        image = decoded(page.truth.source)
    except DataError:
        return "<p class='bad'>the picture cannot be shown</p>"
    if page.page is None:
        return "<p class='bad'>nothing was read</p>"
    height, width = image.shape[:2]
    source, size = embedded(image, LONGEST, QUALITY)
    shapes = "".join(_shapes(page))
    return (
        f"<div class='sheet'><img alt='' width='{size[0]}' height='{size[1]}' src='{source}'>"
        f"<svg viewBox='0 0 {width} {height}' preserveAspectRatio='none'>{shapes}</svg></div>"
    )


def _shapes(page: JudgedPage) -> Iterator[str]:
    judgement, lines = page.judgement, page.page.lines if page.page is not None else ()
    partner = {other: one for one, other in judgement.pairs.items()}
    for i, (true, kind) in enumerate(zip(page.truth.lines, judgement.truth, strict=True)):
        if i not in judgement.pairs and kind != IGNORED:
            yield _shape(true.points, kind, f"{MEANING[kind]}: {true.text}", dashed=True)
    for j, (line, kind) in enumerate(zip(lines, judgement.found, strict=True)):
        if kind != IGNORED:
            wanted = f" | it says: {page.truth.lines[partner[j]].text}" if kind == WRONG else ""
            yield _shape(line.points, kind, f"{MEANING[kind]}: {line.text}{wanted}")


def _shape(outline: np.ndarray, kind: str, title: str, dashed: bool = False) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in np.asarray(outline))
    dashes = " stroke-dasharray='6 4'" if dashed else ""
    colour = COLOURS[kind]
    return f"<polygon points='{points}' stroke='{colour}' fill='{colour}'{dashes}><title>{escape(title)}</title></polygon>"


def _table(page: JudgedPage) -> str:
    """Every line that is not right: what it says, what was read."""
    judgement, lines = page.judgement, page.page.lines if page.page is not None else ()
    rows = []
    for i, (true, kind) in enumerate(zip(page.truth.lines, judgement.truth, strict=True)):
        if kind not in (RIGHT, IGNORED):
            read = lines[judgement.pairs[i]].text if i in judgement.pairs else ""
            rows.append((kind, true.text, read))
    rows += [(kind, "", line.text) for line, kind in zip(lines, judgement.found, strict=True) if kind in (FALSE, MERGED, SPLIT)]
    if not rows:
        return ""
    body = "".join(
        f"<tr><td class='kind' style='color:{COLOURS[kind]}'>{kind}</td><td>{escape(wanted)}</td><td>{escape(read)}</td></tr>"
        for kind, wanted, read in rows
    )
    return f"<div class='wide'><table><tr><th></th><th>it says</th><th>read</th></tr>{body}</table></div>"
