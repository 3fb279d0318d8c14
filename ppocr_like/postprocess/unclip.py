"""Growing text regions: DB learns shrunk text, so what is found is grown again by a distance that follows its size.

Source: Vatti clipping as in DB (Liao et al. 2020): distance = area x unclip_ratio / perimeter.
"""

from __future__ import annotations

from itertools import chain

import cv2
import numpy as np
import pyclipper

from ppocr_like.contracts import PageBoxes, TextBox
from ppocr_like.postprocess.regions import MIN_SIDE, Outlines, Regions, smallest_boxes

GROWN_MIN_SIDE = MIN_SIDE + 2  # px: a grown region with a shorter side is dropped (PaddleOCR's DBPostProcess)


def boxes(regions: Regions, box_thresh: float, unclip_ratio: float, source: tuple[float, float]) -> PageBoxes:
    """The regions of a score of at least `box_thresh`, grown and brought to source px, in the regions' order.

    A region that falls apart while it grows, or stays smaller than 5 px of the map, is dropped. A lower `box_thresh` adds
    boxes and changes none.

    Args:
        box_thresh: least score, [0, 1].
        unclip_ratio: how far the outline is moved, in areas per perimeter; 0 leaves it.
        source: (width, height) of the source image in px.
    """
    chosen = regions.scores >= box_thresh
    grown, whole = grow(regions.outlines.keep(chosen), unclip_ratio)
    scores = regions.scores[chosen][whole]
    parts = grown.split(grown.points)
    if regions.box_type == "quad":
        quads, sides = smallest_boxes(parts)
        wide = sides >= GROWN_MIN_SIDE
        # PaddleOCR's quads are float32, its polygons float64 here: it decides where a half is rounded to.
        found = list(_to_source(quads[wide], regions.size, source, np.float32))
    else:
        wide = np.array([min(cv2.minAreaRect(part)[1]) >= GROWN_MIN_SIDE for part in parts], bool)
        kept = grown.keep(wide)
        found = kept.split(_to_source(kept.points, regions.size, source, np.float64))
    return PageBoxes(tuple(map(TextBox, found, scores[wide].tolist())))


def grow(outlines: Outlines, unclip_ratio: float) -> tuple[Outlines, np.ndarray]:
    """Each outline moved outwards with round corners.

    Args:
        outlines: px; cut to whole px, as the clipping computes in integers.

    Returns:
        those (int32 px) that stayed in one piece, and (N,) bool which of `outlines` these are.
    """
    engine = pyclipper.PyclipperOffset()
    joint, closed = pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON
    paths = outlines.split(outlines.points.astype(np.int64).tolist())
    distances = (_areas_per_perimeter(outlines) * unclip_ratio).tolist()
    whole = np.zeros(len(outlines), bool)
    grown = []
    for position, (path, distance) in enumerate(zip(paths, distances, strict=True)):
        engine.Clear()
        engine.AddPath(path, joint, closed)
        parts = engine.Execute(distance)
        if len(parts) == 1:
            whole[position] = True
            part = parts[0]
            grown.append(np.fromiter(chain.from_iterable(part), np.int32, 2 * len(part)).reshape(-1, 2))
    return Outlines.of(grown), whole


def _areas_per_perimeter(outlines: Outlines) -> np.ndarray:
    """Area / perimeter of each outline in px, (N,) float64; 0 for a point."""
    if not len(outlines):
        return np.zeros(0)
    starts, points = outlines.starts, outlines.points.astype(np.float64)
    following = np.arange(1, len(points) + 1)
    following[starts + outlines.lengths - 1] = starts
    x, y = points.T
    x2, y2 = points[following].T
    areas = np.abs(np.add.reduceat(x * y2 - x2 * y, starts)) / 2
    perimeters = np.add.reduceat(np.hypot(x2 - x, y2 - y), starts)
    return np.divide(areas, perimeters, out=np.zeros_like(areas), where=perimeters > 0)


def _to_source(points: np.ndarray, size: tuple[int, int], source: tuple[float, float], kind: type) -> np.ndarray:
    """Px of the map -> whole px of the source image, within it: int32."""
    limit: np.ndarray = np.array(source, kind)
    return np.clip(np.round(points.astype(kind) / np.array(size, kind) * limit), 0, limit).astype(np.int32)
