"""What the first directory of a TIFF file says, of the classic and the big form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

_WIDTH, _HEIGHT, _PHOTOMETRIC, _SAMPLES, _TILE_WIDTH, _TILE_HEIGHT, _EXTRA = 256, 257, 262, 277, 322, 323, 338
_TAGS = (_WIDTH, _HEIGHT, _PHOTOMETRIC, _SAMPLES, _TILE_WIDTH, _TILE_HEIGHT, _EXTRA)
_BYTES = {1: 1, 3: 2, 4: 4, 16: 8}  # of a value, by its type: BYTE, SHORT, LONG, LONG8
_COLOURS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3}  # channels by photometric interpretation
_MOST = 4096  # entries looked at


@dataclass(frozen=True)
class TiffHeader:
    """Size px, whether a channel is transparency, px of a tile (0: none), where the next directory begins (0: none)."""

    width: int
    height: int
    alpha: bool
    tile: int
    following: int


def tiff_header(data: np.ndarray) -> TiffHeader | None:
    """Of the first page; None where its directory cannot be read.

    Args:
        data: the file as a uint8 vector.
    """
    order: Literal["little", "big"] = "little" if data[:2].tobytes() == b"II" else "big"

    def number(at: int, count: int) -> int:
        return int.from_bytes(data[at : at + count].tobytes(), order)

    big = number(2, 2) == 43
    wide, step, counted = (8, 20, 8) if big else (4, 12, 2)
    table = number(8 if big else 4, wide)
    entries = number(table, counted)
    if table + counted > data.size or not 0 < entries <= _MOST:
        return None
    found: dict[int, int] = {}
    for entry in range(entries):
        at = table + counted + step * entry
        if at + step > data.size:
            return None
        tag, kind = number(at, 2), number(at + 2, 2)
        if tag in _TAGS and kind in _BYTES:
            found[tag] = number(at + 4 + wide, _BYTES[kind])
    if _WIDTH not in found or _HEIGHT not in found:
        return None
    colours = _COLOURS.get(found.get(_PHOTOMETRIC, 1), 4)
    alpha = _EXTRA in found or found.get(_SAMPLES, 1) in (colours + 1, 2)
    tile = found.get(_TILE_WIDTH, 0) * found.get(_TILE_HEIGHT, 0)
    return TiffHeader(found[_WIDTH], found[_HEIGHT], alpha, tile, number(table + counted + step * entries, wide))
