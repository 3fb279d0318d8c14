"""Pages that were read and judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ppocr_like.documents.page import Page
from ppocr_like.documents.plain import plain
from ppocr_like.metrics.page_text import Judgement, PageCounts


@dataclass(frozen=True, eq=False)
class JudgedPage:
    """One page of an evaluation set.

    Args:
        truth: what stands on it.
        page: what was read; None when the image could not be used, and then `error` says why.
        judgement: of an image that could not be used all lines are missed.
        seconds: that reading took.
    """

    truth: Page
    page: Page | None
    judgement: Judgement
    seconds: float
    error: str = ""


@dataclass(frozen=True, eq=False)
class SystemEvaluation:
    """One evaluation set."""

    name: str
    pages: list[JudgedPage] = field(default_factory=list)

    @property
    def counts(self) -> PageCounts:
        """Of all pages together."""
        return sum((page.judgement.counts for page in self.pages), PageCounts())

    def numbers(self) -> dict[str, float]:
        """See `PageCounts.numbers`; `cer_mean` of pages, `seconds` per page."""
        cers = [page.judgement.counts.numbers()["cer"] for page in self.pages]
        seconds = [page.seconds for page in self.pages]
        return {**self.counts.numbers(), "cer_mean": float(np.mean(cers)), "seconds": float(np.mean(seconds))}

    def text(self) -> str:
        """One line."""
        return ", ".join(f"{name} {value:.4f}" for name, value in self.numbers().items())

    def report(self) -> dict[str, Any]:
        """Plain data: the numbers, and of each page its numbers and every line."""
        return {"metrics": self.numbers(), "pages": [_page_report(page) for page in self.pages]}


def _page_report(page: JudgedPage) -> dict[str, Any]:
    judgement = page.judgement
    read = page.page.lines if page.page is not None else ()
    truth = [
        {
            "text": line.text,
            "is": kind,
            "read": read[judgement.pairs[i]].text if i in judgement.pairs else None,
            "line": judgement.pairs.get(i),  # its number in `read`, from 0
            "points": plain(line.points),
        }
        for i, (line, kind) in enumerate(zip(page.truth.lines, judgement.truth, strict=True))
    ]
    found = [
        {
            "text": line.text,
            "confidence": round(line.confidence, 4),
            "is": kind,
            "points": plain(line.points),
            "turned": line.turned,
        }
        for line, kind in zip(read, judgement.found, strict=True)
    ]
    tree = {
        "image": page.truth.source,
        "metrics": judgement.counts.numbers(),
        "seconds": page.seconds,
        "truth": truth,
        "read": found,
    }
    return {**tree, "error": page.error} if page.error else tree
