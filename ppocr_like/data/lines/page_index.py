"""PageIndex: the lines of XML pages as arrays, made once, kept beside the run, shared by all workers.

A line takes 55 bytes, its id and text, and 4 bytes for each point (8 where coordinates are no whole px): about a quarter of a GB
for a million lines of typescripts. Workers map the arrays and hold no page.
"""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from ppocr_like.data.apart import cores, in_processes, may_fork
from ppocr_like.data.cache import FileKey, cache_path, load_array, store_array
from ppocr_like.data.lines.lines import LeftOut, Names, joined_key
from ppocr_like.data.lines.page_files import PageFile, image_of
from ppocr_like.data.lines.page_rows import LineRow, PageRows, Reading, read_many
from ppocr_like.errors import DataError
from ppocr_like.outside import parse_json

logger = logging.getLogger("ppocr_like")
_LAYOUT = 1
_CHUNK = 8  # pages per task
_MANY = 48  # pages from which on starting processes pays
_KINDS = ("xml-lines", "xml-pages", "xml-bytes", "xml-told")
_LINE = np.dtype(
    [
        ("page", np.int32),
        ("number", np.int32),  # among the lines of its file, from 0
        ("begin", np.int64),  # of its id, text and points among the bytes
        ("id", np.uint16),  # bytes
        ("text", np.uint32),  # bytes
        ("baseline", np.uint32),  # points
        ("outline", np.uint32),  # points
        ("fine", np.bool_),  # points are float32, not int16
        ("blank", np.bool_),
        ("width", np.int32),
        ("height", np.int32),
        ("line_type", np.int32),
        ("regions", np.int32),
        ("language", np.int32),
        ("fault", np.uint8),
        ("split", np.uint8),
        ("base_dir", np.uint8),
    ]
)
_PAGE = np.dtype(
    [
        ("first", np.int64),  # number of its first line
        ("begin", np.int64),  # of its paths among the bytes
        ("xml", np.uint16),  # bytes
        ("image", np.uint16),  # bytes
        ("width", np.int32),
        ("height", np.int32),
        ("distance", np.float32),
        ("stored", np.bool_),
    ]
)


class PageOf(NamedTuple):
    """A page of the index: see `page_rows.PageRows`; lines `first` to `stop` - 1 are its."""

    xml: str
    image: str
    size: tuple[int, int]
    stored: bool
    distance: float
    first: int
    stop: int


class LineOf(NamedTuple):
    """A line of the index: its page's number, its place in the file from 0, and what `LineRow` tells of it."""

    page: int
    number: int
    id: str
    text: str
    line_type: str
    base_dir: int


