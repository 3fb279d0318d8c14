"""ICDAR 2019: LSVT and ArT (one JSON object, boxes by image), ReCTS (one JSON file per image).

Source: the tasks' download pages at rrc.cvc.uab.es (ch=16, ch=14, ch=12).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ppocr_like.documents.formats.json_stream import JsonStream
from ppocr_like.documents.formats.paddle import IGNORED_TEXTS
from ppocr_like.documents.formats.reader import MISSHAPEN, Reader, files_of, find_images_below
from ppocr_like.documents.page import Line, Page
from ppocr_like.outside import load_json

LEVELS = {"line": "lines", "char": "chars"}
_MOST_BYTES = 1 << 24  # of one image's annotation


class Icdar2019(Reader):
    """Pages of `train_full_labels.json` (LSVT) or `train_labels.json` (ArT): {"gt_0": [{"transcription", "points",
    "illegibility"}, ...], ...}. Illegible boxes and `###` are ignored boxes.

    Args:
        source: the JSON file, packed or not.
        images: folder of the images, `gt_0.jpg`; also several folders within it.
        skip_bad: see `Reader`.
    """

    def __init__(self, source: str | Path, images: str | Path, skip_bad: bool = False) -> None:
        super().__init__(skip_bad)
        self.source, self.images = str(source), Path(images)

    def __iter__(self) -> Iterator[tuple[Page, str]]:
        images = find_images_below(self.images)
        for name, records in self._records():
            place = f"{self.source}, image {name}"
            try:
                boxes = [box for n, r in enumerate(records, 1) if (box := self._box(r, place, n)) is not None]
            except MISSHAPEN as error:
                self.bad(f"image {name}: {error}", self.source)
                continue
            yield Page(str(images.get(name, self.images / f"{name}.jpg")), lines=tuple(boxes)), place

    def _records(self) -> Iterator[tuple[str, Any]]:
        """(name, annotations) of each image."""
        with JsonStream(self.source) as stream:
            self.total = stream.size
            for name in stream.members():
                stream.record = f"image {name}"
                yield name, stream.value()
                self.done = stream.consumed
            stream.finish()

    def _box(self, record: Any, place: str, number: int) -> Line | None:
        if not isinstance(record, dict):
            raise ValueError(f"box {number} is no mapping with transcription and points")
        if "points" not in record:
            raise ValueError(
                f"box {number} has no points: of LSVT the full labels are needed; where the images are crops (ArT's task 2), "
                "give --task rec --ready-crops"
            )
        points = self.polygon(record["points"], place)
        return None if points is None else Line(points, _text(record), ignored=_ignored(record))

    def crops(self) -> Iterator[tuple[Path, str, str]]:
        """(image, text, place) of a file whose images are crops (ArT's task 2)."""
        images = find_images_below(self.images)
        for name, records in self._records():
            place = f"{self.source}, image {name}"
            record = records[0] if isinstance(records, list) and len(records) == 1 else records
            if not isinstance(record, dict):
                self.bad(f"image {name}: one text is needed for a crop", self.source)
                continue
            text = "###" if _ignored(record) else " ".join(_text(record).split())
            yield images.get(name, self.images / f"{name}.jpg"), text, place


class ReCTS(Reader):
    """Pages of ReCTS: {"chars": [...], "lines": [{"points": [x1, y1, ...], "transcription", "ignore"}]} for each image.

    Args:
        source: folder of the `.json` files.
        images: folder of the images of the same names.
        level: boxes of "line" or "char".
        skip_bad: see `Reader`.
    """

    unit = "file"

    def __init__(self, source: str | Path, images: str | Path, level: str = "line", skip_bad: bool = False) -> None:
        super().__init__(skip_bad)
        if level not in LEVELS:
            raise ValueError(f"level is {level!r}; known: {', '.join(LEVELS)}")
        self.source, self.images, self.key = Path(source), Path(images), LEVELS[level]

    def __iter__(self) -> Iterator[tuple[Page, str]]:
        files = files_of(self.source, ".json", "ReCTS has one per image")
        images = find_images_below(self.images)
        for file, record in self.each(files, partial(load_json, limit=_MOST_BYTES)):
            try:
                boxes = []
                for number, part in enumerate(record[self.key], start=1):
                    points = self.polygon(part["points"], f"{file}, {self.key} {number}")
                    if points is not None:
                        boxes.append(Line(points, _text(part), ignored=_ignored(part)))
            except MISSHAPEN as error:
                what = f"has no {error}" if isinstance(error, KeyError) else str(error)
                self.bad(f"is not as ReCTS writes it: {what}", file)
                continue
            yield Page(str(images.get(file.stem, self.images / f"{file.stem}.jpg")), lines=tuple(boxes)), str(file)


def _text(record: dict[str, Any]) -> str:
    return str(record.get("transcription") or "")


def _ignored(record: dict[str, Any]) -> bool:
    """`illegibility: true` (LSVT, ArT), `ignore: 1` (ReCTS), `###`."""
    return bool(record.get("illegibility")) or bool(record.get("ignore")) or _text(record) in IGNORED_TEXTS
