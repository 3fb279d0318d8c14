"""Detection and recognition judged together: pages that were read against what stands on them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from rapidfuzz.distance import Levenshtein

from ppocr_like.contracts import PageBoxes, TextBox
from ppocr_like.documents.page import Line
from ppocr_like.metrics.det_match import LIMIT, Comparison, GroundTruth, compare

# What became of a true line, or what a line that was read is.
RIGHT, WRONG, MISSED, FALSE, MERGED, SPLIT, IGNORED = "right", "wrong text", "missed", "false", "merged", "split", "ignored"


@dataclass(frozen=True)
class Comparing:
    """How texts are compared; NFC always, runs of spaces as one.

    Args:
        ignore_case: lower case both.
        ignore_space: without any space.
    """

    ignore_case: bool = False
    ignore_space: bool = False

    def __call__(self, text: str) -> str:
        """The text as it is compared."""
        text = unicodedata.normalize("NFC", text)
        text = ("" if self.ignore_space else " ").join(text.split())
        return text.lower() if self.ignore_case else text


@dataclass
class PageCounts:
    """What is gathered over pages; all numbers add up.

    Args:
        pages: how many.
        lines: true lines that are judged.
        found: lines read that are judged.
        matched: pairs of both at the same place (IoU over 0.5).
        exact: of these, pairs with equal text.
        similarity: sum over pairs of 1 - normalised edit distance.
        errors, characters: edits of the whole page's text, and characters of the true one.
        merged, split: true lines that were read together with others; in pieces.
    """

    pages: int = 0
    lines: int = 0
    found: int = 0
    matched: int = 0
    exact: int = 0
    similarity: float = 0.0
    errors: int = 0
    characters: int = 0
    merged: int = 0
    split: int = 0

    def __add__(self, other: PageCounts) -> PageCounts:
        return PageCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def numbers(self) -> dict[str, float]:
        """`hmean` of places alone; `hmean_exact`: pairs count whose text is equal; `hmean_text`: pairs count as much as their
        texts are alike; `cer`: edits of the page texts over true characters (of nothing: the number of edits)."""
        return {
            "hmean": _hmean(self.matched, self.found, self.lines),
            "hmean_exact": _hmean(self.exact, self.found, self.lines),
            "hmean_text": _hmean(self.similarity, self.found, self.lines),
            "cer": self.errors / (self.characters or 1),
            "merged": self.merged / (self.lines or 1),
            "split": self.split / (self.lines or 1),
            "lines": float(self.lines),
            "n": float(self.pages),
        }


@dataclass(frozen=True)
class Judgement:
    """One page.

    Args:
        counts: see `PageCounts`.
        truth: for each true line what became of it: RIGHT, WRONG, MISSED, MERGED, SPLIT, IGNORED.
        found: for each line read what it is: RIGHT, WRONG, FALSE, MERGED, SPLIT, IGNORED.
        pairs: true line -> line read.
    """

    counts: PageCounts
    truth: tuple[str, ...]
    found: tuple[str, ...]
    pairs: dict[int, int] = field(default_factory=dict)


def judge_page(truth: Sequence[Line], found: Sequence[Line], comparing: Comparing = Comparing()) -> Judgement:
    """Matches by place as ICDAR 2015 does (see `det_match`), then compares texts; lines in reading order.

    A line that was read and lies by more than half in an ignored one is ignored. Neither ignored nor invalid outlines
    (`polygons.Shapes`) of the truth count; invalid ones that were read are false.
    """
    boxes = PageBoxes(tuple(TextBox(np.asarray(line.points, np.float64), 1.0) for line in found))
    links = _Links(compare(GroundTruth.of(truth), boxes), len(truth), len(found))
    pairs, merged, split = links.matched(), links.merged(), links.split()
    equal, similarity = 0, 0.0
    truth_kinds = [MISSED if cared else IGNORED for cared in links.cared]
    found_kinds = [FALSE if counted else IGNORED for counted in links.counted]
    for one, other in [*merged, *split]:
        if other not in pairs.values():
            found_kinds[other] = MERGED if (one, other) in merged else SPLIT
        truth_kinds[one] = MERGED if (one, other) in merged else SPLIT
    for one, other in pairs.items():
        wanted, got = comparing(truth[one].text), comparing(found[other].text)
        similarity += Levenshtein.normalized_similarity(wanted, got)
        equal += wanted == got
        truth_kinds[one] = found_kinds[other] = RIGHT if wanted == got else WRONG
    wanted = comparing(" ".join(line.text for line, kind in zip(truth, truth_kinds, strict=True) if kind != IGNORED))
    got = comparing(" ".join(line.text for line, kind in zip(found, found_kinds, strict=True) if kind != IGNORED))
    counts = PageCounts(
        pages=1,
        lines=sum(kind != IGNORED for kind in truth_kinds),
        found=sum(kind != IGNORED for kind in found_kinds),
        matched=len(pairs),
        exact=equal,
        similarity=similarity,
        errors=Levenshtein.distance(wanted, got),
        characters=len(wanted),
        merged=len({one for one, _ in merged}),
        split=len({one for one, _ in split}),
    )
    return Judgement(counts, tuple(truth_kinds), tuple(found_kinds), pairs)


class _Links:
    """Who overlaps whom, in positions of what was given."""

    def __init__(self, comparison: Comparison, lines: int, found: int) -> None:
        pairs, truth = comparison.pairs, comparison.truth
        self.cared = np.zeros(lines, bool)
        self.cared[truth.shapes.index] = truth.cared
        self.first, self.second = truth.shapes.index[pairs.first], comparison.found[pairs.second]
        self.iou, self.of_first, self.of_second = pairs.iou, pairs.of_first, pairs.of_second
        self.counted = np.ones(found, bool)
        self.counted[self.second[(self.of_second > LIMIT) & ~self.cared[self.first]]] = False
        self.judged = self.cared[self.first] & self.counted[self.second]

    def matched(self) -> dict[int, int]:
        """True line -> line read: greedily, in the order of both."""
        pairs: dict[int, int] = {}
        taken: set[int] = set()
        for one, other in self._links(self.judged & (self.iou > LIMIT)):
            if one not in pairs and other not in taken:
                pairs[one] = other
                taken.add(other)
        return pairs

    def merged(self) -> set[tuple[int, int]]:
        """Links of lines read that cover several true lines by more than half."""
        links = self._links(self.judged & (self.of_first > LIMIT))
        times = Counter(other for _, other in links)
        return {(one, other) for one, other in links if times[other] > 1}

    def split(self) -> set[tuple[int, int]]:
        """Links of true lines in which several lines read lie by more than half."""
        links = self._links(self.judged & (self.of_second > LIMIT))
        times = Counter(one for one, _ in links)
        return {(one, other) for one, other in links if times[one] > 1}

    def _links(self, chosen: np.ndarray) -> list[tuple[int, int]]:
        return list(zip(self.first[chosen].tolist(), self.second[chosen].tolist(), strict=True))


def _hmean(good: float, found: int, lines: int) -> float:
    """Of precision good / found and recall good / lines, which is 2 good / (found + lines)."""
    return 2.0 * good / (found + lines) if found + lines else 0.0
