"""HierText: one JSON object (mostly gzip, named `.jsonl.gz`) whose `annotations` hold paragraphs of lines of words.

Source of the layout: github.com/google-research-datasets/hiertext. Which lines suit a recogniser: `convert.crops`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import shapely

from ppocr_like.documents.formats.json_stream import JsonStream
from ppocr_like.documents.formats.reader import COVERAGE, MISSHAPEN, VERTICAL, Reader
from ppocr_like.documents.page import Line, Page
from ppocr_like.documents.plain import Tags
from ppocr_like.errors import DataError

LEVELS = ("line", "word")
ILLEGIBLE = ("ignore", "drop", "keep")


class HierText(Reader):
    """Pages of HierText.

    Args:
        source: `gt/train.jsonl.gz`, packed or not; also one object per line.
        images: folder of the images, `<image_id>.jpg`.
        level: boxes of "line" or "word".
        illegible: what is marked illegible becomes an ignored box ("ignore"), is left out ("drop"), or counts as text ("keep",
            as ocrs-models trains its detector). An illegible paragraph or line without parts stands for them.
        coverage: measure how much of each line its words cover (the tag COVERAGE), which a filter of crops may ask.
        skip_bad: see `Reader`.
    """

    def __init__(
        self,
        source: str | Path,
        images: str | Path,
        level: str = "line",
        illegible: str = "ignore",
        coverage: bool = False,
        skip_bad: bool = False,
    ) -> None:
        super().__init__(skip_bad)
        if level not in LEVELS:
            raise ValueError(f"level is {level!r}; known: {', '.join(LEVELS)}")
        if illegible not in ILLEGIBLE:
            raise ValueError(f"illegible is {illegible!r}; known: {', '.join(ILLEGIBLE)}")
        self.source, self.images = str(source), Path(images)
        self.level, self.illegible, self.coverage = level, illegible, coverage

    def __iter__(self) -> Iterator[tuple[Page, str]]:
        number = 0
        for number, record in enumerate(self._records(), start=1):
            place = f"{self.source}, record {number}"
            try:
                found = self._page(record, place)
            except MISSHAPEN as error:
                what = f"has no {error}" if isinstance(error, KeyError) else str(error)
                self.bad(f"record {number} is not as HierText writes it: {what}", self.source)
                continue
            yield found
        if not number:
            raise DataError("holds no annotations; HierText's gt/*.jsonl.gz is needed", self.source)

    def _records(self) -> Iterator[Any]:
        with JsonStream(self.source) as stream:
            self.total = stream.size
            for key in stream.members():
                if key in ("image_id", "paragraphs"):
                    break
                if key != "annotations":
                    stream.skip()
                    continue
                for number in stream.items():
                    stream.record = f"record {number + 1}"
                    yield stream.value()
                    self.done = stream.consumed
                stream.record = "after the annotations"
            else:
                stream.finish()
                return
        yield from self._one_per_line()

    def _one_per_line(self) -> Iterator[Any]:
        with JsonStream(self.source) as stream:
            number = 0
            while stream.peek():
                number += 1
                stream.record = f"record {number}"
                yield stream.value()
                self.done = stream.consumed

    def _page(self, record: Any, place: str) -> tuple[Page, str]:
        name = record["image_id"]
        if not isinstance(name, str) or not name or "/" in name or "\\" in name:
            raise ValueError(f"image_id is {name!r}")
        place = f"{place} ({name})"
        found: list[Line] = []
        for paragraph in record["paragraphs"]:
            lines = paragraph["lines"]
            if not lines and paragraph.get("legible") is False:
                self._add(found, paragraph, place)
            for line in lines:
                words = line.get("words") or []
                if self.level == "line":
                    self._add(found, line, place, _coverage(line, words) if words and self.coverage else None)
                elif words:
                    for word in words:
                        self._add(found, word, place)
                elif line.get("legible") is False:
                    self._add(found, line, place)
        return Page(str(self.images / f"{name}.jpg"), lines=tuple(found)), place

    def _add(self, found: list[Line], part: Any, place: str, coverage: float | None = None) -> None:
        points = self.polygon(part["vertices"], place)
        if points is None:
            return
        legible = part.get("legible", True) is not False
        if not legible and self.illegible == "drop":
            self.left_out.add("illegible", place)
            return
        if part.get("handwritten") is True:
            self.left_out.notes["handwritten boxes"] += 1
        text = str(part.get("text") or "")
        ignored = not legible and self.illegible == "ignore"
        tags: Tags = ((VERTICAL, "true"),) if part.get("vertical") is True else ()
        tags += ((COVERAGE, repr(coverage)),) if coverage is not None else ()
        found.append(Line(points, text, tags=tags, ignored=ignored))


def _coverage(line: Any, words: list[Any]) -> float:
    """Share of the line's upright box that the union of its words' upright boxes covers."""
    whole = _bounds(line).area
    return float(shapely.union_all([_bounds(word) for word in words]).area / whole) if whole else 0.0


def _bounds(part: Any) -> shapely.Polygon:
    """The upright box around an outline."""
    xs, ys = zip(*part["vertices"], strict=True)
    return shapely.box(min(xs), min(ys), max(xs), max(ys))
