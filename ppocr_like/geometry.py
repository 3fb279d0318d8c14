"""Polygons in px: areas, offsets, boxes. Points are (P, 2), x before y."""

from __future__ import annotations

import cv2
import numpy as np
import pyclipper
import shapely


def signed_area(points: np.ndarray) -> float:
    """Shoelace area in px²; positive where the points run clockwise on the screen (y grows downwards)."""
    x, y = np.asarray(points, np.float64).reshape(-1, 2).T
    return 0.5 * float(np.dot(x, np.roll(y, -1)) - np.dot(np.roll(x, -1), y))


def perimeter(points: np.ndarray) -> float:
    """Length of the closed outline in px."""
    points = np.asarray(points, np.float64).reshape(-1, 2)
    return float(np.linalg.norm(points - np.roll(points, -1, axis=0), axis=1).sum())


def offset(points: np.ndarray, distance: float) -> list[np.ndarray]:
    """The polygon grown by `distance` px (shrunk where negative), with round joins: none, one or several (M, 2) int64 polygons.

    Vertices are cut to whole px first and results are whole px, as pyclipper computes in integers (and as DB does).
    """
    engine = pyclipper.PyclipperOffset()
    engine.AddPath([(int(x), int(y)) for x, y in points], pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    return [np.array(part, np.int64).reshape(-1, 2) for part in engine.Execute(distance)]


def clockwise_quad(points: np.ndarray) -> np.ndarray:
    """Four corners from the top left on, clockwise: the two leftmost by y at positions 0 and 3, the two rightmost at 1 and 2.

    Source: the order that DB's post-processing gives boxes.
    """
    by_x = points[np.argsort(points[:, 0], kind="stable")]
    left, right = by_x[:2], by_x[2:]
    top_left, bottom_left = left if left[1, 1] > left[0, 1] else left[::-1]
    top_right, bottom_right = right if right[1, 1] > right[0, 1] else right[::-1]
    return np.array([top_left, top_right, bottom_right, bottom_left])


def smallest_box(points: np.ndarray) -> tuple[np.ndarray, float]:
    """((4, 2) float32 corners from the top left on, short side in px) of the smallest rotated rectangle around the points."""
    box = cv2.minAreaRect(np.asarray(points, np.float32).reshape(-1, 1, 2))
    return clockwise_quad(cv2.boxPoints(box)), float(min(box[1]))


def outline_fault(points: np.ndarray) -> str:
    """Why an outline (P, 2) px cannot be used as a text's, "" where it can.

    As DB's targets and the metric judge it: at least three different points, an area, no side that crosses another. Points that
    repeat the one before, and a closing point, do not matter.
    """
    ring = np.asarray(points, np.float64).reshape(-1, 2)
    if not np.isfinite(ring).all():
        return "a coordinate that is no finite number"
    ring = ring[(ring != np.roll(ring, 1, axis=0)).any(axis=1)]
    if len(ring) < 3:
        return "fewer than three different points"
    if len(ring) == 4 and _turns_one_way(ring.tolist()):
        return ""
    if crosses_itself(ring) or not shapely.is_valid(shapely.Polygon(ring)):
        return "a side that crosses or touches another" if np.ptp(ring, axis=0).min() > 0 else "no area"
    return "" if abs(signed_area(ring)) > 0 else "no area"


def crosses_itself(quad: np.ndarray) -> bool:
    """Whether of four corners (4, 2), joined in their order, two sides cross: a bow-tie. False for other numbers of points."""
    if len(quad) != 4:
        return False
    a, b, c, d = np.asarray(quad, np.float64).tolist()  # in plain Python, which is quicker for so few numbers
    return _cross(a, b, c, d) or _cross(b, c, d, a)


def corners_in_order(quad: np.ndarray) -> np.ndarray:
    """A bow-tie's corners (4, 2) in their order around its middle, clockwise on the screen, the first one first.

    Where two sides cross, the four corners are those of a convex quadrilateral, of which there is only this order. Any other
    outline is returned as it is.
    """
    if not crosses_itself(quad):
        return quad
    x, y = (np.asarray(quad, np.float64) - np.mean(quad, axis=0, dtype=np.float64)).T
    order = np.argsort(np.arctan2(y, x), kind="stable")
    return quad[np.roll(order, -int(np.flatnonzero(order == 0)[0]))]


def _cross(a: list[float], b: list[float], c: list[float], d: list[float]) -> bool:
    """Whether the segments a-b and c-d cross in a point within both."""

    def side(p: list[float], q: list[float], r: list[float]) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


def _turns_one_way(ring: list[list[float]]) -> bool:
    """Whether four corners turn the same way at each: such an outline is convex and cannot cross itself."""
    turns = []
    for n in range(4):
        (ax, ay), (bx, by), (cx, cy) = ring[n], ring[(n + 1) % 4], ring[(n + 2) % 4]
        turns.append((bx - ax) * (cy - by) - (by - ay) * (cx - bx))
    return min(turns) > 0 or max(turns) < 0
