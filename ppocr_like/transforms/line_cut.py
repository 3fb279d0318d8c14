"""A line cut out of its page and set upright."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ppocr_like.geometry import smallest_box
from ppocr_like.transforms.line_course import Homography, PageMap

UPRIGHT = 1.5  # height / width from which a region is taken for a vertical line and turned (PaddleOCR's `get_rotate_crop_image`)


@dataclass(frozen=True, eq=False)
class Crop:
    """A line image.

    Args:
        image: (h, w, 3) uint8 BGR.
        to_page: a function from (N, 2) px of `image` to (N, 2) px of the page, px as points at their indices.
        turned: degrees counter-clockwise by which it was turned after cutting.
    """

    image: np.ndarray
    to_page: PageMap
    turned: int = 0

    def rotated(self, quarters: int) -> Crop:
        """Turned by quarters of a circle counter-clockwise."""
        quarters %= 4
        if quarters == 0:
            return self
        height, width = self.image.shape[:2]
        # Where a px of the turned picture stood before, px as points at their indices.
        back = {
            1: [[0, -1, width - 1], [1, 0, 0], [0, 0, 1]],
            2: [[-1, 0, width - 1], [0, -1, height - 1], [0, 0, 1]],
            3: [[0, 1, 0], [-1, 0, height - 1], [0, 0, 1]],
        }[quarters]
        image = np.ascontiguousarray(np.rot90(self.image, quarters))
        return Crop(image, self.to_page.after(np.array(back, np.float64)), (self.turned + 90 * quarters) % 360)


def cut_quad(page: np.ndarray, points: np.ndarray) -> Crop | None:
    """The region set upright: as wide and high as its longer opposite sides; one clearly higher than wide is turned left.

    Args:
        page: (H, W, 3) uint8 BGR.
        points: (P, 2) px; of a polygon its smallest rotated rectangle is taken.

    Returns:
        None for a region without extent (less than 1 px wide or high).

    Source: PaddleOCR's `get_rotate_crop_image`, `get_minarea_rect_crop`; RapidOCR cuts in the same way.
    """
    corners = np.asarray(points, np.float32) if len(points) == 4 else smallest_box(np.asarray(points))[0]
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    width, height = int(max(sides[0], sides[2])), int(max(sides[3], sides[1]))
    if width < 1 or height < 1:
        return None
    crop = _straight(page, corners, width, height)
    if crop is None:
        upright = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        there = cv2.getPerspectiveTransform(corners, upright)
        image = cv2.warpPerspective(page, there, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        crop = Crop(image, Homography(cv2.getPerspectiveTransform(upright, corners)))
    return crop.rotated(1) if height / width >= UPRIGHT else crop


def _straight(page: np.ndarray, corners: np.ndarray, width: int, height: int) -> Crop | None:
    """An upright rectangle of whole px inside the page: its px as they are, which is what the warp would give."""
    left, top = corners[0]
    wanted = np.array([[left, top], [left + width, top], [left + width, top + height], [left, top + height]], np.float32)
    if not np.array_equal(corners, wanted) or left != int(left) or top != int(top):
        return None
    x, y = int(left), int(top)
    if x < 0 or y < 0 or x + width > page.shape[1] or y + height > page.shape[0]:
        return None
    to_page = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)
    return Crop(np.ascontiguousarray(page[y : y + height, x : x + width]), Homography(to_page))
