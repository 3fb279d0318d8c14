"""JSON files in the manner of COCO: images and annotations in two tables that refer to each other by id.

COCO-Text and TextOCR write `imgs` and `anns` (objects by id), COCO itself `images` and `annotations` (arrays). Annotations
stand in any order and images may come last, so the boxes go to a scratch file first; in memory are the images' names and, for
each annotation, where it lies.
"""

from __future__ import annotations

import json
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from ppocr_like.documents.formats.json_stream import JsonStream
from ppocr_like.documents.formats.paddle import IGNORED_TEXTS
from ppocr_like.documents.formats.reader import MISSHAPEN, Reader, upright
from ppocr_like.documents.page import Line, Page
from ppocr_like.errors import DataError

IMAGES = ("imgs", "images")
ANNOTATIONS = ("anns", "annotations")
_TEXT_KEYS = ("utf8_string", "text", "transcription", "caption")
SPLITS = ("all", "train", "val", "test")


@dataclass
class _Tables:
    """Image id -> (file name, split), and image id -> offsets of its annotations in `scratch`."""

    scratch: IO[bytes]
    images: dict[str, tuple[str, str]] = field(default_factory=dict)
    offsets: dict[str, array[int]] = field(default_factory=dict)


class CocoText(Reader):
    """Pages of a COCO-Text, TextOCR or COCO-style file, in the order of its images.

    The outline is the first of `mask`, `points`, `segmentation` that is a list of three or more points, else `bbox` (left, top,
    width, height). Text: `utf8_string`, `text`, `transcription` or `caption`, also under `attributes`. Ignored boxes:
    `legibility` "illegible", `legible` or `isLegible` false, `iscrowd` 1, `ignore` true, texts `###` and `*`.

    Args:
        source: the JSON file, packed with gzip or not.
        images: folder that the file names are relative to.
        split: take only images whose `set` is "train", "val" or "test".
        illegible_text: a text that means illegible ("." in TextOCR).
        skip_bad: see `Reader`.
    """

    def __init__(
        self,
        source: str | Path,
        images: str | Path,
        split: str = "all",
        illegible_text: str | None = None,
        skip_bad: bool = False,
    ) -> None:
        super().__init__(skip_bad)
        if split not in SPLITS:
            raise ValueError(f"split is {split!r}; known: {', '.join(SPLITS)}")
        self.source, self.images, self.split = str(source), Path(images), split
        self.illegible_texts = (*IGNORED_TEXTS, illegible_text)

    def __iter__(self) -> Iterator[tuple[Page, str]]:
        with tempfile.TemporaryFile() as scratch:
            tables = _Tables(scratch)
            self._read(tables)
            if not tables.images:
                raise DataError(f"has no images under {' or '.join(IMAGES)}; a COCO-Text-style file is needed", self.source)
            for name in tables.offsets.keys() - tables.images.keys():
                for _ in tables.offsets[name]:
                    self.left_out.add("annotation of an unknown image", f"{self.source}, image {name}")
            for name, (file, split) in tables.images.items():
                place = f"{self.source}, image {name}"
                if self.split != "all" and split != self.split:
                    self.left_out.add("image of another split", place)
                    continue
                yield Page(str(self.images / file), lines=self._lines(tables, name)), place

    def _read(self, tables: _Tables) -> None:
        with JsonStream(self.source) as stream:
            self.total = stream.size
            for key in stream.members():
                if key in IMAGES:
                    self._each(stream, key, tables, self._image)
                elif key in ANNOTATIONS:
                    self._each(stream, key, tables, self._annotation)
                else:
                    stream.skip()
                stream.record = f"after {key}"
                self.done = stream.consumed
            stream.finish()

    def _each(self, stream: JsonStream, key: str, tables: _Tables, take: Any) -> None:
        """Every entry of an object by id, or of an array."""
        by_id = stream.peek() == "{"
        for number, name in enumerate(stream.members() if by_id else stream.items(), start=1):
            stream.record = f"{key} {name}" if by_id else f"{key}, entry {number}"
            record = stream.value()
            try:
                take(tables, record, name if by_id else None)
            except MISSHAPEN as error:
                what = f"has no {error}" if isinstance(error, KeyError) else str(error)
                self.bad(f"{stream.record}: {what}", self.source)
            self.done = stream.consumed

    def _image(self, tables: _Tables, record: Any, name: str | None) -> None:
        name = str(record["id"]) if name is None else name
        file = record["file_name"]
        if not isinstance(file, str) or not file:
            raise ValueError(f"file_name is {file!r}")
        tables.images[name] = (file, str(record.get("set", "")))

    def _annotation(self, tables: _Tables, record: Any, name: str | None) -> None:
        outline = _outline(record)
        attributes = record.get("attributes")
        attributes = attributes if isinstance(attributes, dict) else {}
        texts = (part[key] for part in (record, attributes) for key in _TEXT_KEYS if isinstance(part.get(key), str))
        text = next(texts, "")
        ignored = (
            record.get("legibility") == "illegible"
            or record.get("legible") is False
            or record.get("isLegible") is False
            or bool(record.get("iscrowd"))
            or bool(record.get("ignore"))
            or text in self.illegible_texts
        )
        image = str(record["image_id"])
        points = self.polygon(outline, f"{self.source}, image {image}")
        if points is None:
            return
        start = tables.scratch.tell()
        tables.scratch.write(json.dumps([points.tolist(), text, ignored]).encode() + b"\n")
        tables.offsets.setdefault(image, array("q")).append(start)

    def _lines(self, tables: _Tables, name: str) -> tuple[Line, ...]:
        lines = []
        for offset in tables.offsets.get(name, ()):
            tables.scratch.seek(offset)
            points, text, ignored = json.loads(tables.scratch.readline())
            lines.append(Line(np.array(points, np.float64), text, ignored=ignored))
        return tuple(lines)


def _outline(record: Any) -> Any:
    """The polygon of an annotation, as it stands."""
    for key in ("mask", "points", "segmentation"):
        outline = record.get(key)
        if isinstance(outline, list) and len(outline) == 1 and isinstance(outline[0], list):
            outline = outline[0]  # COCO lists the parts of an area
        if isinstance(outline, list) and len(outline) >= 3 and not (isinstance(outline[0], list) and len(outline[0]) > 2):
            return outline
    left, top, width, height = record["bbox"]
    return upright(left, top, left + width, top + height)
