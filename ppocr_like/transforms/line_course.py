"""How a line runs over its page: along a baseline, and the maps from a straight picture back to the page.

A point beside a baseline has two coordinates in px: how far along the baseline it stands, and how far below it (negative: above
it), as they are seen by somebody who reads the line. The way down stands square on the baseline where that is straight. At a
bend it turns slowly, so that the columns of the straight picture neither spread far apart nor cross.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import cv2
import numpy as np

SHORTEST = 5.0  # px of a baseline; kraken takes no shorter one either
LEAST_WINDOW = 8.0  # px
_TOLERANCE = 0.5  # px
_BACK = math.radians(120)  # a turn that no line of text makes
_WIDER = 1.5
_TURN = 0.7  # px by which the ends of neighbouring columns may be farther apart, or closer, than on the baseline
_LOOK = 4.0  # px between the places at which a bend is measured
_CORRECTIONS = 2  # leave half a px at most on 99 of 100 lines of archives, more only inside of sharp corners
_AT_ONCE = 64  # lines compared with all others at a time
_SAME = 2.0  # px: two baselines less apart are the same line's


class PageMap(Protocol):
    """From a picture of a line to its page."""

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) px of the picture -> (N, 2) float64 px of the page."""
        ...

    def after(self, matrix: np.ndarray) -> PageMap:
        """This map behind a (3, 3) matrix: where the picture is turned, the matrix leads from the turned one back."""
        ...


@dataclass(frozen=True, eq=False)
class Homography:
    """The map of a picture whose lines are straight on the page.

    Args:
        matrix: (3, 3) float64, from px of the picture to px of the page.
    """

    matrix: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) px of the picture -> (N, 2) float64 px of the page."""
        return cv2.perspectiveTransform(np.asarray(points, np.float64).reshape(-1, 1, 2), self.matrix).reshape(-1, 2)

    def after(self, matrix: np.ndarray) -> Homography:
        """This map behind a (3, 3) matrix."""
        return Homography(self.matrix @ matrix)


@dataclass(frozen=True, eq=False)
class Strip:
    """The map of a picture along a baseline with bends.

    Args:
        origins: (W + 1, 2) float64 px of the page: where each column meets the baseline.
        downs: (W + 1, 2) float64, the way down of each column, of length 1.
        top: px below the baseline at which the picture's first row stands.
        before: (3, 3), from the points that are asked for to px of the strip.
    """

    origins: np.ndarray
    downs: np.ndarray
    top: float
    before: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) px of the picture -> (N, 2) float64 px of the page."""
        points = np.asarray(points, np.float64).reshape(-1, 2) @ self.before[:2, :2].T + self.before[:2, 2]
        column = np.clip(np.floor(points[:, 0]).astype(int), 0, len(self.origins) - 2)
        share = (points[:, 0] - column)[:, None]
        origin = (1 - share) * self.origins[column] + share * self.origins[column + 1]
        down = (1 - share) * self.downs[column] + share * self.downs[column + 1]
        return origin + (points[:, 1:] + self.top) * down

    def after(self, matrix: np.ndarray) -> Strip:
        """This map behind a (3, 3) matrix."""
        return replace(self, before=self.before @ matrix)


