"""What training sees of one sample: the picture, the outlines and each target map beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from ppocr_like.contracts import PageBoxes
from ppocr_like.documents.page import Line
from ppocr_like.draw.boxes import FOUND, draw_boxes
from ppocr_like.draw.maps import map_picture

_TITLE = 22  # px above a panel
_GAP = 6  # px between panels
_COLUMNS = 3
_PAPER, _INK = 205, (0, 0, 0)  # a grey that white maps stand out from


def sample_sheet(image: np.ndarray, polygons: np.ndarray, ignored: np.ndarray, maps: Mapping[str, np.ndarray]) -> np.ndarray:
    """A sheet (H, W, 3) uint8 BGR: the image with outlines, the image with its kernels, and each map under its name.

    Args:
        image: (H, W, 3) uint8 BGR, as training gets it.
        polygons: (N, P, 2) px; cared-for ones green, ignored ones grey.
        ignored: (N,) bool.
        maps: (H, W) in [0, 1] by name. One named `shrink_map` is laid over the image besides.
    """
    height, width = image.shape[:2]
    truth = [Line(p, ignored=tag) for p, tag in zip(polygons, ignored.tolist(), strict=True) if np.isfinite(p).all()]
    title = f"{width} x {height}: {int((~ignored).sum())} texts, {int(ignored.sum())} ignored"
    panels = [(title, _outlined(image, truth))]
    if "shrink_map" in maps:
        panels.append(("shrink_map on the image", _tinted(image, maps["shrink_map"])))
    panels += [(name, map_picture(values)) for name, values in maps.items()]
    return grid(panels, _COLUMNS)


def _outlined(image: np.ndarray, truth: Sequence[Line]) -> np.ndarray:
    picture = draw_boxes(image, PageBoxes(), truth)
    for line in truth:
        if not line.ignored and len(line.points):  # where the text begins
            x, y = np.clip(line.points[0], -30000, 30000).astype(int).tolist()
            cv2.circle(picture, (x, y), 2, FOUND, -1, cv2.LINE_AA)
    return picture


def _tinted(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The image, paler, in red where the map is 1."""
    pale = 128 + image.astype(np.float32) / 2
    share = 0.7 * np.clip(values, 0, 1).astype(np.float32)[:, :, None]
    return np.round(pale * (1 - share) + np.array(FOUND, np.float32) * share).astype(np.uint8)


def grid(panels: Sequence[tuple[str, np.ndarray]], columns: int) -> np.ndarray:
    """Titled pictures (H, W, 3) uint8 in rows of `columns`; smaller ones stand at the top left of their place."""
    height = max(picture.shape[0] for _, picture in panels)
    width = max(picture.shape[1] for _, picture in panels)
    rows, columns = -(-len(panels) // columns), min(columns, len(panels))
    step_y, step_x = height + _TITLE + _GAP, width + _GAP
    sheet = np.full((rows * step_y + _GAP, columns * step_x + _GAP, 3), _PAPER, np.uint8)
    for number, (title, picture) in enumerate(panels):
        y, x = _GAP + number // columns * step_y, _GAP + number % columns * step_x
        cv2.putText(sheet, title, (x, y + _TITLE - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
        sheet[y + _TITLE : y + _TITLE + picture.shape[0], x : x + picture.shape[1]] = picture
    return sheet
