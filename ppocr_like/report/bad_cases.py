"""The lines of a folder of results that are likely wrong: those the model doubts, and those that two models read differently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from ppocr_like.documents.page import Line, Page
from ppocr_like.errors import DataError
from ppocr_like.metrics.page_text import judge_page
from ppocr_like.pipeline.page_sources import PageSource
from ppocr_like.pipeline.preprocess import decoded, plain
from ppocr_like.report.html import embedded, html_document
from ppocr_like.transforms.line_cut import cut_quad

SHOWN = 200
HIGH, LONGEST, QUALITY = 48, 2400, 80  # px of a line's picture: its least height, its greatest length; JPEG


@dataclass(frozen=True, eq=False)
class BadCase:
    """A line worth looking at.

    Args:
        page: where it stands.
        line: as the first model read it; None: only the other found it.
        other: as the second model read it; None: there is none, or it did not find it.
        disagreement: normalised edit distance of the two texts, [0, 1]; 1 where only one found it, 0 without a second model.
        truth: what it says, where that is known; "": nothing is there.
        kind: what became of it (of the names in `metrics.page_text`), where that is known.
    """

    page: Page
    line: Line | None
    other: Line | None = None
    disagreement: float = 0.0
    truth: str | None = None
    kind: str = ""

    @property
    def confidence(self) -> float:
        """The lower one of the two."""
        return min(line.confidence for line in (self.line, self.other) if line is not None)


def find_bad_cases(pages: Sequence[Page], others: Sequence[Page] | None = None) -> list[BadCase]:
    """All lines, the worst first: by disagreement where there is a second model's reading of the pages, then by confidence.

    Lines that the confidence filter left out belong to them.

    Raises:
        DataError: the two have no page in common.
    """
    if others is None:
        cases = [BadCase(page, line) for page in pages for line in (*page.lines, *page.left_out)]
    else:
        second = {page.source: page for page in others}
        common = [(page, second[page.source]) for page in pages if page.source in second]
        if not common:
            raise DataError("the two folders of results have no page in common; both must be read from the same paths")
        cases = [case for page, other in common for case in _compared(page, other)]
    return sorted(cases, key=lambda case: (-case.disagreement, case.confidence))


def _compared(page: Page, other: Page) -> list[BadCase]:
    first, second = [*page.lines, *page.left_out], [*other.lines, *other.left_out]
    pairs = judge_page(first, second).pairs
    cases = []
    for i, line in enumerate(first):
        partner = second[pairs[i]] if i in pairs else None
        apart = 1.0 if partner is None else Levenshtein.normalized_distance(line.text, partner.text)
        cases.append(BadCase(page, line, partner, apart))
    cases += [BadCase(page, None, line, 1.0) for j, line in enumerate(second) if j not in pairs.values()]
    return cases


def bad_cases_html(cases: Sequence[BadCase], source: str, shown: int = SHOWN, password: str | None = None) -> str:
    """The document: each line's picture, what was read, how certainly.

    Args:
        cases: the worst first.
        source: the folder's name.
        shown: most lines.
        password: of the PDF files that need one.
    """
    doubtful = sum(case.confidence < 0.8 for case in cases)
    cards = [(f"{len(cases)}", "lines"), (f"{doubtful}", "less certain than 0.8")]
    if any(case.truth is not None for case in cases):
        cards[0] = (cards[0][0], "lines read wrong")
    elif any(case.disagreement or case.other is not None for case in cases):
        cards.append((f"{sum(case.disagreement > 0 for case in cases)}", "read differently"))
    pictures = _Pictures(password)
    return html_document(
        "bad_cases.html",
        "Lines worth looking at",
        source,
        cards=cards,
        note=how_many(len(cases), shown).capitalize(),
        cases=[(case, _picture(case, pictures)) for case in cases[:shown]],
    )


def how_many(count: int, shown: int) -> str:
    """What a page of at most `shown` lines holds of `count`, in words."""
    if count > shown:
        return f"the worst {shown} of {count} lines"
    return f"all {count} lines, the worst first" if count > 1 else f"{count or 'no'} line{'' if count else 's'}"


class _Pictures:
    """Of pages, one of which is held at a time; one that cannot be shown raises the same error again."""

    def __init__(self, password: str | None) -> None:
        self.password = password
        self._source: str | None = None
        self._held: np.ndarray | DataError

    def of(self, page: Page) -> np.ndarray:
        if self._source != page.source:
            self._source = page.source
            try:
                self._held = page_picture(page, self.password)
            except DataError as error:
                self._held = error
        if isinstance(self._held, DataError):
            raise self._held
        return self._held


def _picture(case: BadCase, pictures: _Pictures) -> dict[str, Any]:
    """`source`, `width` and `height` (px) of the line's picture, or the `trouble` that there is with it."""
    line = case.line or case.other
    assert line is not None
    try:
        crop = cut_quad(pictures.of(case.page), line.points)
    except DataError as error:
        return {"trouble": f"the picture cannot be shown: {error}"}
    if crop is None:
        return {"trouble": "the picture cannot be shown"}
    source, (width, height) = embedded(crop.rotated((line.turned - crop.turned) // 90).image, LONGEST, QUALITY, HIGH)
    return {"trouble": "", "source": source, "width": width, "height": height}


def page_picture(page: Page, password: str | None = None) -> np.ndarray:
    """(H, W, 3) uint8 BGR, upright.

    Args:
        page: as it was read.
        password: of a PDF file that needs one.

    Raises:
        DataError: the file cannot be read, or its size is another one than when it was.
    """
    image = plain(replace(PageSource.named(page.source), password=password), page.source)
    picture = image if isinstance(image, np.ndarray) else decoded(image)
    height, width = picture.shape[:2]
    if (height, width) != (page.height, page.width):
        told = f"is {width} x {height} px now, and was {page.width} x {page.height} when it was read; read it again"
        raise DataError(told, page.source)
    return picture
