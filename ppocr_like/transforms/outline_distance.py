"""Distances of the pixels around polygons to their outlines, as DB's threshold map takes them.

PaddleOCR's rule for one edge: a pixel that sees the edge under 90 degrees or more (it lies in the circle over the edge) has
the distance to the edge's line, any other pixel the distance to the nearer end. Its arithmetic is kept where it shows: it
takes the edge's squared length in float32, and with it the squared distance to the line comes out wrong by a share of that
rounding, up to a quarter of it. Pixels closer to the outline than that get a square below zero, hence no distance (NaN).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

SHUT = 2.0**60  # times a positive number: larger than any squared distance here, and still a float32
# What float32 makes of the sums here, in px² and per squared extent of the edge's window: a pixel on the circle counts as in
# it within the first, and a square counts as negative below minus the second.
CIRCLE_SLACK, SQUARE_SLACK = 4e-7, 1e-13
POINT = 1e-6  # px²: squared radius of an edge without length; its pixel, if there is one, has no distance


class OutlineDistances:
    """Iterates over polygons: for each an array (h, w) float32, valid until the next one, of px to its outline in its window,
    at most `caps` px; NaN where there is no distance.

    All the edges' constants are computed together; per edge there remain sums of two images on the part of the window that
    lies within the cap.

    Args:
        polys: (N, P, 2) float32 px.
        caps: (N,) px, above 0.
        frames: (N, 2) whole px: what PaddleOCR subtracts, in float32, before it computes.
        origins, sizes: (N, 2) whole px: first pixel (x, y) of each window, and its width and height.
    """

    def __init__(self, polys: np.ndarray, caps: np.ndarray, frames: np.ndarray, origins: np.ndarray, sizes: np.ndarray) -> None:
        framed = (polys - frames[:, None]).astype(np.float32)
        self._caps, self._sizes = caps.tolist(), sizes.tolist()
        corners = framed.astype(np.float64) - (origins - frames)[:, None]
        self._edges = _edges(framed, corners, caps, sizes)
        distinct = (corners != np.roll(corners, -1, axis=1)).any(axis=2)
        self._corners = [points[chosen] for points, chosen in zip(corners, distinct, strict=True)]
        width, height = sizes.max(axis=0, initial=1)
        self._x, self._y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        self._line, self._run, self._gate, self._nearest = np.empty((4, height, width), np.float32)

    def __iter__(self) -> Iterator[np.ndarray]:
        for cap, (width, height), edges, corners in zip(self._caps, self._sizes, self._edges, self._corners, strict=True):
            nearest = self._nearest[:height, :width]
            nearest[...] = cap * cap
            for edge in edges:
                self._take_edge(nearest, *edge)
            _take_corners(nearest, corners, cap)
            yield cv2.sqrt(nearest, nearest)

    def _take_edge(self, nearest: np.ndarray, x0: int, y0: int, x1: int, y1: int, constants: list[float]) -> None:
        """Lowers the squared distances to those of one edge's line, inside the circle over the edge."""
        if x0 >= x1 or y0 >= y1:
            return
        height, width = y1 - y0, x1 - x0
        x, y = self._x[:height, :width], self._y[:height, :width]
        line, run, gate = self._line[:height, :width], self._run[:height, :width], self._gate[:height, :width]
        along_x, along_y, from_line, from_middle, circle, wrong, slack = constants
        cv2.addWeighted(x, along_y, y, -along_x, from_line, line)
        cv2.addWeighted(x, along_x, y, along_y, from_middle, run)
        cv2.multiply(line, line, line)
        cv2.multiply(run, run, run)
        cv2.addWeighted(line, SHUT, run, SHUT, circle, gate)  # above 0 outside the circle
        cv2.addWeighted(gate, wrong, line, 1.0, slack, line)
        cv2.max(line, gate, line)
        window = nearest[y0:y1, x0:x1]
        cv2.min(window, line, window)


def _edges(framed: np.ndarray, starts: np.ndarray, caps: np.ndarray, sizes: np.ndarray) -> list[list[tuple]]:
    """For each polygon and edge the arguments of `_take_edge`. Points and boxes are (N, P, 2), numbers (N, P)."""
    ends = np.roll(starts, -1, axis=1)
    along = ends - starts
    rounded = framed - np.roll(framed, -1, axis=1)
    rounded *= rounded
    square = (along * along).sum(axis=2)
    error = rounded.sum(axis=2, dtype=np.float32) - square
    point = square == 0
    square[point] = 1
    along /= np.sqrt(square)[..., None]
    margin = caps[:, None, None] * np.abs(along[..., ::-1])  # to either side of the edge; none around a point
    along[point] = 1, 0
    first = np.maximum(np.ceil(np.minimum(starts, ends) - margin), 0)
    after = np.minimum(np.floor(np.maximum(starts, ends) + margin) + 1, sizes[:, None])
    extent = ((after - first) ** 2).max(axis=2)
    to_start, to_middle = first - starts, first - (starts + ends) / 2
    constants = np.stack(
        (
            along[..., 0],
            along[..., 1],
            along[..., 1] * to_start[..., 0] - along[..., 0] * to_start[..., 1],
            (along * to_middle).sum(axis=2),
            -SHUT * np.where(point, POINT, square / 4 + error / 2 + CIRCLE_SLACK * extent),
            np.where(point, 1, error / square) / SHUT,
            SQUARE_SLACK * extent,
        ),
        axis=2,
    ).tolist()
    boxes = np.concatenate((first, after), axis=2).astype(int).tolist()
    return [
        [(*box, values) for box, values in zip(one, numbers, strict=True)] for one, numbers in zip(boxes, constants, strict=True)
    ]


def _take_corners(nearest: np.ndarray, corners: np.ndarray, cap: float) -> None:
    """Lowers the squared distances (h, w) to those to the corners (P, 2) px, within `cap` px of each."""
    height, width = nearest.shape
    x, y = np.arange(width) - corners[:, :1], np.arange(height) - corners[:, 1:]
    x, y = (x * x).astype(np.float32), (y * y).astype(np.float32)[..., None]
    for across, down, (corner_x, corner_y) in zip(x, y, corners.tolist(), strict=True):
        left, right = max(math.ceil(corner_x - cap), 0), min(math.floor(corner_x + cap) + 1, width)
        top, bottom = max(math.ceil(corner_y - cap), 0), min(math.floor(corner_y + cap) + 1, height)
        if left < right and top < bottom:
            window = nearest[top:bottom, left:right]
            cv2.min(window, down[top:bottom] + across[left:right], window)
