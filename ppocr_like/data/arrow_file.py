"""One of kraken's compiled line sets: an Arrow IPC file of line images with their texts, read by position.

pyarrow, which is imported on demand, reads where each line's bytes stand; the file is memory-mapped for that, so that no image
is touched. From then on a line is read by its place in the file: a worker needs neither pyarrow nor a map of the file, forked
workers share the table of places (48 bytes a line), and a file that becomes shorter gives an error instead of a dead process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppocr_like.data.cache import FileKey
from ppocr_like.data.heads import FIRST
from ppocr_like.data.sizes import header_size
from ppocr_like.errors import DataError, first_line
from ppocr_like.outside import Malformed, open_regular, parse_json, shown

MAGIC = b"ARROW1"
INSTALL = "pip install pyarrow"
META, OURS = b"lines", b"ppocr_like"  # keys of the schema's metadata: kraken's, and what kraken does not know
KINDS = {"baselines": "kraken_recognition_baseline", "bbox": "kraken_recognition_bbox"}
SPLITS = ("", "train", "validation", "test")
NO_TEXT, NOT_UTF8, NO_IMAGE = "missing label", "line not in UTF-8", "missing image"
FAULTS = ("", NO_TEXT, NOT_UTF8, NO_IMAGE)
_TOGETHER = 1024  # texts that are read at once
AGAIN = "copy it again, or compile it again"


def pyarrow(path: str) -> Any:
    """The package.

    Raises:
        DataError: it is not installed.
    """
    try:
        import pyarrow as arrow
        import pyarrow.ipc
    except ImportError as error:
        raise DataError(f"kraken's compiled sets need pyarrow, which cannot be imported ({error}): {INSTALL}", path) from error
    return arrow


@dataclass(frozen=True, eq=False)
class Places:
    """Where the lines of a file stand.

    Args:
        images, texts: (n, 2) int64, first byte and number of bytes in the file; (0, 0) for what is not there.
        split: (n,) uint8, places in SPLITS.
        fault: (n,) uint8, places in FAULTS.
        blank: (n,) bool, no text but blanks.
        language: (n,) int32, places in the file's `languages`.
    """

    images: np.ndarray
    texts: np.ndarray
    split: np.ndarray
    fault: np.ndarray
    blank: np.ndarray
    language: np.ndarray


class ArrowFile:
    """The lines 0 to `len() - 1` of one file.

    `kind`: "baselines" or "bbox", how the lines were cut. `languages`: the table of languages of a text that occur, the first is
    (). `pages`: (name, lines) of the pages that follow each other, where the file tells; kraken's do not. `gray`: no colour
    images.

    Raises:
        DataError: missing, empty, cut, no Arrow file, of another schema, compressed, damaged; pyarrow is not installed.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.key = _checked(path)
        self.languages: tuple[tuple[str, ...], ...] = ((),)
        self.pages: list[tuple[str, int]] = []
        self._stream: Any = None
        self._process = 0
        self._lock = threading.Lock()
        arrow = pyarrow(path)
        try:
            with arrow.memory_map(path) as source:
                self._read(arrow, arrow.ipc.open_file(source), source)
        except (arrow.ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
            raise DataError(f"is damaged ({first_line(error)}); {AGAIN}", path) from error
        if not len(self):
            raise DataError("holds no line", path)

    def __len__(self) -> int:
        return len(self.places.images)

    def image(self, position: int) -> bytes:
        """The encoded image (kraken writes PNG); empty where there is none."""
        start, size = self.places.images[position].tolist()
        return self._pread(size, start)

    def text(self, position: int) -> str:
        """The text as it was written; what is not there is "", what is no UTF-8 has marks in its place."""
        start, size = self.places.texts[position].tolist()
        return self._pread(size, start).decode("utf-8", "replace")

    def block(self, start: int, stop: int) -> list[str]:
        """The texts of `start` to `stop` - 1, read together where they stand together."""
        found = []
        places = self.places.texts[start:stop]
        begins = places[:, 0]
        ends = begins + places[:, 1]
        breaks = (np.flatnonzero((begins[1:] != ends[:-1]) | (places[1:, 1] == 0) | (places[:-1, 1] == 0)) + 1).tolist()
        for first, last in zip([0, *breaks], [*breaks, len(places)], strict=True):
            for low in range(first, last, _TOGETHER):
                high = min(low + _TOGETHER, last)
                base = int(begins[low])
                raw = self._pread(int(ends[high - 1]) - base, base)
                cuts = zip((begins[low:high] - base).tolist(), (ends[low:high] - base).tolist(), strict=True)
                found += [raw[a:b].decode("utf-8", "replace") for a, b in cuts]
        return found

    def size(self, position: int, exif: bool) -> tuple[int, int]:
        """(width, height) px of an image, from its header; (0, 0) where that cannot be read."""
        start, size = self.places.images[position].tolist()
        found = header_size(self._pread(min(size, FIRST), start), exif)
        return header_size(self._pread(size, start), exif) if found == (0, 0) and size > FIRST else found

    def _pread(self, size: int, start: int) -> bytes:
        if not size:
            return b""
        handle = self._opened()
        if hasattr(os, "pread"):  # threads and forked workers share one descriptor
            raw = os.pread(handle, size, start)
        else:
            with self._lock:
                self._stream.seek(start)
                raw = self._stream.read(size)
        if len(raw) != size:
            raise DataError("became shorter while it was in use; start again", self.path)
        return raw

    def _opened(self) -> int:
        if self._stream is None or self._process != os.getpid():
            with self._lock:
                if self._stream is None or self._process != os.getpid():
                    self._stream = self._process = 0
                    if _checked(self.path) != self.key:
                        raise DataError("was changed while it was in use; start again", self.path)
                    self._stream, self._process = open_regular(self.path), os.getpid()
        return int(self._stream.fileno())

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_stream": None, "_process": 0, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def _read(self, arrow: Any, reader: Any, source: Any) -> None:
        schema = reader.schema
        _check_schema(arrow, schema, self.path)
        known = _metadata(schema.metadata or {}, META, self.path)
        kinds = {name: kind for kind, name in KINDS.items()}
        if known.get("type") not in kinds:
            raise DataError(
                f"its lines are of the type {shown(known.get('type'))}; known: {', '.join(KINDS.values())}", self.path
            )
        self.kind = kinds[known["type"]]
        self.gray = known.get("im_mode") in ("1", "L")
        whole = source.read_buffer()
        table: dict[tuple[str, ...], int] = {(): 0}
        parts = []
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            if batch.num_rows:
                batch.validate()
                parts.append(_Batch(batch, whole, self.path, number, table).places())
        columns = [np.concatenate([getattr(part, name) for part in parts]) if parts else _NONE for name in _COLUMNS]
        self.places = Places(*columns)
        self.languages = tuple(table)
        if OURS in (schema.metadata or {}):
            self.pages = _pages(_metadata(schema.metadata, OURS, self.path), len(self))


_COLUMNS = tuple(Places.__dataclass_fields__)
_NONE = np.zeros((0, 2), np.int64)


class _Batch:
    """Some lines that stand together in the file."""

    def __init__(self, batch: Any, whole: Any, path: str, number: int, languages: dict[tuple[str, ...], int]) -> None:
        self.batch, self.path, self.number, self.table = batch, path, number, languages
        self.begin, self.end, self.whole = whole.address, whole.address + whole.size, whole
        self.lines = batch.column(batch.schema.get_field_index("lines"))
        self.there = _valid(self.lines)

    def places(self) -> Places:
        texts, has_text = self._bytes("text")
        images, has_image = self._bytes("im")
        fault = np.where(has_text, np.where(has_image & (images[:, 1] > 0), 0, 3), 1).astype(np.uint8)
        blank = np.zeros(len(texts), bool)
        data = memoryview(self.whole)
        for position, (start, size) in enumerate(texts.tolist()):
            try:
                blank[position] = not str(data[start : start + size], "utf-8").strip()
            except UnicodeDecodeError:
                fault[position] = 2
        data.release()
        return Places(images, texts, self._splits(), fault, blank, self._languages())

    def _bytes(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """((n, 2) places of the values, whether each is there)."""
        column = self.lines.field(self.lines.type.get_field_index(name))
        wide = str(column.type).startswith("large")
        _, offsets, values = column.buffers()
        first, size = self._address(values)
        low = self._address(offsets)[0]
        step = 8 if wide else 4
        count = len(column) + 1
        raw = memoryview(self.whole)[low + column.offset * step : low + (column.offset + count) * step]
        places = np.frombuffer(raw, np.int64 if wide else np.int32).astype(np.int64)
        if len(places) != count or places[0] < 0 or (np.diff(places) < 0).any() or places[-1] > size:
            raise self._damaged(f"the places of its {name} entries lead out of it")
        found = np.stack([places[:-1] + first, np.diff(places)], axis=1)
        there = self.there & _valid(column)
        found[~there | (found[:, 1] == 0)] = 0
        return found, there

    def _address(self, buffer: Any) -> tuple[int, int]:
        """(first byte in the file, bytes) of a buffer."""
        if buffer is None or not buffer.size:
            return 0, 0
        if not (self.begin <= buffer.address and buffer.address + buffer.size <= self.end):
            raise DataError(
                "its record batches are compressed; kraken's are not, and lines in them cannot be read one by one: write them "
                "without compression",
                self.path,
            )
        return buffer.address - self.begin, buffer.size

    def _splits(self) -> np.ndarray:
        found = np.zeros(len(self.lines), np.uint8)
        for value, name in reversed(list(enumerate(SPLITS))[1:]):
            place = self.batch.schema.get_field_index(name)
            if place >= 0:
                marks = self.batch.column(place)
                found[marks.fill_null(False).to_numpy(zero_copy_only=False)] = value
        return found

    def _languages(self) -> np.ndarray:
        place = self.lines.type.get_field_index("language")
        column = self.lines.field(place) if place >= 0 else None
        if column is None or column.null_count == len(column):
            return np.zeros(len(self.lines), np.int32)
        column.validate(full=True)
        found = [tuple(name for name in names or () if name) for names in column.to_pylist()]
        return np.array([self.table.setdefault(names, len(self.table)) for names in found], np.int32)

    def _damaged(self, what: str) -> DataError:
        return DataError(f"record batch {self.number + 1} is damaged: {what}; {AGAIN}", self.path)


def _valid(column: Any) -> np.ndarray:
    return np.asarray(column.is_valid().to_numpy(zero_copy_only=False), bool) if column.null_count else np.ones(len(column), bool)


def _checked(path: str) -> FileKey:
    """Says what is wrong with a file before pyarrow is asked."""
    try:
        key = FileKey.of(path)
        with open_regular(path) as stream:
            head = stream.read(len(MAGIC))
            stream.seek(max(0, key.size - len(MAGIC)))
            tail = stream.read(len(MAGIC))
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", path) from error
    if not key.size:
        raise DataError("is empty; an Arrow file that `ketos compile` or tools/pack.py wrote is needed", path)
    if head != MAGIC:
        what = "is an Arrow stream" if head[:4] == b"\xff" * 4 else "is no Arrow file"
        raise DataError(f"{what}; one that `ketos compile` or tools/pack.py wrote is needed", path)
    if tail != MAGIC:
        raise DataError(f"is cut off: its end is missing; {AGAIN}", path)
    return key


def _check_schema(arrow: Any, schema: Any, path: str) -> None:
    types = arrow.types
    once = len(schema.get_all_field_indices("lines")) == 1
    lines = schema.field("lines").type if once else None
    parts = {part.name: part.type for part in _fields(lines)} if once and types.is_struct(lines) else {}
    text, image = parts.get("text"), parts.get("im")
    fits = text is not None and (types.is_string(text) or types.is_large_string(text))
    fits = fits and image is not None and (types.is_binary(image) or types.is_large_binary(image))
    fits = fits and all(types.is_boolean(field.type) for field in schema if field.name in SPLITS)
    language = parts.get("language")
    fits = fits and (language is None or (types.is_list(language) and types.is_string(language.value_type)))
    if not fits:
        columns = ", ".join(f"{field.name} {field.type}" for field in _fields(schema))
        raise DataError(
            f"is an Arrow file of something else (columns: {columns[:200] or 'none'}); kraken's has a column `lines` with text "
            "and im, and the booleans train, validation, test",
            path,
        )


def _fields(of: Any) -> Iterator[Any]:
    names = len(of) if hasattr(of, "names") else of.num_fields
    return (of.field(number) for number in range(names))


def _metadata(metadata: dict[bytes, bytes], key: bytes, path: str) -> dict[str, Any]:
    if key not in metadata:
        raise DataError(f"has no metadata `{key.decode()}`, which kraken's compiled sets have", path)
    try:
        found = parse_json(metadata[key])
    except Malformed as error:
        raise DataError(f"its metadata `{key.decode()}` {error}", path) from error
    if not isinstance(found, dict):
        raise DataError(f"its metadata `{key.decode()}` is {shown(found)}; a JSON object is needed", path)
    return found


def _pages(known: dict[str, Any], lines: int) -> list[tuple[str, int]]:
    """Those that the metadata tell; none where they do not fit the lines."""
    pages = known.get("pages")
    if not isinstance(pages, list):
        return []
    rows = [(page[0], page[1]) for page in pages if isinstance(page, list) and len(page) == 2]
    good = all(isinstance(name, str) and isinstance(count, int) and count > 0 for name, count in rows)
    return rows if good and len(rows) == len(pages) and sum(count for _, count in rows) == lines else []