class PageIndex:
    """Random access to the lines of the pages of one source.

    Args:
        name: of the source, for messages and the cache's names.
        files: its pages.
        reading: how they are read.
        cache_dir: folder of the arrays' memory maps; None keeps them in memory.

    Attributes:
        key: state of all files.
        lines, pages: the arrays (structured), one row each.
        names, reasons: tables that lines point into.
        lost: pages that cannot be read.
        said: how much was mended, by kind.

    Raises:
        DataError: not one page can be read; a process that reads pages died.
    """

    def __init__(self, name: str, files: Sequence[PageFile], reading: Reading, cache_dir: str | Path | None = None) -> None:
        self.name, self.reading = name, reading
        listed = [path for file in files for path in file if path]
        self.key = joined_key(name, listed, _LAYOUT, reading)
        paths = None if cache_dir is None else [cache_path(cache_dir, self.key, kind, repr(reading)) for kind in _KINDS]
        self._cached = paths
        arrays = None if paths is None else _loaded(paths)
        if arrays is not None:
            self._view(arrays)
            if self._images_changed():
                arrays = None
        if arrays is None:
            arrays = _gathered(name, files, reading)
            if paths is not None:
                arrays = [store_array(path, array) for path, array in zip(paths, arrays, strict=True)]
            self._view(arrays)

    def _view(self, arrays: Sequence[np.ndarray]) -> None:
        self.lines, self.pages, self._bytes, told = map(np.asarray, arrays)  # views: a memmap's own slices are slow
        tree = parse_json(told.tobytes(), names=True)
        self.names: tuple[tuple[str, ...], ...] = tuple(tuple(names) for names in tree["names"])
        self.reasons: tuple[str, ...] = tuple(tree["reasons"])
        self.lost = [LeftOut(*row) for row in tree["lost"]]
        self.said: Counter[str] = Counter(tree["said"])
        self._details: dict[str, str] = tree["details"]
        self._images, self._missing = int(tree["images"]), tree["missing"]
        self._by_xml: dict[str, int] | None = None

    @property
    def state(self) -> FileKey:
        """State of all files, the images among them."""
        return FileKey(self.key.path, self.key.size, self.key.mtime ^ self._images)

    def _images_changed(self) -> bool:
        """Whether an image is another one now than when the pages were read, or one that was missing is there."""
        images = [self.page(number).image for number in range(len(self.pages))]
        return _state_of(images) != self._images or any(image_of(PageFile(xml), named) for xml, named in self._missing)

    def __len__(self) -> int:
        return len(self.lines)

    def line(self, position: int) -> LineOf:
        """One line, in about 10 us."""
        row = self.lines[position]
        page, number, begin, name, text = (int(row[field]) for field in ("page", "number", "begin", "id", "text"))
        raw = self._bytes[begin : begin + name + text].tobytes()
        types = self.names[int(row["line_type"])]
        return LineOf(
            page,
            number,
            raw[:name].decode("utf-8", "replace"),
            raw[name:].decode("utf-8", "surrogatepass"),
            types[0],
            int(row["base_dir"]),
        )

    def texts(self, positions: Sequence[int]) -> list[str]:
        """Of some lines, quicker than one by one."""
        rows = self.lines[np.asarray(positions, np.int64)]
        begins = rows["begin"] + rows["id"]
        ends = begins + rows["text"]
        return [
            self._bytes[begin:end].tobytes().decode("utf-8", "surrogatepass")
            for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
        ]

    def points(self, position: int) -> tuple[np.ndarray, np.ndarray]:
        """(baseline, outline) of a line, (P, 2) float64 px of the decoded image; empty where there is none."""
        row = self.lines[position]
        begin = int(row["begin"]) + int(row["id"]) + int(row["text"])
        kind = np.dtype(np.float32 if row["fine"] else np.int16)
        first, count = int(row["baseline"]), int(row["baseline"]) + int(row["outline"])
        raw = self._bytes[begin : begin + 2 * count * kind.itemsize].tobytes()
        points = np.frombuffer(raw, kind).reshape(-1, 2).astype(np.float64)
        return points[:first], points[first:]

    def page(self, number: int) -> PageOf:
        """One page."""
        row = self.pages[number]
        begin, xml, image = int(row["begin"]), int(row["xml"]), int(row["image"])
        raw = self._bytes[begin : begin + xml + image].tobytes()
        stop = int(self.pages[number + 1]["first"]) if number + 1 < len(self.pages) else len(self.lines)
        size = int(row["width"]), int(row["height"])
        first, distance = int(row["first"]), float(row["distance"])
        return PageOf(os.fsdecode(raw[:xml]), os.fsdecode(raw[xml:]), size, bool(row["stored"]), distance, first, stop)

    def find(self, xml: str) -> int | None:
        """The number of the page of an XML file; None: it is none of this source's."""
        if self._by_xml is None:
            self._by_xml = {self.page(number).xml: number for number in range(len(self.pages))}
        return self._by_xml.get(xml)

    def detail(self, position: int) -> str:
        """What is particular about a line with a fault."""
        return self._details.get(str(position)) or self._details.get(f"page {int(self.lines[position]['page'])}", "")

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, "_by_xml": None}
        if self._cached is not None and all(path.exists() for path in self._cached):
            state |= {"lines": None, "pages": None, "_bytes": None}  # a spawned worker maps the cache
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.lines is None:
            arrays = _loaded(self._cached)
            if arrays is None:
                raise DataError("the arrays of its pages were removed from the run folder while it was in use", self.name)
            self._view(arrays)


def _state_of(images: Iterable[str]) -> int:
    """A number for the state of images."""
    return joined_key("", (image for image in images if image)).mtime


def _loaded(paths: Sequence[Path]) -> list[np.ndarray] | None:
    """The arrays that an earlier start left; None where one is missing or of another layout."""
    arrays = [load_array(path) for path in paths]
    kinds = (_LINE, _PAGE, np.dtype(np.uint8), np.dtype(np.uint8))
    whole = [array for array, kind in zip(arrays, kinds, strict=True) if array is not None and array.dtype == kind]
    return whole if len(whole) == len(_KINDS) else None


