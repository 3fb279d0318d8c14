"""Which polygons overlap, and by how much: exact areas, quick where both are convex quadrilaterals.

Everything else, and every decision that hangs on the last digits, is left to shapely (GEOS).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely

NEAR = 1e-6  # a ratio this near to a limit is computed again by shapely, as PaddleOCR's metric computes it


class Shapes:
    """The valid ones among polygons.

    Valid is what shapely calls so: a simple outline that encloses an area; repeated points are fine, in either direction.
    Polygons that cross or touch themselves, have no area, fewer than three points or a coordinate that is not finite are
    left out.

    Args:
        polygons: arrays (P, 2) px.

    `index` (N,) int are the positions of the valid ones in `polygons`.
    """

    def __init__(self, polygons: Sequence[np.ndarray]) -> None:
        quads = _convex({i: p for i, p in enumerate(polygons) if len(p) == 4})
        rest: dict[int, np.ndarray] = {}
        for i, polygon in enumerate(polygons):
            if i not in quads:
                outline = _without_repeated_end(np.asarray(polygon, np.float64).reshape(-1, 2))
                if len(outline) >= 3 and np.isfinite(outline).all():
                    rest[i] = outline
        quads |= _convex({i: outline for i, outline in rest.items() if len(outline) == 4})
        rest = {i: outline for i, outline in rest.items() if i not in quads}
        geometries = dict(zip(rest, _geometries(list(rest.values())), strict=True))
        rest = {i: outline for i, outline in rest.items() if geometries[i].is_valid}
        used = sorted([*quads, *rest])
        self.index = np.array(used, np.intp)
        self.outlines = [quads[i] if i in quads else rest[i] for i in used]
        self.convex = np.array([i in quads for i in used], bool)
        self._geometries = {n: geometries[i] for n, i in enumerate(used) if i in rest}

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def bounds(self) -> np.ndarray:
        """(N, 4): least x, least y, greatest x, greatest y."""
        if not self.outlines:
            return np.zeros((0, 4))
        points, starts = np.concatenate(self.outlines), self._starts
        return np.concatenate([np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)], axis=1)

    @cached_property
    def areas(self) -> np.ndarray:
        """(N,) px²."""
        if not self.outlines:
            return np.zeros(0)
        lengths, starts = self._lengths, self._starts
        points = np.concatenate(self.outlines)
        points -= np.repeat(points[starts], lengths, axis=0)  # far from the origin digits would be lost
        following = np.arange(1, len(points) + 1)
        following[starts + lengths - 1] = starts
        x, y = points.T
        return np.abs(np.add.reduceat(x * y[following] - x[following] * y, starts)) / 2

    @cached_property
    def _lengths(self) -> np.ndarray:
        return np.array([len(outline) for outline in self.outlines])

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum(self._lengths) - self._lengths

    def quads(self, which: np.ndarray) -> np.ndarray:
        """(M, 4, 2) corners of convex ones, in the direction of a positive area."""
        return self._corners[which]

    @cached_property
    def _corners(self) -> np.ndarray:
        """(N, 4, 2), zeros for those that are no convex quadrilaterals."""
        corners = np.zeros((len(self), 4, 2))
        if self.convex.any():
            corners[self.convex] = [outline for outline, quad in zip(self.outlines, self.convex, strict=True) if quad]
        return corners

    def geometries(self, which: np.ndarray) -> np.ndarray:
        """(M,) shapely polygons."""
        missing = [n for n in dict.fromkeys(which.tolist()) if n not in self._geometries]
        self._geometries.update(zip(missing, _geometries([self.outlines[n] for n in missing]), strict=True))
        return np.array([self._geometries[n] for n in which.tolist()], object)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Polygons of two sets that share an area, ordered by first, then second.

    Args:
        first, second: (K,) positions in the sets' valid polygons.
        shared: (K,) px².
        iou, of_first, of_second: (K,) the shared area over that of the union, of the first and of the second polygon.
    """

    first: np.ndarray
    second: np.ndarray
    shared: np.ndarray
    iou: np.ndarray
    of_first: np.ndarray
    of_second: np.ndarray


