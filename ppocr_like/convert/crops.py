"""Line pictures for recognition, cut from pages and made upright; and which boxes suit a recogniser."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ppocr_like.documents.formats.reader import COVERAGE, VERTICAL
from ppocr_like.documents.page import Line
from ppocr_like.geometry import signed_area, smallest_box

_TURNED = 1.5  # a crop so many times as high as wide holds a vertical line (PaddleOCR's rule for crops)
_LARGEST = 4  # times the image: a crop of more pixels is of coordinates that belong to another image


@dataclass(frozen=True)
class LineFilter:
    """Which boxes become crops. Sizes in px of the upright box around the outline.

    Args:
        min_width, min_height: smaller boxes are left out.
        min_ratio: least width / height.
        min_coverage: least share of the line that its words cover, where the source knows words.
        vertical: take lines marked as vertical.
    """

    min_width: float = 1.0
    min_height: float = 1.0
    min_ratio: float = 0.0
    min_coverage: float = 0.0
    vertical: bool = True

    def reason(self, line: Line) -> str:
        """Why a line is left out; "" when it is taken."""
        width, height = np.ptp(line.points, axis=0)
        tags = dict(line.tags)
        if line.ignored:
            return "illegible or ignored"
        if not line.text.strip():
            return "no text"
        if VERTICAL in tags and not self.vertical:
            return "vertical line"
        if width < self.min_width:
            return f"narrower than {self.min_width:g} px"
        if height < self.min_height:
            return f"lower than {self.min_height:g} px"
        if width / height < self.min_ratio:
            return f"width / height below {self.min_ratio:g}"
        if COVERAGE in tags and float(tags[COVERAGE]) < self.min_coverage:
            return f"words cover less than {self.min_coverage:g} of the line"
        return ""


# What ocrs-models trains its recogniser on: horizontal lines of 10 px and more that their words fill.
OCRS_FILTER = LineFilter(min_width=10, min_height=10, min_ratio=1.0, min_coverage=0.8, vertical=False)


def cut(image: np.ndarray, points: np.ndarray) -> np.ndarray | None:
    """The text of an outline as an upright picture; None when the outline lies outside the image.

    Four points are rectified in their order (the first is the text's top left; an anticlockwise order is turned round, so that
    nothing is mirrored). Other outlines are cut as their smallest rotated rectangle. A crop that is at least 1.5 times as high as
    wide is turned by 90 degrees anticlockwise, so that a vertical line lies.

    Args:
        image: (H, W, C) uint8.
        points: (P, 2) px.

    Source: PaddleOCR's crops between detection and recognition (the rule for vertical lines, edges repeated outside).
    """
    height, width = image.shape[:2]
    low, high = points.min(axis=0), points.max(axis=0)
    if high[0] <= 0 or high[1] <= 0 or low[0] >= width or low[1] >= height:
        return None
    quad = _quad(points)
    across = max(np.linalg.norm(quad[0] - quad[1]), np.linalg.norm(quad[3] - quad[2]))
    down = max(np.linalg.norm(quad[0] - quad[3]), np.linalg.norm(quad[1] - quad[2]))
    columns, rows = max(round(float(across)), 1), max(round(float(down)), 1)
    if columns * rows > _LARGEST * width * height:
        return None
    target = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    # The region around the outline only: a warp looks up its source with 16-bit coordinates.
    left, top = np.maximum(np.floor(low).astype(int) - 2, 0)
    right, bottom = np.ceil(high).astype(int) + 3
    matrix = cv2.getPerspectiveTransform((quad - (left, top)).astype(np.float32), target)
    part = image[top:bottom, left:right]
    crop = cv2.warpPerspective(part, matrix, (columns, rows), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(np.rot90(crop)) if rows >= _TURNED * columns else crop


def _quad(points: np.ndarray) -> np.ndarray:
    """(4, 2) float64 corners, clockwise, the text's top left first."""
    if len(points) == 4 and cv2.isContourConvex(points.astype(np.float32).reshape(-1, 1, 2)):
        return points if signed_area(points) > 0 else points[[0, 3, 2, 1]]
    return smallest_box(points)[0].astype(np.float64)
