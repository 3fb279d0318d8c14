"""Polygons in px: areas, offsets, boxes. Points are (P, 2), x before y."""

from __future__ import annotations

import cv2
import numpy as np
import pyclipper


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
