"""The wire format of protocol buffers, read without their library: numbered fields, and nothing is built of them here.

Only what a reader asks for is looked at. A length that reaches over the end of its message is Malformed before anything is taken.

Source: the encoding guide of Protocol Buffers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ppocr_like.outside import Malformed

Value = int | memoryview
VARINT, DOUBLE, BYTES, FLOAT = 0, 1, 2, 5
_FIXED = {DOUBLE: 8, FLOAT: 4}
_LONGEST = 10  # bytes of a number of 64 bits


class Message:
    """One message's fields by number, in the order of the file.

    Args:
        data: its bytes; they are not copied.

    Raises:
        Malformed: no such message.
    """

    def __init__(self, data: memoryview) -> None:
        self._fields: dict[int, list[tuple[int, Value]]] = {}
        for number, kind, value in _fields(data):
            self._fields.setdefault(number, []).append((kind, value))

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def whole(self, number: int, otherwise: int = 0) -> int:
        """The last value of a field of whole numbers."""
        found = [value for kind, value in self._fields.get(number, []) if kind == VARINT]
        return int(found[-1]) if found else otherwise  # type: ignore[arg-type]

    def parts(self, number: int) -> list[memoryview]:
        """All values of a field of bytes, texts or messages."""
        return [value for kind, value in self._fields.get(number, []) if isinstance(value, memoryview) and kind == BYTES]

    def text(self, number: int) -> str:
        """The last value of a field of texts; empty without one."""
        found = self.parts(number)
        try:
            return str(found[-1], "utf-8") if found else ""
        except UnicodeDecodeError as error:
            raise Malformed("holds a text that is not UTF-8") from error

    def message(self, number: int) -> Message:
        """The last value of a field of messages; one without fields where there is none."""
        found = self.parts(number)
        return Message(found[-1] if found else memoryview(b""))

    def messages(self, number: int) -> list[Message]:
        return [Message(part) for part in self.parts(number)]

    def floats(self, number: int) -> np.ndarray:
        """(n,) float32 of a repeated field, packed or not."""
        found = []
        for kind, value in self._fields.get(number, []):
            if not isinstance(value, memoryview) or kind not in (BYTES, FLOAT):
                continue
            if len(value) % 4:
                raise Malformed("holds numbers of 4 bytes whose bytes are no multiple of 4")
            found.append(np.frombuffer(value, "<f4"))
        return np.concatenate(found) if found else np.zeros(0, np.float32)


def _fields(data: memoryview) -> Iterator[tuple[int, int, Value]]:
    place = 0
    while place < len(data):
        key, place = _number(data, place)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise Malformed("has a field of number 0")
        if kind == VARINT:
            value, place = _number(data, place)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, place = _number(data, place)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise Malformed(f"has a field of the unknown kind {kind}")
        if size > len(data) - place:
            raise Malformed(f"says that {size:,} bytes follow where {len(data) - place:,} are left")
        yield number, kind, data[place : place + size]
        place += size


def _number(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for count in range(_LONGEST):
        if place >= len(data):
            raise Malformed("ends within a number")
        byte = data[place]
        value |= (byte & 0x7F) << (7 * count)
        place += 1
        if byte < 0x80:
            return value, place
    raise Malformed("has a number of more than 64 bits")
