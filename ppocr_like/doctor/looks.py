"""Pictures that are nearly the same: scaled, compressed again, brightened or trimmed by a hair.

A picture's look is 256 bits: it is reduced to a small grid of grey values, and a bit says whether a cell is clearly lighter than
the one to its left. The idea is dHash's (Krawetz 2013); "clearly" keeps the noise of plain paper out of it.
"""

from __future__ import annotations

import cv2
import numpy as np

LINE_GRID, PAGE_GRID = (32, 8), (16, 16)  # cells across and down, 256 together
WORDS = 4  # of 64 bits
NEAR = 0.4  # differing bits over the set bits of the sparer look, up to which two pictures count as nearly the same
LEAST_BITS = 20  # a look with fewer says too little
_STEP = 0.06  # of the picture's own range of grey: what makes a cell clearly lighter
_BLOCK = 1 << 22  # pairs compared at once


def print_of(image: np.ndarray, columns: int, rows: int) -> tuple[int, ...]:
    """Four words of 64 bits that tell the look of an (H, W) or (H, W, C) uint8 image; `columns` x `rows` is 256."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 and image.shape[2] == 3 else image.reshape(image.shape[:2])
    cells = cv2.resize(grey, (columns + 1, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    step = max(2.0, _STEP * float(cells.max() - cells.min()))
    bits = np.packbits(cells[:, 1:] > cells[:, :-1] + step)
    return tuple(int(word) for word in bits.view(np.uint64))


def nearest(looks: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each of `looks` (N, 4) uint64 the position of the nearest of `others` (M, 4) and whether it is near.

    Returns:
        ((N,) int64, (N,) bool).
    """
    found, near = np.zeros(len(looks), np.int64), np.zeros(len(looks), bool)
    if not len(others):
        return found, near
    mine, theirs = bits_set(looks), bits_set(others)
    rows = max(1, _BLOCK // len(others))
    for start in range(0, len(looks), rows):
        part = slice(start, start + rows)
        differing = sum(
            np.bitwise_count(looks[part, None, word] ^ others[None, :, word]).astype(np.int16) for word in range(WORDS)
        )
        least = np.minimum(mine[part, None], theirs[None])
        share = np.where(least < LEAST_BITS, np.inf, differing / np.maximum(least, 1))
        found[part] = share.argmin(axis=1)
        near[part] = share.min(axis=1) <= NEAR
    return found, near


def bits_set(looks: np.ndarray) -> np.ndarray:
    """(N,) int64 number of set bits of looks (N, 4)."""
    return np.bitwise_count(looks).sum(axis=1, dtype=np.int64)
