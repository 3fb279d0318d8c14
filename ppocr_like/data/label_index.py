"""Where the lines of a label file begin: an array of byte offsets instead of a list of strings.

Ten million lines cost 80 MB once, in a memory map that all workers share; a line is read when it is asked for.
"""

from __future__ import annotations

import codecs
import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.data.cache import FileKey, cache_path, load_array, store_array
from ppocr_like.errors import DataError
from ppocr_like.outside import open_regular

_CHUNK = 1 << 24  # bytes scanned at once
_SHORT = 8  # a line of so few bytes is looked at for being blank; a longer one of spaces only has no delimiter and is reported
_HEADER = 3  # entries before the offsets: layout version, lines, blank lines
_LAYOUT = 1


class LabelIndex:
    """Random access to the lines of one UTF-8 label file (with or without byte-order mark, "\\n" or "\\r\\n").

    Blank lines are no samples, but they count in line numbers.

    Args:
        path: the label file.
        cache_dir: folder of the offsets' memory map; None keeps them in memory.

    Raises:
        DataError: missing, unreadable, without a line, or not UTF-8 by its byte-order mark.
    """

    def __init__(self, path: str | Path, cache_dir: str | Path | None = None) -> None:
        self.path = str(path)
        self.key = check_label_file(self.path)
        self._cached: Path | None = None
        self._table = self._load(cache_dir)
        self._stream: io.FileIO | None = None
        self._view()

    def _load(self, cache_dir: str | Path | None) -> np.ndarray:
        if cache_dir is None:
            return scan(self.path)
        self._cached = cache_path(cache_dir, self.key, "lines")
        table = load_array(self._cached)
        if table is not None and table.ndim == 1 and table.dtype == np.int64 and table[0] == _LAYOUT:
            return table
        return store_array(self._cached, scan(self.path))

    def _view(self) -> None:
        table = self._table
        self.count, self.blank_lines = int(table[1]), int(table[2])
        if not self.count:
            raise DataError("the label file holds no line; each needs `image path<TAB>text`", self.path)
        self._starts = table[_HEADER : _HEADER + self.count + 1]
        self._blanks = table[_HEADER + self.count + 1 :]

    def __len__(self) -> int:
        return self.count

    def line_number(self, position: int) -> int:
        """1-based line in the file of sample `position` (blank lines count)."""
        if not self.blank_lines:
            return position + 1
        return position + 1 + int(np.searchsorted(self._blanks, position, side="right"))

    def read(self, position: int) -> bytes:
        """The line's bytes without its end.

        Raises:
            DataError: the file was changed or removed since it was indexed.
        """
        start, end = int(self._starts[position]), int(self._starts[position + 1])
        raw = self._pread(end - start, start)
        self._check_unchanged()
        if len(raw) != end - start:
            raise DataError("the label file became shorter while it was in use", self.path, self.line_number(position))
        return raw.split(b"\n", 1)[0].removesuffix(b"\r")

    def block(self, start: int, stop: int) -> list[bytes]:
        """The lines `start` to `stop` - 1 at once, as `read` gives them one by one."""
        first, end = int(self._starts[start]), int(self._starts[stop])
        raw = self._pread(end - first, first)
        self._check_unchanged()
        rows = [row.removesuffix(b"\r") for row in raw.split(b"\n")]
        rows = [row for row in rows if len(row) >= _SHORT or row.strip()] if self.blank_lines else rows[: stop - start]
        return rows if len(rows) == stop - start else [self.read(position) for position in range(start, stop)]

    def _check_unchanged(self) -> None:
        """Raises DataError when the file was edited, replaced or removed. About 2 us, at each line that is read: what stands at
        a line's place is no line any more then."""
        try:
            now = os.stat(self.path)
        except OSError as error:
            raise DataError(
                f"the label file is gone ({error.strerror or error}); put it back and continue the run", self.path
            ) from error
        if (now.st_size, now.st_mtime_ns) != (self.key.size, self.key.mtime):
            raise DataError("the label file was changed while it was in use; start again, or put the old one back", self.path)

    def _pread(self, count: int, offset: int) -> bytes:
        """Reads without a file position: threads and forked workers share one descriptor."""
        if self._stream is None or not hasattr(os, "pread"):
            self._check_unchanged()
            stream = open(self.path, "rb", buffering=0)  # noqa: SIM115 (stays open for the life of the index)
            if not hasattr(os, "pread"):
                with stream:
                    stream.seek(offset)
                    return stream.read(count)
            self._stream = stream
        return os.pread(self._stream.fileno(), count, offset)

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, "_stream": None, "_starts": None, "_blanks": None}
        if self._cached is not None and self._cached.exists():
            state["_table"] = None  # a spawned worker maps the cache instead of receiving a copy
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._table is None:
            table = load_array(self._cached) if self._cached is not None else None
            self._table = scan(self.path) if table is None else table
        self._view()


def check_label_file(path: str) -> FileKey:
    """The state of a label file that can be opened and holds something.

    Raises:
        DataError: see `LabelIndex`.
    """
    try:
        key = FileKey.of(path)
        with open_regular(path) as stream:
            head = stream.read(4)
    except OSError as error:
        raise DataError(f"cannot read the label file ({error.strerror or error})", path) from error
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError("the label file is UTF-16; save it as UTF-8", path)
    if key.size == 0:
        raise DataError("the label file is empty; each line needs `image path<TAB>text`", path)
    return key


def scan(path: str) -> np.ndarray:
    """int64: [layout, n, blank lines, n + 1 offsets (the last: end of the file), for each blank line the samples before it]."""
    starts = [np.zeros(1, np.int64)]
    size = 0
    with open(path, "rb") as stream:
        if stream.read(3) == codecs.BOM_UTF8:
            starts = [np.full(1, 3, np.int64)]
        stream.seek(0)
        while chunk := stream.read(_CHUNK):
            starts.append(np.flatnonzero(np.frombuffer(chunk, np.uint8) == 10) + (size + 1))
            size += len(chunk)
    lines = np.concatenate([*starts, np.array([size], np.int64)])
    if len(lines) > 2 and lines[-2] == size:  # the last line has its end: nothing stands after it
        lines = lines[:-1]
    blank = _blank_lines(path, lines)
    kept = lines[:-1][~blank]
    before = np.cumsum(~blank)[blank]
    return np.concatenate([np.array([_LAYOUT, len(kept), len(before)], np.int64), kept, lines[-1:], before])


def _blank_lines(path: str, bounds: np.ndarray) -> np.ndarray:
    blank = np.zeros(len(bounds) - 1, bool)
    with open(path, "rb") as stream:
        for number in np.flatnonzero(np.diff(bounds) <= _SHORT):
            stream.seek(int(bounds[number]))
            blank[number] = not stream.read(int(bounds[number + 1] - bounds[number])).strip()
    return blank