@dataclass(frozen=True, eq=False)
class Course:
    """A baseline that can be walked along; beyond its ends it goes on straight.

    Args:
        points: (V, 2) float64 px of the page; no point repeats the one before.
        marks: (V,) px along the baseline at which each point stands.
        ways: (V - 1, 2) the way along each side, of length 1.
        turning: (V,) px x radian, the sum of the sides' directions up to each point, without jumps of a whole turn.
        bend: greatest angle between two sides' directions, in radians.
        window: px along the baseline over which directions are averaged.
    """

    points: np.ndarray
    marks: np.ndarray
    ways: np.ndarray
    turning: np.ndarray
    bend: float
    window: float = LEAST_WINDOW

    @classmethod
    def through(cls, points: np.ndarray) -> Course:
        """Through (V, 2) px of the page, at least two different points."""
        ways: list[tuple[float, float]] = []
        marks, turning = [0.0], [0.0]
        angle, least, most = 0.0, math.inf, -math.inf
        for (x, y), (next_x, next_y) in pairwise(points.tolist()):  # in plain Python, which is quicker for so few numbers
            length = math.hypot(next_x - x, next_y - y)
            direction = math.atan2(next_y - y, next_x - x)
            angle = angle + math.remainder(direction - angle, math.tau) if ways else direction
            least, most = min(least, angle), max(most, angle)
            ways.append(((next_x - x) / length, (next_y - y) / length))
            marks.append(marks[-1] + length)
            turning.append(turning[-1] + length * angle)
        return cls(points, np.array(marks), np.array(ways), np.array(turning), most - least)

    @property
    def length(self) -> float:
        """Px."""
        return float(self.marks[-1])

    @property
    def straight(self) -> bool:
        """Whether it has no bend."""
        return len(self.points) == 2

    def point(self, share: float) -> np.ndarray:
        """(2,) px of the page at a share of its length."""
        side = int(np.searchsorted(self.marks[1:-1], share * self.length, side="right"))
        return self.points[side] + (share * self.length - self.marks[side]) * self.ways[side]

    def reversed(self) -> Course:
        """From its end to its start."""
        return Course.through(self.points[::-1])

    def coordinates(self, points: np.ndarray) -> tuple[Course, np.ndarray]:
        """Where (N, 2) px of the page stand beside it.

        Returns:
            (this course with the window that these points need, (N, 2) px along and below).
        """
        if self.straight:
            along, down = self.ways[0], downs_of(self.ways)[0]
            return self, (points - self.points[0]) @ np.array([along, down]).T
        along, away = self._nearest(points)
        course = self.smoothed(float(away.max()))
        for _ in range(_CORRECTIONS):  # the nearest point is not the one from which the way down leads here: close to it
            origins, ways = course.walk(along)
            apart = points - origins
            along = along + (apart * ways).sum(axis=1)
        return course, np.array([along, apart[:, 1] * ways[:, 0] - apart[:, 0] * ways[:, 1]]).T

    def walk(self, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """((N, 2) px of the page, (N, 2) the smoothed way along there, of length 1) at (N,) px along the baseline."""
        within = np.minimum(np.maximum(along, 0.0), self.length)
        angle, beyond = self._angle(within), along - within
        ways = np.array([np.cos(angle), np.sin(angle)])
        origins = beyond * ways
        origins[0] += np.interp(within, self.marks, self.points[:, 0])
        origins[1] += np.interp(within, self.marks, self.points[:, 1])
        return origins.T, ways.T

    def _angle(self, within: np.ndarray) -> np.ndarray:
        """(N,) mean direction over the window around (N,) px along the baseline; at an end over the half of it that is there."""
        start, end = np.maximum(within - self.window / 2, 0.0), np.minimum(within + self.window / 2, self.length)
        return (np.interp(end, self.marks, self.turning) - np.interp(start, self.marks, self.turning)) / (end - start)

    def smoothed(self, reach: float) -> Course:
        """With a window that is wide enough for columns not to cross within `reach` px of the baseline; neighbours are then less
        than 2 px apart there."""
        course = replace(self, window=max(reach, LEAST_WINDOW))
        if self.bend * reach <= _TURN * course.window / 2:  # no more can come of the bend, even at an end
            return course
        steps = np.linspace(0.0, self.length, int(self.length / _LOOK) + 2)
        while course.window < 2 * self.length:
            angle = course._angle(steps)
            if float(np.abs(angle[1:] - angle[:-1]).max()) * reach <= _TURN * steps[1]:
                return course
            course = replace(course, window=_WIDER * course.window)
        return course  # one direction everywhere

    def _nearest(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """((N,) px along of the nearest point of the baseline, (N,) px to it); both ends go on straight without end."""
        starts, normals = self.points[:-1], downs_of(self.ways)
        along = points @ self.ways.T - (starts * self.ways).sum(axis=1)  # (N, V - 1), as the rest
        across = points @ normals.T - (starts * normals).sum(axis=1)
        least, most = np.zeros(len(starts)), self.marks[1:] - self.marks[:-1]
        least[0], most[-1] = -np.inf, np.inf
        held = np.minimum(np.maximum(along, least), most)
        squared = across**2 + (along - held) ** 2
        best = squared.argmin(axis=1)
        row = np.arange(len(points))
        return self.marks[best] + held[row, best], np.sqrt(squared[row, best])


def course_of(baseline: np.ndarray) -> Course | None:
    """The course of a baseline (P, 2) px; None where it is shorter than SHORTEST: it tells no direction.

    Points that stand within half a px of the line between others are left out, and so are those at which the baseline turns back
    on itself.
    """
    points = _moving(np.asarray(baseline, np.float64).reshape(-1, 2))
    if len(points) > 2:
        simple = cv2.approxPolyDP(points.astype(np.float32)[:, None], _TOLERANCE, False)
        points = simple.reshape(-1, 2).astype(np.float64)
        points = _forward(points)
    if len(points) < 2:
        return None
    course = Course.through(points)
    return course if course.length >= SHORTEST else None


def _forward(points: np.ndarray) -> np.ndarray:
    """Without the points at which a baseline turns back on itself; its ends stay."""
    kept: list[list[float]] = []
    for x, y in points.tolist():
        while len(kept) > 1:
            (start_x, start_y), (corner_x, corner_y) = kept[-2:]
            before, behind = (corner_x - start_x, corner_y - start_y), (x - corner_x, y - corner_y)
            cross = before[0] * behind[1] - before[1] * behind[0]
            if abs(math.atan2(cross, before[0] * behind[0] + before[1] * behind[1])) <= _BACK:
                break
            kept.pop()
        if not kept or kept[-1] != [x, y]:
            kept.append([x, y])
    return np.array(kept)


def _moving(points: np.ndarray) -> np.ndarray:
    """Without the points that repeat the one before."""
    still = (points[1:] == points[:-1]).all(axis=1)
    return points[np.append(True, ~still)] if still.any() else points


def downs_of(ways: np.ndarray) -> np.ndarray:
    """(N, 2) ways along -> (N, 2) ways down, a quarter of a turn clockwise on the screen."""
    return np.array([-ways[:, 1], ways[:, 0]]).T


def line_distance(baselines: Sequence[np.ndarray]) -> float | None:
    """Median px from a baseline to the nearest one above or below it.

    Args:
        baselines: all of a page, (P, 2) px each.

    Returns:
        None where no baseline has another one above or below.
    """
    courses = [course for line in baselines if (course := course_of(line)) is not None]
    if len(courses) < 2:
        return None
    starts = np.concatenate([course.points[:-1] for course in courses])
    sides = np.concatenate([course.points[1:] - course.points[:-1] for course in courses])
    owner = np.repeat(np.arange(len(courses)), [len(course.ways) for course in courses])
    squared = (sides**2).sum(axis=1)
    found = []
    for first in range(0, len(courses), _AT_ONCE):
        some = courses[first : first + _AT_ONCE]
        quarter, middle, end = (np.array([course.point(share) for course in some])[:, None] for share in (0.25, 0.5, 0.75))
        way = (end - quarter) / np.maximum(np.linalg.norm(end - quarter, axis=2, keepdims=True), 1e-9)
        share = np.clip(((middle - starts) * sides).sum(axis=2) / squared, 0.0, 1.0)
        apart = (
            starts + share[:, :, None] * sides - middle
        )  # (lines, sides, 2) from each middle to the nearest point of each side
        along = np.abs((apart * way).sum(axis=2))
        across = np.abs(apart[:, :, 1] * way[:, :, 0] - apart[:, :, 0] * way[:, :, 1])
        other = owner != np.arange(first, first + len(some))[:, None]
        beside = other & (along <= across) & (across >= _SAME)  # not in its row, not the line twice
        nearest = np.where(beside, across, np.inf).min(axis=1)
        found.append(nearest[np.isfinite(nearest)])
    distances = np.concatenate(found)
    return float(np.median(distances)) if len(distances) else None
