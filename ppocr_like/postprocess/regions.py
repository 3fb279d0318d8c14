"""Candidate text regions of a probability map: outlines and scores. What a map and `thresh` alone decide.

The regions are found once and then filtered and grown (`postprocess.unclip`) for as many settings as wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np

ScoreMode = Literal["fast", "slow"]
BoxType = Literal["quad", "poly"]

MIN_SIDE = 3  # px: a candidate box with a shorter side is noise (PaddleOCR's DBPostProcess, min_size)
APPROX = 0.002  # of the contour's length: how far a polygon may leave it (PaddleOCR's DBPostProcess)
DILATION = np.ones((2, 2), np.uint8)
DILATION.setflags(write=False)


@dataclass(frozen=True, eq=False)
class Outlines:
    """Outlines of any numbers of points, one after the other in one array, so that all are worked on at once.

    Args:
        points: (K, 2) px.
        lengths: (N,) points of each outline, each at least 1.
    """

    points: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, outlines: Sequence[np.ndarray]) -> Outlines:
        """From arrays (P, 2) or (P, 1, 2)."""
        if not len(outlines):
            return cls(np.zeros((0, 2), np.int32), np.zeros(0, np.intp))
        return cls(np.concatenate(outlines).reshape(-1, 2), np.array([len(outline) for outline in outlines]))

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def starts(self) -> np.ndarray:
        """(N,) positions of the first points."""
        return np.cumsum(self.lengths) - self.lengths

    def split(self, items: Any) -> list[Any]:
        """`items` (one for each point: an array, or a list) cut into outlines."""
        ends = np.cumsum(self.lengths).tolist()
        return [items[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def keep(self, chosen: np.ndarray) -> Outlines:
        """The outlines for which `chosen` (N,) bool is true."""
        return Outlines(self.points[np.repeat(chosen, self.lengths)], self.lengths[chosen])

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """((N, 2) least, (N, 2) greatest x and y)."""
        if not len(self):
            return self.points, self.points
        return np.minimum.reduceat(self.points, self.starts), np.maximum.reduceat(self.points, self.starts)


@dataclass(frozen=True, eq=False)
class Regions:
    """The candidates of one map, in the order in which the contours were found.

    Args:
        outlines: px of the map; quad: corners from the top left on, float32; poly: int32.
        scores: (N,) float64, mean probability within each outline (or contour, see `score_mode`).
        size: (width, height) of the map in px.
        box_type: `quad` or `poly`.
    """

    outlines: Outlines
    scores: np.ndarray
    size: tuple[int, int]
    box_type: BoxType

    def __len__(self) -> int:
        return len(self.scores)


def find_regions(
    probabilities: np.ndarray,
    thresh: float,
    use_dilation: bool = False,
    *,
    max_candidates: int = 1000,
    score_mode: ScoreMode = "fast",
    box_type: BoxType = "quad",
) -> Regions:
    """Contours of `probabilities > thresh` as scored boxes or polygons.

    Holes have contours too. Too small contours (quad: short side below 3 px; poly: fewer than 4 points) are dropped,
    after the first `max_candidates` were taken. Source of behaviour: PaddleOCR's DBPostProcess.

    Args:
        probabilities: (H, W) float32, [0, 1]; a NaN is no text.
        thresh: a pixel above it is text.
        use_dilation: grow the text pixels by one to the right and down before contours are found.
        max_candidates: contours looked at.
        score_mode: quad only: `fast` scores within the box, `slow` within the contour. Polygons are always scored within.
        box_type: smallest rotated rectangles, or polygons along the contours.
    """
    contours = text_contours(probabilities, thresh, use_dilation)[:max_candidates]
    size = (probabilities.shape[1], probabilities.shape[0])
    outlines, used = candidates(contours, box_type)
    scored = outlines
    if score_mode == "slow" and box_type == "quad":
        scored = Outlines.of([contours[i] for i in used])
    return Regions(outlines, _scores(probabilities, scored), size, box_type)


def candidates(contours: Sequence[np.ndarray], box_type: BoxType) -> tuple[Outlines, list[int]]:
    """Boxes or polygons around contours that are not too small, and the positions of the contours used."""
    if box_type == "poly":
        polygons = {i: _simplified(contour) for i, contour in enumerate(contours) if len(contour) >= 4}
        used = [i for i, points in polygons.items() if len(points) >= 4]
        return Outlines.of([polygons[i] for i in used]), used
    used = [i for i, contour in enumerate(contours) if len(contour) > 2]  # one or two points have no width
    quads, sides = smallest_boxes([contours[i] for i in used])
    wide = sides >= MIN_SIDE
    return Outlines(quads[wide].reshape(-1, 2), np.full(np.count_nonzero(wide), 4)), [used[i] for i in np.flatnonzero(wide)]


def text_contours(probabilities: np.ndarray, thresh: float, use_dilation: bool = False) -> Sequence[np.ndarray]:
    """Contours (P, 1, 2) int32 of `probabilities > thresh`, of holes too."""
    mask = np.greater(probabilities, np.float32(thresh)).view(np.uint8)
    if use_dilation:
        mask = cv2.dilate(mask, DILATION)
    return cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]


def smallest_boxes(outlines: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """((N, 4, 2) float32 corners from the top left on, (N,) float32 short sides) of the smallest rotated rectangles.

    As `geometry.smallest_box`, for many outlines at once. The corners are computed here, in the way of OpenCV 4: OpenCV 5's
    differ from them in order and last digit, which decides over a whole px where corners are cut to integers afterwards
    (measured on 13,000 contours: one in fifteen boxes; computed here one in a thousand).

    Args:
        outlines: int32 or float32 arrays (P, 1, 2) or (P, 2), px.
    """
    if not outlines:
        return np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32)
    rows = [(*center, *size, angle) for center, size, angle in map(cv2.minAreaRect, outlines)]
    x, y, width, height, angle = np.array(rows, np.float32).T
    turned = angle < 0  # OpenCV 5 gives [-90, 0), OpenCV 4 gives [0, 90]
    angle = np.where(turned, angle + np.float32(90), angle)
    width, height = np.where(turned, height, width), np.where(turned, width, height)
    radians = angle.astype(np.float64) * np.pi / 180
    half_cos, half_sin = (f(radians).astype(np.float32) * np.float32(0.5) for f in (np.cos, np.sin))
    corners = np.empty((len(rows), 4, 2), np.float32)
    corners[:, 0, 0] = x - half_sin * height - half_cos * width
    corners[:, 0, 1] = y + half_cos * height - half_sin * width
    corners[:, 1, 0] = x + half_sin * height - half_cos * width
    corners[:, 1, 1] = y - half_cos * height - half_sin * width
    corners[:, 2:] = 2 * np.stack([x, y], axis=1)[:, None] - corners[:, :2]
    return _clockwise(corners), np.minimum(width, height)


def _clockwise(corners: np.ndarray) -> np.ndarray:
    """`geometry.clockwise_quad` of each of (N, 4, 2)."""
    by_x = np.take_along_axis(corners, np.argsort(corners[:, :, 0], axis=1, kind="stable")[:, :, None], axis=1)
    left_down = by_x[:, 1, 1] > by_x[:, 0, 1]  # the pair is from top to bottom already
    right_down = by_x[:, 3, 1] > by_x[:, 2, 1]
    order = np.empty((len(corners), 4), np.intp)
    order[:, 0], order[:, 3] = np.where(left_down, 0, 1), np.where(left_down, 1, 0)
    order[:, 1], order[:, 2] = np.where(right_down, 2, 3), np.where(right_down, 3, 2)
    return np.take_along_axis(by_x, order[:, :, None], axis=1)


def _simplified(contour: np.ndarray) -> np.ndarray:
    return cv2.approxPolyDP(contour, APPROX * cv2.arcLength(contour, True), True)


def _scores(probabilities: np.ndarray, outlines: Outlines) -> np.ndarray:
    """Mean probability within each outline (N,), whose points are cut to whole px: each is filled in a mask of its own
    window. What lies outside the map does not count."""
    scores = np.empty(len(outlines))
    if not len(outlines):
        return scores
    limit = np.array(probabilities.shape[::-1]) - 1
    low, high = outlines.bounds()
    low = np.clip(np.floor(low), 0, limit).astype(np.int32)
    sizes = np.clip(np.ceil(high), 0, limit).astype(np.int32) - low + 1
    shift = np.repeat(low, outlines.lengths, axis=0)
    shapes = outlines.split((outlines.points - shift.astype(outlines.points.dtype)).astype(np.int32))
    buffer = np.empty(int(sizes.prod(axis=1, dtype=np.int64).max()), np.uint8)
    fill, mean = cv2.fillPoly, cv2.mean
    for i, (shape, (x, y), (width, height)) in enumerate(zip(shapes, low.tolist(), sizes.tolist(), strict=True)):
        mask = buffer[: width * height].reshape(height, width)
        mask.fill(0)
        fill(mask, [shape], 1)
        scores[i] = mean(probabilities[y : y + height, x : x + width], mask)[0]
    return scores
