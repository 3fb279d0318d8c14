"""What decoding a JPEG 2000 file would take, by its headers: a few hundred bytes can ask for gigabytes and minutes.

The sizes that count: pixels times channels, tiles, and the blocks, precincts and packets that a decoder keeps books of. The
segments are those of ITU-T T.800, annex A.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

START = b"\xff\x4f\xff\x51"
_TILE_PART, _DATA, _CODING, _CODING_OF_ONE = 0xFF90, 0xFF93, 0xFF52, 0xFF53
_PLAIN = 1 << 24  # px that any file may have: a blank page compresses to nothing
_OF_A_BYTE = 4000  # px that a byte stands for at most in larger ones
_BOOKS = 1 << 16  # blocks or packets that any file may have; more need bytes, of which each takes one or a good part
_SEGMENTS = 1 << 14  # looked at


@dataclass(frozen=True)
class Jp2Header:
    """Size px, number of channels, and why it cannot be true ("" where it can)."""

    width: int
    height: int
    channels: int
    doubt: str = ""


def jp2_header(raw: bytes) -> Jp2Header | None:
    """Of a file, with or without boxes around its codestream; None where the header is damaged."""
    at = raw.find(START)
    if at < 0 or len(raw) < at + 42:
        return None
    x1, y1, x0, y0, tile_x, tile_y = (_number(raw, at + 8 + 4 * i, 4) for i in range(6))
    channels = _number(raw, at + 40, 2)
    width, height = x1 - x0, y1 - y0
    if width <= 0 or height <= 0 or not tile_x or not tile_y or not 1 <= channels <= 4:
        return None
    doubt = _doubt(raw, at, (width, height, channels), -(-x1 // tile_x) * -(-y1 // tile_y))
    return Jp2Header(width, height, channels, doubt)


def _doubt(raw: bytes, at: int, size: tuple[int, int, int], tiles: int) -> str:
    width, height, channels = size
    within = f"cannot be in {len(raw):,} bytes of JPEG 2000"
    if width * height > max(_PLAIN, _OF_A_BYTE * len(raw)):
        return f"{width} x {height} px {within}"
    if tiles > max(64, len(raw) // 12):  # each has a header of 12 bytes
        return f"{tiles:,} tiles {within}"
    for layers, levels, block, precincts in _codings(raw, at + 2):
        blocks = -(-width // block[0]) * -(-height // block[1]) * channels
        if blocks > max(_BOOKS, 16 * len(raw)):
            return f"{blocks:,} blocks {within}"
        places = sum(-(-(width >> r) // w) * -(-(height >> r) // h) for r, (w, h) in enumerate(reversed(precincts)))
        packets = layers * channels * max(places, (levels + 1) * tiles)
        if packets > max(_BOOKS, len(raw)):
            return f"{packets:,} packets {within}"
    return ""


Coding = tuple[int, int, tuple[int, int], list[tuple[int, int]]]


def _codings(raw: bytes, at: int) -> Iterator[Coding]:
    """(layers, levels, px of a block, px of the precincts from the smallest resolution on) of each segment that sets them."""
    layers, part = 1, 0
    for _ in range(_SEGMENTS):
        if at + 4 > len(raw):
            return
        marker, length = _number(raw, at, 2), _number(raw, at + 2, 2)
        if marker == _DATA:
            at = part
            continue
        if marker == _TILE_PART:
            following = at + _number(raw, at + 6, 4)
            if following <= at:  # it reaches to the end
                following = len(raw)
            part = following
        elif marker < 0xFF00 or length < 2:
            return
        elif marker == _CODING:
            layers = max(layers, _number(raw, at + 6, 2))
            yield _coding(raw, at + 9, at + 2 + length, layers, bool(raw[at + 4] & 1))
        elif marker == _CODING_OF_ONE and at + 6 < len(raw):
            yield _coding(raw, at + 6, at + 2 + length, layers, bool(raw[at + 5] & 1))
        at += 2 + length


def _coding(raw: bytes, at: int, end: int, layers: int, own_precincts: bool) -> Coding:
    levels = min(_number(raw, at, 1), 32)
    block = 1 << (_number(raw, at + 1, 1) & 15) + 2, 1 << (_number(raw, at + 2, 1) & 15) + 2
    sizes = raw[at + 5 : min(end, at + 6 + levels)] if own_precincts else b""
    precincts = [(1 << (size & 15), 1 << (size >> 4)) for size in sizes] or [(1 << 15, 1 << 15)] * (levels + 1)
    return layers, levels, block, precincts


def _number(raw: bytes, at: int, count: int) -> int:
    return int.from_bytes(raw[at : at + count], "big")
