"""Size of an encoded image from its first bytes, so that a huge one is refused before it is decoded."""

from __future__ import annotations

from typing import Literal

import numpy as np

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG: C4, C8, CC are tables
_NO_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))  # JPEG markers without a body
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257  # tags


def encoded_size(data: np.ndarray) -> tuple[int, int] | None:
    """(width, height) px as stored, Exif orientation aside; None for a damaged header and for kinds not known here.

    Args:
        data: the file as a uint8 vector. JPEG, PNG, WebP, TIFF, BMP and GIF are known.
    """
    head = data[:32].tobytes()
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) >= 24:
        return _big(head[16:20]), _big(head[20:24])
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp(head)
    if head.startswith((b"II*\0", b"MM\0*")):
        return _tiff(data, "little" if head[:1] == b"I" else "big")
    if head.startswith(b"BM") and len(head) >= 26:
        return abs(_little(head[18:22], True)), abs(_little(head[22:26], True))
    if head.startswith(b"GIF8") and len(head) >= 10:
        return _little(head[6:8]), _little(head[8:10])
    return None


def _big(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _little(raw: bytes, signed: bool = False) -> int:
    return int.from_bytes(raw, "little", signed=signed)


def _jpeg(data: np.ndarray) -> tuple[int, int] | None:
    at, end = 2, data.size
    while at + 9 <= end and data[at] == 0xFF:
        marker = int(data[at + 1])
        if marker in _START_OF_FRAME:
            raw = data[at + 5 : at + 9].tobytes()
            return _big(raw[2:]), _big(raw[:2])
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _NO_LENGTH:
            at += 2
        else:
            at += 2 + (int(data[at + 2]) << 8 | int(data[at + 3]))
    return None


def _webp(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + _little(head[24:27]), 1 + _little(head[27:30])
    if kind == b"VP8 ":
        return _little(head[26:28]) & 0x3FFF, _little(head[28:30]) & 0x3FFF
    if kind == b"VP8L":
        bits = _little(head[21:25])
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return None


def _tiff(data: np.ndarray, order: Literal["little", "big"]) -> tuple[int, int] | None:
    """The first page's size."""

    def number(at: int, count: int) -> int:
        return int.from_bytes(data[at : at + count].tobytes(), order)

    table = number(4, 4)
    found: dict[int, int] = {}
    for entry in range(number(table, 2)):
        at = table + 2 + 12 * entry
        if at + 12 > data.size:
            break
        tag, kind = number(at, 2), number(at + 2, 2)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT):
            found[tag] = number(at + 8, 2 if kind == 3 else 4)  # 3: SHORT
    return (found[_TIFF_WIDTH], found[_TIFF_HEIGHT]) if len(found) == 2 else None