def _gathered(name: str, files: Sequence[PageFile], reading: Reading) -> list[np.ndarray]:
    """The arrays of all pages, in the order of the files."""
    made = _Arrays()
    for rows in _read(name, files, reading):
        made.add(rows)
    if not made.pages:
        what = f" (the first: {made.lost[0].file}: {made.lost[0].detail})" if made.lost else ""
        raise DataError(f"not one of {len(files)} pages can be read{what}", name)
    return made.arrays()


def _read(name: str, files: Sequence[PageFile], reading: Reading) -> Iterator[PageRows]:
    """The pages' rows, read in processes where there are many.

    Raises:
        DataError: a process died.
    """
    apart = len(files) >= _MANY and may_fork() and cores() > 1
    chunks = [files[start : start + _CHUNK] for start in range(0, len(files), _CHUNK)]
    work = partial(read_many, reading=reading)
    if apart:
        logger.info("%s: reading %s pages in %d processes; they are kept for the next start", name, f"{len(files):,}", cores())
    with tqdm(total=len(files), desc=f"pages of {os.path.basename(name)}", leave=False, disable=None) as bar:
        made: Iterable[list[PageRows]] = in_processes(work, chunks, name) if apart else map(work, chunks)
        for part in made:
            yield from part
            bar.update(len(part))


class _Arrays:
    """The arrays as they grow, page after page."""

    def __init__(self) -> None:
        self.lines: list[np.ndarray] = []
        self.pages: list[tuple] = []
        self.bytes: list[bytes] = []
        self.size, self.count = 0, 0
        self.names, self.reasons = Names(()), Names("")
        self.lost: list[LeftOut] = []
        self.said: Counter[str] = Counter()
        self.details: dict[str, str] = {}
        self.images: list[str] = []
        self.missing: list[tuple[str, str]] = []

    def add(self, rows: PageRows) -> None:
        if rows.lost is not None:
            self.lost.append(rows.lost)
            return
        number = len(self.pages)
        self.images.append(rows.image)
        if not rows.image:
            self.missing.append((rows.xml, rows.named))
        names = [os.fsencode(rows.xml), os.fsencode(rows.image)]
        self.pages.append((self.count, self.size, *map(len, names), *rows.size, rows.distance, rows.stored))
        self._put(b"".join(names))
        self.said.update(rows.said)
        table = [self._line(number, place, row) for place, row in enumerate(rows.lines)]
        self._tell_faults(number, rows.lines)
        self.lines.append(np.array(table, _LINE))
        self.count += len(table)

    def _put(self, data: bytes) -> int:
        begin = self.size
        self.bytes.append(data)
        self.size += len(data)
        return begin

    def _line(self, page: int, place: int, row: LineRow) -> tuple:
        points = np.concatenate([row.baseline, row.outline])
        whole = bool(len(points) == 0 or (np.abs(points).max() < 2**15 and (points == np.rint(points)).all()))
        name, text = row.id.encode("utf-8", "replace")[: 2**16 - 1], row.text.encode("utf-8", "surrogatepass")
        begin = self._put(b"".join([name, text, points.astype(np.int16 if whole else np.float32).tobytes()]))
        fault = self.reasons.number(row.fault)
        columns = [self.names.number(value) for value in (row.types, row.regions, row.languages)]
        counts = len(name), len(text), len(row.baseline), len(row.outline)
        return (page, place, begin, *counts, not whole, not row.text.strip(), *row.size, *columns, fault, row.split, row.base_dir)

    def _tell_faults(self, page: int, rows: Sequence[LineRow]) -> None:
        """Of a page whose lines all have one fault what is particular stands once."""
        details = {row.detail for row in rows if row.fault}
        if len(details) == 1 and all(row.fault for row in rows):
            self.details[f"page {page}"] = details.pop()
            return
        self.details.update((str(self.count + place), row.detail) for place, row in enumerate(rows) if row.fault)

    def arrays(self) -> list[np.ndarray]:
        told = {
            "names": self.names.table(),
            "reasons": self.reasons.table(),
            "lost": self.lost,
            "said": self.said,
            "details": self.details,
            "images": _state_of(self.images),
            "missing": self.missing,
        }
        return [
            np.concatenate(self.lines),
            np.array(self.pages, _PAGE),
            np.frombuffer(b"".join(self.bytes), np.uint8),
            np.frombuffer(json.dumps(told).encode("utf-8", "surrogatepass"), np.uint8),
        ]
