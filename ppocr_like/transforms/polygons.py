"""What the steps that move and filter a page's polygons share. Polygons are (N, P, 2) px."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ppocr_like.transforms.base import Sample

PAGE_ENTRIES = ("image", "polys", "texts", "ignore_tags")


def bounds(polys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((N, 2) smallest, (N, 2) largest x and y) of each polygon; NaN where a point is not a number."""
    polys = np.asarray(polys, np.float64)
    return polys.min(axis=1), polys.max(axis=1)


def touches(low: np.ndarray, high: np.ndarray, rect: Sequence[float]) -> np.ndarray:
    """(N,) bool: the bounds meet the rectangle (x, y, width, height); an edge in common is enough. NaN meets nothing."""
    x, y, w, h = rect
    return (high[:, 0] >= x) & (low[:, 0] <= x + w) & (high[:, 1] >= y) & (low[:, 1] <= y + h)


def keep(sample: Sample, polys: np.ndarray, kept: np.ndarray) -> None:
    """Sets `polys` and drops what `kept` (N,) bool leaves out, from all entries that have one item for each polygon."""
    sample["polys"] = np.ascontiguousarray(polys[kept], np.float32)
    sample["ignore_tags"] = np.asarray(sample["ignore_tags"], bool)[kept]
    sample["texts"] = [sample["texts"][i] for i in np.flatnonzero(kept)]


def stack(polys: Iterable[np.ndarray], points: int = 0) -> np.ndarray:
    """(N, P, 2) float32 of polygons with any number of points: shorter ones repeat their last. P is at least `points`, and 1."""
    every = [np.asarray(poly, np.float32).reshape(-1, 2) for poly in polys]
    most = max([points, 1, *map(len, every)])
    out = np.empty((len(every), most, 2), np.float32)
    for row, poly in zip(out, every, strict=True):
        row[: len(poly)] = poly
        row[len(poly) :] = poly[-1]
    return out