def overlapping(first: Shapes, second: Shapes, limit: float) -> Pairs:
    """Every pair with a shared area. Ratios are good to about 1e-12; one within 1e-6 of `limit` is shapely's own."""
    a, b = first.bounds[:, None], second.bounds[None]
    i, j = np.nonzero((a[..., 0] < b[..., 2]) & (b[..., 0] < a[..., 2]) & (a[..., 1] < b[..., 3]) & (b[..., 1] < a[..., 3]))
    shared = np.zeros(len(i))
    quick = first.convex[i] & second.convex[j]
    shared[quick] = convex_shared_areas(first.quads(i[quick]), second.quads(j[quick]))
    if not quick.all():
        shared[~quick] = shapely.area(shapely.intersection(first.geometries(i[~quick]), second.geometries(j[~quick])))
    i, j, shared = i[shared > 0], j[shared > 0], shared[shared > 0]
    own, other = first.areas[i], second.areas[j]
    ratios = np.stack([shared / (own + other - shared), shared / own, shared / other])
    near = np.flatnonzero((np.abs(ratios - limit) < NEAR).any(axis=0))
    if len(near):
        one, two = first.geometries(i[near]), second.geometries(j[near])
        inner = shapely.area(shapely.intersection(one, two))
        ratios[:, near] = inner / np.stack([shapely.area(shapely.union(one, two)), shapely.area(one), shapely.area(two)])
    return Pairs(i, j, shared, *ratios)


def convex_shared_areas(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(M,) areas in px² that convex quadrilaterals (M, 4, 2) share with others (M, 4, 2), both of positive area.

    Each of the first is cut by the sides of its partner in turn (Sutherland and Hodgman 1974), all pairs at once.
    """
    if not len(first):
        return np.zeros(0)
    origin = second[:, :1]
    cut, sides = first - origin, second - origin
    counts = np.full(len(first), 4)
    rows = np.arange(len(first))[:, None]
    for k in range(4):
        start, along = sides[:, k, None], sides[:, (k + 1) % 4, None] - sides[:, k, None]
        slots = np.arange(cut.shape[1])
        there = slots < counts[:, None]
        following = np.where(slots + 1 < counts[:, None], slots + 1, 0)
        height = along[..., 0] * (cut[..., 1] - start[..., 1]) - along[..., 1] * (cut[..., 0] - start[..., 0])
        next_point, next_height = cut[rows, following], height[rows, following]
        inside = height >= 0
        crossing = there & (inside != (next_height >= 0))
        share = np.divide(height, height - next_height, out=np.zeros_like(height), where=crossing)
        entering = cut + share[..., None] * (next_point - cut)
        # Of each point stays the point itself, then where its side crosses; what stays moves to the front.
        points = np.stack([cut, entering], axis=2).reshape(len(cut), -1, 2)
        stays = np.stack([there & inside, crossing], axis=2).reshape(len(cut), -1)
        counts = stays.sum(axis=1)
        cut = np.zeros((len(cut), max(int(counts.max()), 1), 2))
        row, column = np.nonzero(stays)
        cut[row, (np.cumsum(stays, axis=1) - 1)[row, column]] = points[row, column]
    cut = np.where((np.arange(cut.shape[1]) < counts[:, None])[..., None], cut, cut[:, :1])
    x, y = cut[..., 0], cut[..., 1]
    after = np.roll(np.arange(cut.shape[1]), -1)
    return np.maximum(0.5 * (x * y[:, after] - x[:, after] * y).sum(axis=1), 0.0)


def _without_repeated_end(outline: np.ndarray) -> np.ndarray:
    """Label encoding repeats the last point of polygons with fewer points than others; a closing point is dropped too."""
    end = len(outline)
    while end > 1 and (outline[end - 1] == outline[end - 2]).all():
        end -= 1
    if end > 1 and (outline[end - 1] == outline[0]).all():
        end -= 1
    return outline[:end]


def _convex(fours: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
    """Of outlines of four points those that turn the same way at each: such an outline cannot cross itself. Their corners
    (4, 2) float64 in the direction of a positive area."""
    quads = np.array(list(fours.values()), np.float64).reshape(-1, 4, 2)
    finite = np.isfinite(quads).all(axis=(1, 2))
    quads[~finite] = 0
    sides = quads[:, [1, 2, 3, 0]] - quads
    after = sides[:, [1, 2, 3, 0]]
    turns = sides[..., 0] * after[..., 1] - sides[..., 1] * after[..., 0]
    right, left = (turns > 0).all(axis=1), (turns < 0).all(axis=1)
    quads[left] = quads[left][:, ::-1]
    positions = list(fours)
    return {positions[n]: quads[n] for n in np.flatnonzero(right | left)}


def _geometries(outlines: Sequence[np.ndarray]) -> np.ndarray:
    """(M,) shapely polygons."""
    if not outlines:
        return np.zeros(0, object)
    owner = np.repeat(np.arange(len(outlines)), [len(outline) for outline in outlines])
    return shapely.polygons(shapely.linearrings(np.concatenate(outlines), indices=owner))
