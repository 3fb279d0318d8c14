"""Polygons cut at a rectangle and brought back to at most four corners."""

from __future__ import annotations

import cv2
import numpy as np

from ppocr_like.transforms.view import Rect

_HALVINGS = 20  # of the search for the least simplification that leaves four corners: 0.5 / 2^20 of the outline


def clip_to_rect(poly: np.ndarray, rect: Rect) -> np.ndarray:
    """The part of a polygon (P, 2) px inside a rectangle, (M, 2) float64; M is 0 where nothing is.

    Parts that hang together outside the rectangle only stay joined by an edge along its side.

    Source: Sutherland and Hodgman, Reentrant polygon clipping (1974).
    """
    x, y, w, h = rect
    points = np.asarray(poly, np.float64)
    for axis, limit, sign in ((0, x, 1.0), (0, x + w, -1.0), (1, y, 1.0), (1, y + h, -1.0)):
        if not len(points):
            break
        points = _clip_at(points, (points[:, axis] - limit) * sign)
    return points


def _clip_at(points: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The part of the polygon where `inside` (one number for each point, linear between) is at least 0."""
    after, inside_after = np.roll(points, -1, axis=0), np.roll(inside, -1)
    kept, crossing = inside >= 0, (inside >= 0) != (inside_after >= 0)
    if kept.all():
        return points
    share = np.where(crossing, inside / np.where(crossing, inside - inside_after, 1.0), 0.0)
    cuts = points + share[:, None] * (after - points)
    both = np.stack([points, cuts], axis=1).reshape(-1, 2)
    return both[np.stack([kept, crossing], axis=1).reshape(-1)]


def clipped_quad(poly: np.ndarray, rect: Rect) -> np.ndarray | None:
    """(3 or 4, 2) float32: what the rectangle leaves of a polygon, with the least simplification to four corners.

    Corners are a subset of the cut outline's. None where fewer than three are left.
    """
    points = clip_to_rect(poly, rect).astype(np.float32)
    if len(points):
        points = points[(np.abs(points - np.roll(points, 1, axis=0)) > 1e-4).any(axis=1)]
    if len(points) < 3:
        return None
    if len(points) <= 4:
        return points
    outline, length = points.reshape(-1, 1, 2), cv2.arcLength(points, True)
    least, most, best = 0.0, 0.5, None
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        simple = cv2.approxPolyDP(outline, middle * length, True)
        if len(simple) <= 4:
            best, most = simple, middle
        else:
            least = middle
    return None if best is None or len(best) < 3 else best.reshape(-1, 2)


def thickness(poly: np.ndarray) -> float:
    """Short side in px of the smallest box around a polygon (P, 2): about the height of a line of text."""
    return float(min(cv2.minAreaRect(np.asarray(poly, np.float32))[1])) if len(poly) >= 3 else 0.0


def shortest_side(poly: np.ndarray) -> float:
    """Length in px of a polygon's shortest side."""
    return float(np.linalg.norm(poly - np.roll(poly, -1, axis=0), axis=1).min())
