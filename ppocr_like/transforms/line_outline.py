"""The outline of a line: clipped to its page, and the line through its middle."""

from __future__ import annotations

import cv2
import numpy as np

from ppocr_like.contracts import Rejected
from ppocr_like.geometry import smallest_box
from ppocr_like.transforms.line_course import Course, course_of

UPRIGHT = 1.5  # height / width from which a region is taken for a vertical line and turned (PaddleOCR's `get_rotate_crop_image`)
OFF_PAGE = "line outside the page"
STUB = 0.4  # of the line distance: no outline of letters is lower
_THINNEST = 1.0  # px: an outline without this extent has no inside
_STATIONS = 32  # across which the middle is measured
_CURVED = 0.25  # of the height: a middle that leaves the straight line so far is curved
_SLENDER = 3.0  # length / height from which a middle can be told


def outline_within(outline: np.ndarray, width: int, height: int) -> np.ndarray | None:
    """The outline (P, 2) px clipped to a page of width x height px: (M, 2) float64; None where it has no inside.

    Raises:
        Rejected: it lies outside the page.
    """
    ring = np.asarray(outline, np.float64).reshape(-1, 2)
    if len(ring) < 3:
        return None
    (left, top), (right, bottom) = ring.min(axis=0).tolist(), ring.max(axis=0).tolist()
    if left < 0 or top < 0 or right > width - 1 or bottom > height - 1:
        for axis, most in ((0, width - 1.0), (1, height - 1.0)):
            ring = _clipped(_clipped(ring, axis, 0.0, 1), axis, most, -1)
        if len(ring) == 0:
            raise Rejected(OFF_PAGE, "its outline has no point on the page")
    points = ring.astype(np.float32)
    length = right - left + bottom - top  # at least that of the smallest box
    wide = cv2.contourArea(points) > _THINNEST * length  # quickly seen of most; a ring that crosses itself may have no area
    return ring if wide or min(cv2.minAreaRect(points)[1]) >= _THINNEST else None


def _clipped(ring: np.ndarray, axis: int, bound: float, sign: int) -> np.ndarray:
    """The part of a ring on one side of a horizontal or vertical line (Sutherland and Hodgman's clipping)."""
    kept: list[list[float]] = []
    points = ring.tolist()
    for point, after in zip(points, [*points[1:], *points[:1]], strict=True):
        here, there = sign * (point[axis] - bound) >= 0, sign * (after[axis] - bound) >= 0
        if here:
            kept.append(point)
        if here != there:
            share = (bound - point[axis]) / (after[axis] - point[axis])
            crossing = [a + share * (b - a) for a, b in zip(point, after, strict=True)]
            crossing[axis] = bound
            kept.append(crossing)
    return np.array(kept).reshape(-1, 2)


def subdivided(ring: np.ndarray, step: float) -> np.ndarray:
    """The closed ring (P, 2) px with further points on its sides, none farther than `step` px from the next: (M, 2)."""
    closed = np.concatenate([ring, ring[:1]])
    sides = closed[1:] - closed[:-1]
    marks = np.zeros(len(closed))
    np.hypot(sides[:, 0], sides[:, 1]).cumsum(out=marks[1:])
    places = np.concatenate([marks[:-1], np.arange(0.0, marks[-1], step)])
    places.sort()
    return np.array([np.interp(places, marks, closed[:, 0]), np.interp(places, marks, closed[:, 1])]).T


def is_stub(baseline: np.ndarray, outline: np.ndarray, distance: float) -> bool:
    """Whether an outline (P, 2) px is far lower than lines are apart (`distance`, px): it would cut off the letters.

    Programs that know a baseline only and must write an outline write such ones (Transkribus: 11 px above the baseline). The line
    is then better cut without it.
    """
    course = course_of(baseline)
    if course is None or len(outline) == 0:
        return False
    _, beside = course.coordinates(np.asarray(outline, np.float64).reshape(-1, 2))
    return bool(np.ptp(beside[:, 1]) < STUB * distance)


def middle_course(ring: np.ndarray) -> Course:
    """The course of a line of which only the outline is known, left to right; of a clearly vertical one from top to bottom.

    The upper side of the outline's smallest box; of a slender outline whose middle is curved, a cubic through that middle.
    """
    corners = smallest_box(ring)[0].astype(np.float64)
    across, down = np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[3] - corners[0])
    if down >= UPRIGHT * across:
        corners = np.roll(corners, -1, axis=0)
        across, down = down, across
    upper = corners[:2]
    ways = np.stack([(corners[1] - corners[0]) / across, (corners[3] - corners[0]) / down])
    curve = _curved_middle((ring - corners[0]) @ ways.T, float(across))
    return Course.through(upper if curve is None else corners[0] + curve @ ways)


def _curved_middle(ring: np.ndarray, length: float) -> np.ndarray | None:
    """(M, 2) px along the middle of a ring that reaches from 0 to `length` px in x; None where it is straight."""
    x = (np.arange(_STATIONS) + 0.5) * length / _STATIONS
    start, end = ring, np.roll(ring, -1, axis=0)
    meets = (np.minimum(start[:, 0], end[:, 0]) <= x[:, None]) & (np.maximum(start[:, 0], end[:, 0]) > x[:, None])
    run = np.where(start[:, 0] == end[:, 0], 1.0, end[:, 0] - start[:, 0])
    y = start[:, 1] + (x[:, None] - start[:, 0]) / run * (end[:, 1] - start[:, 1])
    low, high = np.where(meets, y, np.inf).min(axis=1), np.where(meets, y, -np.inf).max(axis=1)
    told = meets.any(axis=1)
    if told.sum() < _STATIONS // 2:
        return None
    thick = float(np.median((high - low)[told]))
    if length < _SLENDER * thick:
        return None
    places = x / length
    middle = np.where(told, (low + high) / 2, 0.0)
    line, cubic = (np.polynomial.Polynomial.fit(places[told], middle[told], degree, domain=[0, 1]) for degree in (1, 3))
    if float(np.abs(cubic(places) - line(places)).max()) <= _CURVED * thick:
        return None
    at = np.linspace(0.0, 1.0, _STATIONS // 2 + 1)
    return np.stack([at * length, cubic(at)], axis=1)
