"""What a set's labels hold that training cannot use, counted before the first step.

Lines: the labels are joined by the thousand and asked for their set of characters; only a character that the dictionary lacks is
counted and looked for line by line. Two million lines take a few seconds of one processor. Pages: their JSON is parsed, of a set
of more than 20,000 pages that of 20,000 spread evenly over it, which is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.contracts import Rejected, SampleInfo
from ppocr_like.data.base import Dataset, Texts
from ppocr_like.data.spelling import spelt_texts
from ppocr_like.documents.formats.label_line import only_numbers
from ppocr_like.geometry import outline_fault

PLACES = 3  # named of each kind
MOST_PAGES = 20000


@dataclass
class Counted:
    """How many of a kind, and where the first ones stand."""

    count: int = 0
    places: list[str] = field(default_factory=list)

    def add(self, place: str, count: int = 1) -> None:
        self.count += count
        if len(self.places) < PLACES:
            self.places.append(place)

    def as_dict(self) -> dict[str, Any]:
        return {"count": self.count, "first": list(self.places)}


@dataclass
class LineCensus:
    """Labels of lines.

    Args:
        lines: labels that could be read.
        characters: in them.
        unknown: by character those that the dictionary lacks.
        further: lines with fields behind the text that are no numbers; numbers: those with numbers only.
    """

    lines: int = 0
    characters: int = 0
    unknown: dict[str, Counted] = field(default_factory=dict)
    further: Counted = field(default_factory=Counted)
    numbers: Counted = field(default_factory=Counted)

    @property
    def unknown_share(self) -> float:
        """Unknown characters over all; 0 without any."""
        return sum(part.count for part in self.unknown.values()) / self.characters if self.characters else 0.0

    def most_common(self) -> list[tuple[str, Counted]]:
        """The unknown characters, the most frequent first."""
        return sorted(self.unknown.items(), key=lambda item: (-item[1].count, item[0]))

    def as_dict(self) -> dict[str, Any]:
        """Plain data for records and reports."""
        return {
            "lines": self.lines,
            "characters": self.characters,
            "unknown_characters": sum(part.count for part in self.unknown.values()),
            "unknown": {character: part.as_dict() for character, part in self.most_common()},
            "further_columns": self.further.as_dict(),
        }


@dataclass
class PageCensus:
    """Labels of pages.

    Args:
        pages: looked at, of `total`; empty: those without a box.
        boxes: in them; ignored: marked as such (`###`, `*`, `difficult`); usable: the others that have an outline.
        faults: by kind the boxes that take no part, in training and in evaluation; further: as in `LineCensus`.
    """

    total: int = 0
    pages: int = 0
    empty: int = 0
    boxes: int = 0
    ignored: int = 0
    usable: int = 0
    faults: dict[str, Counted] = field(default_factory=dict)
    further: Counted = field(default_factory=Counted)

    @property
    def unusable(self) -> int:
        return sum(part.count for part in self.faults.values())

    def as_dict(self) -> dict[str, Any]:
        """Plain data for records and reports."""
        counts = {name: getattr(self, name) for name in ("total", "pages", "empty", "boxes", "ignored", "usable")}
        return {**counts, "unusable": {kind: part.as_dict() for kind, part in self.faults.items()}}


def place_in(info: SampleInfo) -> str:
    """ "train.txt, line 3"."""
    return info.place


def count_further(dataset: Dataset, pieces: Iterator[Texts] | None = None) -> Counted:
    """Lines with fields behind the text that are no numbers, and so may be texts that are lost."""
    found = LineCensus()
    for piece in dataset.label_texts() if pieces is None else pieces:
        _further(found, dataset, piece)
    return found.further


def count_lines(dataset: Dataset, charset: Charset) -> LineCensus:
    """Looks at the labels of all lines of a set against the characters that the network knows."""
    census = LineCensus()
    known: dict[str, bool] = {}
    for piece in spelt_texts(dataset):
        _further(census, dataset, piece)
        texts = [text for text in piece.texts if text]
        joined = "".join(texts)
        census.lines += len(texts)
        census.characters += len(joined)
        if not charset.by_character:
            _unknown_of_entries(census, dataset, piece, charset)
            continue
        for character in sorted(set(joined)):
            if character not in known:
                known[character] = not charset.unknown(character)
            if not known[character]:
                _unknown(census, dataset, piece, character, joined.count(character))
    return census


def _unknown_of_entries(census: LineCensus, dataset: Dataset, piece: Texts, charset: Charset) -> None:
    """Where a character alone may be unknown that is part of a known entry: line by line."""
    for position, text in enumerate(piece.texts):
        for character in charset.unknown(text) if text else ():
            place = f"{place_in(dataset.info(piece.start + position))}: {(text or '')[:80]!r}"
            census.unknown.setdefault(character, Counted()).add(place)


def _unknown(census: LineCensus, dataset: Dataset, piece: Texts, character: str, count: int) -> None:
    part = census.unknown.setdefault(character, Counted())
    part.count += count
    for position, text in enumerate(piece.texts):
        if len(part.places) >= PLACES:
            return
        if text and character in text:
            part.places.append(f"{place_in(dataset.info(piece.start + position))}: {text[:80]!r}")


def _further(census: LineCensus, dataset: Dataset, piece: Texts) -> None:
    for index, fields in piece.further:
        part = census.numbers if only_numbers(fields) else census.further
        part.add(f"{place_in(dataset.info(index))}: {', '.join(map(repr, fields))[:80]}" if len(part.places) < PLACES else "")


def count_pages(dataset: Dataset, most: int = MOST_PAGES) -> PageCensus:
    """Looks at the boxes of a set of pages, as the chain's own label step reads them."""
    census = PageCensus(total=len(dataset))
    for index in np.unique(np.linspace(0, len(dataset) - 1, min(most, len(dataset))).astype(np.int64)).tolist():
        record = dataset.record(index)
        if record.error is not None:
            continue
        if record.further and not only_numbers(record.further):
            census.further.add(f"{place_in(record.info)}: {', '.join(map(repr, record.further))[:80]}")
        try:
            label = dataset.page_label(record.info)
        except Rejected:  # counted elsewhere
            continue
        count_page(census, place_in(record.info), label.get("polys", ()), label.get("ignore_tags", ()))
    return census


def count_page(census: PageCensus, place: str, polygons: Sequence[np.ndarray], ignored: Sequence[bool] | np.ndarray) -> None:
    """Adds a page: outlines (P, 2) px, and which are marked as ignored."""
    census.pages += 1
    census.empty += not len(polygons)
    census.boxes += len(polygons)
    for number, (points, marked) in enumerate(zip(polygons, ignored, strict=True), start=1):
        fault = outline_fault(points)
        if fault:
            part = census.faults.setdefault(fault, Counted())
            part.add(f"{place}, box {number}: {shown_points(points)}" if len(part.places) < PLACES else "")
        elif marked:
            census.ignored += 1
        else:
            census.usable += 1


def shown_points(points: np.ndarray) -> str:
    """An outline for a message, cut where it is long."""
    text = str([[round(float(x), 1), round(float(y), 1)] for x, y in points])
    return text if len(text) <= 90 else text[:87] + "..."
