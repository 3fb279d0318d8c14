"""How a line runs over its page: maps from a straight picture back to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np


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
