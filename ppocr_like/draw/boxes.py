"""Text regions drawn on their page."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ppocr_like.contracts import PageBoxes
from ppocr_like.documents.page import Line

FOUND, TRUE, IGNORED = (40, 30, 220), (60, 150, 40), (150, 150, 150)  # BGR
SHIFT = 3  # OpenCV draws at 1/8 px
READABLE = 30  # px: a score is written on boxes at least so wide


def draw_boxes(
    image: np.ndarray, page: PageBoxes, truth: Sequence[Line] = (), *, scores: bool = True, longest: int | None = None
) -> np.ndarray:
    """The page with its regions: a new (H, W, 3) uint8 BGR image.

    Args:
        image: (H, W, 3) uint8 BGR.
        page: found regions, red.
        truth: the label's lines, drawn first: green, ignored ones grey.
        scores: write them above their boxes, where these are wide enough for it.
        longest: the picture's longer side in px at most; None keeps the image's size.
    """
    height, width = image.shape[:2]
    scale = min(1.0, longest / max(height, width)) if longest else 1.0
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = image.copy() if scale == 1.0 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    thick = max(1, round(max(size) / 800))
    for line in truth:
        _outline(picture, line.points * scale, IGNORED if line.ignored else TRUE, thick)
    for box in page.boxes:
        _outline(picture, np.asarray(box.points, np.float64) * scale, FOUND, thick)
    for box in page.boxes if scores else ():
        corners = np.clip(np.asarray(box.points, np.float64) * scale, 0, max(size))
        if np.ptp(corners[:, 0]) >= READABLE:
            _write(picture, f"{box.score:.2f}", int(corners[:, 0].min()), int(corners[:, 1].min()))
    return picture


def _write(picture: np.ndarray, text: str, left: int, bottom: int) -> None:
    """Red on white, above the point where there is room."""
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)
    bottom = max(bottom, height + 2)
    cv2.rectangle(picture, (left, bottom - height - 2), (left + width, bottom), (255, 255, 255), -1)
    cv2.putText(picture, text, (left, bottom - 1), cv2.FONT_HERSHEY_SIMPLEX, 0.4, FOUND, 1, cv2.LINE_AA)


def _outline(picture: np.ndarray, points: np.ndarray, colour: tuple[int, int, int], thick: int) -> None:
    fixed = np.round(np.clip(points, -30000, 30000) * (1 << SHIFT)).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(picture, [fixed], True, colour, thick, cv2.LINE_AA, SHIFT)
