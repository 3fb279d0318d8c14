"""Which lines of a source are used: by their marks, and by what they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ppocr_like.data.lines.lines import SPLITS, Lines, Marks
from ppocr_like.data.lines.partition import By
from ppocr_like.errors import Problem

EMPTY = "no text"
OTHER_TYPE, OTHER_REGION, OTHER_LANGUAGE = "of another line type", "in another region", "in another language"
OTHER_SPLIT, NO_SPLIT = "marked for another part", "marked for no part"
CHOSEN = (EMPTY, OTHER_TYPE, OTHER_REGION, OTHER_LANGUAGE, OTHER_SPLIT, NO_SPLIT)  # what the recipe itself leaves out


@dataclass(frozen=True)
class LineFilter:
    """Marks that lines have: one of the names in each list that is given.

    Args:
        line_types: values of a line's tags ("heading"), as its file has them.
        region_types: types of the regions that it stands in, also of the outer ones.
        languages: ISO 639-3 ("deu").
    """

    line_types: tuple[str, ...] | None = None
    region_types: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None

    def parts(self) -> Iterator[tuple[str, tuple[str, ...], str]]:
        """(column of `Marks`, wanted names, reason) of the lists that are given."""
        for column, wanted, reason in (
            ("line_type", self.line_types, OTHER_TYPE),
            ("regions", self.region_types, OTHER_REGION),
            ("language", self.languages, OTHER_LANGUAGE),
        ):
            if wanted is not None:
                yield column, wanted, reason


@dataclass(frozen=True)
class LineKeys:
    """What the recipe says of a set of lines, whatever files they stand in.

    Args:
        manifests: lists of files.
        files: patterns of files.
        only: lines must have these marks.
        without: lines must not have them.
        split: lines must be marked for this part.
        partition: share of the lines that training takes; the rest is for evaluation. None: all are taken.
        partition_by: what is never divided.
        partition_seed: of the draw, whatever the run's seed is.
        empty: what becomes of lines without text.
        max_left_out: greatest share of lines that may be lost.
    """

    manifests: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    only: LineFilter = LineFilter()
    without: LineFilter = LineFilter()
    split: str | None = None
    partition: float | None = None
    partition_by: By = "page"
    partition_seed: int = 0
    empty: Literal["skip", "keep"] = "skip"
    max_left_out: float = 0.05

    def problems(self) -> list[Problem]:
        """What is wrong with the numbers."""
        found = []
        if self.partition is not None and not 0 < self.partition < 1:
            found.append(Problem("partition", f"is {self.partition:g}; training's share, between 0 and 1, is needed"))
        if not 0 <= self.max_left_out <= 1:
            found.append(Problem("max_left_out", f"is {self.max_left_out:g}; a share from 0 to 1 is needed"))
        if self.split is not None and self.split not in SPLITS[1:]:
            found.append(Problem("split", f"is {self.split!r}; possible are {', '.join(SPLITS[1:])}"))
        if self.split is not None and self.partition is not None:
            found.append(Problem("partition", "stands beside split: one of them tells the parts"))
        return found


@dataclass(frozen=True, eq=False)
class Selection:
    """Which lines of a source are used.

    Args:
        reasons: why lines are not, the first one "".
        code: (n,) for each line its place in `reasons`; 0: it is used (in this part or in another).
    """

    reasons: Sequence[str]
    code: np.ndarray

    def used(self) -> np.ndarray:
        """int64 positions of the lines that are used, in any part."""
        return np.flatnonzero(self.code == 0)

    def lost(self) -> int:
        """Lines that the recipe wanted and cannot have."""
        chosen = [number for number, reason in enumerate(self.reasons) if number == 0 or reason in CHOSEN]
        return int((~np.isin(self.code, chosen)).sum())


def select(lines: Lines, keys: LineKeys) -> Selection:
    """What the marks of a source's lines say of them, the first reason of several."""
    marks = lines.marks
    reasons = ["", *CHOSEN, *marks.reasons[1:]]
    code = np.zeros(len(marks), np.int16)

    def leave_out(which: np.ndarray, reason: str) -> None:
        code[which & (code == 0)] = reasons.index(reason)

    for column, wanted, reason in keys.only.parts():
        leave_out(~_marked(marks, column, wanted), reason)
    for column, wanted, reason in keys.without.parts():
        leave_out(_marked(marks, column, wanted), reason)
    if keys.split is not None:
        leave_out(np.asarray(marks.split) == 0, NO_SPLIT)
        leave_out(np.asarray(marks.split) != SPLITS.index(keys.split), OTHER_SPLIT)
    if keys.empty == "skip":
        leave_out(np.asarray(marks.blank, bool), EMPTY)
    faulty = (np.asarray(marks.fault) > 0) & (code == 0)
    code[faulty] = np.asarray(marks.fault)[faulty].astype(np.int16) + len(CHOSEN)
    return Selection(reasons, code)


def _marked(marks: Marks, column: str, wanted: Sequence[str]) -> np.ndarray:
    """(n,) bool: the line has one of the names."""
    there = np.array([not set(wanted).isdisjoint(names) for names in marks.names], bool)
    return there[np.asarray(getattr(marks, column), np.int64)]
