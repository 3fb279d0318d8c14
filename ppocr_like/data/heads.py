"""Width, height and orientation of an image from the first bytes of its file: one read, no image library.

JPEG and PNG, which nearly all data sets consist of, are read here; whatever else is left to Pillow (`sizes.header_size`).
Sources: ITU-T T.81 (markers), PNG specification (IHDR, eXIf), Exif 2.3 (orientation).
"""

from __future__ import annotations

import os
from typing import Literal, NamedTuple

FIRST, MORE = 512, 1 << 16  # bytes read at first, and where the answer lies farther on (a camera's preview, a colour profile)
_PNG = b"\x89PNG\r\n\x1a\n"
_START_OF_FRAME = frozenset((0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF))
_EXIF, _ORIENTATION = b"Exif\0\0", 0x0112


class Head(NamedTuple):
    """Size in px as stored, and the Exif orientation (1: upright; 5 to 8 are turned by a quarter)."""

    width: int
    height: int
    orientation: int = 1


def head_of(path: str | os.PathLike[str]) -> Head | None:
    """Of a file; None where these bytes do not tell.

    Raises:
        OSError: it cannot be read.
    """
    # A pipe must not be waited for.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        data = os.read(handle, FIRST)
        found = parse_head(data)
        if found is None and len(data) == FIRST and data.startswith((b"\xff\xd8\xff", _PNG)):
            found = parse_head(data + os.read(handle, MORE))
        return found
    finally:
        os.close(handle)


def parse_head(data: bytes) -> Head | None:
    """Of a file's first bytes."""
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    return _png(data) if data.startswith(_PNG) else None


def _png(data: bytes) -> Head | None:
    """None where it may say an orientation (a chunk eXIf before the pixels), or where the pixels begin farther on."""
    if data[12:16] != b"IHDR":
        return None
    at = 8
    while (kind := data[at + 4 : at + 8]) != b"IDAT":
        if len(kind) < 4 or kind == b"eXIf":
            return None
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    return Head(width, height) if width and height else None


def _jpeg(data: bytes) -> Head | None:
    at, end, orientation = 2, len(data) - 9, 1
    while at <= end and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _START_OF_FRAME:
            height, width = data[at + 5] << 8 | data[at + 6], data[at + 7] << 8 | data[at + 8]
            return Head(width, height, orientation) if width and height else None
        if marker == 0xFF:  # a byte that fills up
            at += 1
            continue
        if marker in (0xD9, 0xDA):
            return None
        if marker == 0xE1 and data.startswith(_EXIF, at + 4):
            length = data[at + 2] << 8 | data[at + 3]
            orientation = _turned(data[at + 10 : at + 2 + length]) or orientation
        at += 2 if marker == 0x01 or 0xD0 <= marker <= 0xD8 else 2 + (data[at + 2] << 8 | data[at + 3])
    return None


def _turned(tiff: bytes) -> int:
    """The orientation in an Exif block's first directory; 0 without one."""
    order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"

    def number(at: int, count: int) -> int:
        return int.from_bytes(tiff[at : at + count], order)

    table = number(4, 4)
    for entry in range(table + 2, min(table + 2 + 12 * number(table, 2), len(tiff) - 11), 12):
        if number(entry, 2) == _ORIENTATION:
            return number(entry + 8, 2)
    return 0
