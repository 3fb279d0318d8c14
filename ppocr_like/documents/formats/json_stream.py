"""Reads a JSON file of any size piece by piece: the caller walks objects and arrays, and only single values are held.

HierText's ground truth is one JSON object of more than a gigabyte inside a gzip file; its annotations are read one image at a
time.
"""

from __future__ import annotations

import codecs
import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from ppocr_like.errors import DataError
from ppocr_like.outside import MAX_DEPTH, MAX_DIGITS, Malformed, check_value, open_regular

_CHUNK = 1 << 20  # bytes read at once
_LONGEST = 1 << 24  # characters of one value; one image of HierText has less than 2 million
_NEAR_END = 16  # a fault so close to the buffer's end may only be a value that goes on (`tru`, `-Infin`, `\\u00`)
_SPACE = re.compile(r"[ \t\r\n]*")
_STRUCTURE = re.compile(r'["{}\[\]]')
_STRING_END = re.compile(r'["\\]')
_GZIP = b"\x1f\x8b"


class JsonStream:
    """A cursor in a JSON file, plain or gzip (told by its first bytes), UTF-8 with or without byte-order mark.

    `members()` walks an object, `items()` an array; at each key or item exactly one of `value()`, `skip()`, `members()`,
    `items()` consumes what stands there. `record` is put into messages.

    Raises (from every method):
        DataError: unreadable, cut short, not UTF-8, not JSON; names the file, the record and the character.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self.record = ""
        self._decoder = json.JSONDecoder()
        self._text = codecs.getincrementaldecoder("utf-8-sig")()
        self._buffer = ""
        self._at = 0
        self._before = 0  # characters dropped from the buffer
        self._end = False
        self._raw: BinaryIO | None = None
        try:
            self._raw = open_regular(path)
            self.size = os.fstat(self._raw.fileno()).st_size
            packed = self._raw.read(2) == _GZIP
            self._raw.seek(0)
        except OSError as error:
            self.close()
            raise DataError(f"cannot be read ({error.strerror or error})", self.path) from error
        self._bytes: Any = gzip.GzipFile(fileobj=self._raw) if packed else self._raw

    def __enter__(self) -> JsonStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if self._raw is not None:
            self._raw.close()

    @property
    def consumed(self) -> int:
        """Bytes of the file read so far (of the packed file, when it is one)."""
        return 0 if self._raw is None or self._raw.closed else self._raw.tell()

    # -- walking ---------------------------------------------------------------------------------------------------

    def members(self) -> Iterator[str]:
        """The keys of the object that stands here."""
        self._take("{", "an object")
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            if self.peek() != '"':
                raise self._broken("a key in quotes is expected")
            key = self.value()
            self._take(":", "a colon after the key")
            yield key
            if self._comma_or("}"):
                return

    def items(self) -> Iterator[int]:
        """0, 1, ... for the items of the array that stands here."""
        self._take("[", "an array")
        if self.peek() == "]":
            self._at += 1
            return
        number = 0
        while True:
            yield number
            number += 1
            if self._comma_or("]"):
                return

    def value(self) -> Any:
        """The value that stands here, as Python objects."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
                if self._ends(end) or not self._fill():
                    check_value(value, self._buffer[self._at : end])
                    self._at = end
                    return value
            except json.JSONDecodeError as error:
                open_string = error.msg.startswith("Unterminated string")
                may_go_on = open_string or error.pos >= len(self._buffer) - _NEAR_END
                if not may_go_on or not self._fill():
                    raise self._broken(error.msg, error.pos) from error
            except RecursionError as error:
                raise self._fault(f"is nested deeper than {MAX_DEPTH} brackets") from error
            except Malformed as error:
                raise self._fault(str(error)) from error
            except ValueError as error:  # Python's own limit to the digits of a number
                raise self._fault(f"holds a number of more than {MAX_DIGITS} digits") from error

    def skip(self) -> None:
        """Steps over the value that stands here, holding none of it."""
        if self.peek() not in "{[":
            self.value()
            return
        depth = 0
        while True:
            found = self._search(_STRUCTURE)
            if found == '"':
                self._skip_string()
            else:
                depth += 1 if found in "{[" else -1
            if depth == 0:
                return

    def finish(self) -> None:
        """After the last value: nothing may follow, and the gzip file's checksum must be right."""
        if self.peek():
            raise self._broken("the end of the file is expected")

    def peek(self) -> str:
        """The next character that is no space; "" at the end of the file."""
        while True:
            match = _SPACE.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._fill():
                return ""

    # -- beneath ---------------------------------------------------------------------------------------------------

    def _ends(self, end: int) -> bool:
        """Whether a value that was read up to `end` is whole: a number may go on in the next chunk (`1`, `1.`, `1.5e`)."""
        if self._buffer[end - 1] in '"}]' or end < len(self._buffer) - _NEAR_END:
            return True
        return self._buffer[end : end + 1] in tuple(" \t\r\n,]}")

    def _skip_string(self) -> None:
        while self._search(_STRING_END) == "\\":
            if self._at >= len(self._buffer) and not self._fill():
                raise self._broken("a string has no end")
            self._at += 1

    def _search(self, pattern: re.Pattern[str]) -> str:
        """Goes behind the next match and returns it."""
        while True:
            match = pattern.search(self._buffer, self._at)
            if match:
                self._at = match.end()
                return match.group()
            self._at = len(self._buffer)
            if not self._fill():
                raise self._broken("the file ends within a value")

    def _take(self, character: str, what: str) -> None:
        if self.peek() != character:
            raise self._broken(f"{what} is expected")
        self._at += 1

    def _comma_or(self, closing: str) -> bool:
        """True at the closing bracket."""
        found = self.peek()
        if found not in (",", closing) or not found:
            raise self._broken(f"a comma or {closing} is expected")
        self._at += 1
        return found == closing

    def _fill(self) -> bool:
        """Drops what was consumed and reads on; False at the end of the file."""
        if self._end:
            return False
        rest = len(self._buffer) - self._at
        if rest > _LONGEST:
            raise self._broken(f"one value has more than {_LONGEST:,} characters, or a string has no end")
        data = self._read(max(_CHUNK, rest))  # as much again, so that a long value is not parsed too often
        try:
            more = self._text.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise self._fault(f"is not UTF-8 ({error.reason}); save it as UTF-8") from error
        if not data and not more:
            self._end = True
            return False
        self._before += self._at
        self._buffer = self._buffer[self._at :] + more
        self._at = 0
        return True

    def _read(self, size: int) -> bytes:
        """About `size` bytes; all that can be had before a fault, which is told when nothing is left."""
        parts: list[bytes] = []
        while size > 0:
            try:
                part = self._bytes.read1(size)
            except (EOFError, zlib.error, OSError) as error:
                if parts:
                    break
                if isinstance(error, EOFError):
                    what = "the gzip file is cut short; get it anew"
                elif isinstance(error, zlib.error | gzip.BadGzipFile):
                    what = f"the gzip file is damaged ({error}); get it anew"
                else:
                    what = f"cannot be read ({error.strerror or error})"
                raise self._fault(what) from error
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _broken(self, what: str, at: int | None = None) -> DataError:
        at = self._at if at is None else at
        there = self._buffer[at : at + 20]
        what = f"{what}, found {there!r}" if there else f"{what}, but the file ends"
        return self._fault(f"is no valid JSON: {what}", at)

    def _fault(self, what: str, at: int | None = None) -> DataError:
        place = f"character {self._before + (self._at if at is None else at):,}"
        return DataError(f"{what} ({f'{self.record}, ' if self.record else ''}{place})", self.path)
