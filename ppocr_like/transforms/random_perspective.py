"""RandomPerspective: a page seen askew."""

from __future__ import annotations

import math

import cv2
import numpy as np

from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import GeometricTransform, Sample
from ppocr_like.transforms.polygons import PAGE_ENTRIES, keep
from ppocr_like.transforms.view import View, corners, move, scaling, shift

REFERENCE_SIDE = 640.0  # px: PaddleOCR's `perspective` is meant for a picture whose longer side is this long
LEAST_DEPTH = 0.05  # corners nearer than this to the horizon would stretch the picture without end
MOST_GROWTH = 16.0  # times the picture's own area; a canvas beyond it is a picture of almost nothing


@TRANSFORMS.register()
class RandomPerspective(GeometricTransform):
    """A perspective, scale, turn and shear around the picture's middle, as PaddleOCR's RandomPerspective.

    Polygons that shrink to less than `min_area_ratio` of their area, or whose middle leaves the picture, are dropped with
    their `texts` and `ignore_tags`. A draw that would put a corner at the horizon leaves the sample as it is.

    Args:
        prob: how often.
        degrees: turned by up to this, either way.
        scale: scaled by 1 - scale to 1 + scale.
        shear: degrees, along each axis.
        perspective: most change of depth per px, for a picture whose longer side is 640 px; smaller for larger pictures.
        fit_output: the canvas grows to hold the whole picture; otherwise it keeps its size.
        fill_value: what is seen beyond the edges, for each channel as it stands in `image`, or one number.
        min_area_ratio: see above.
    """

    needs = PAGE_ENTRIES
    gives = PAGE_ENTRIES

    def __init__(
        self,
        prob: float = 0.3,
        degrees: float = 0.0,
        scale: float = 0.2,
        shear: float = 5.0,
        perspective: float = 0.0002,
        fit_output: bool = True,
        fill_value: float | tuple[float, float, float] = (123.675, 116.28, 103.53),
        min_area_ratio: float = 0.1,
    ) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f"prob is {prob}; a probability lies in [0, 1]")
        if not 0 <= scale < 1:
            raise ValueError(f"scale is {scale}; it lies in [0, 1): the picture is scaled by 1 - scale to 1 + scale")
        if not 0 <= shear < 90 or degrees < 0 or perspective < 0:
            raise ValueError(f"shear {shear}, degrees {degrees}, perspective {perspective}: 0 or more, shear below 90")
        self.prob = prob
        self.degrees = degrees
        self.scale = scale
        self.shear = shear
        self.perspective = perspective
        self.fit_output = fit_output
        self.fill = tuple(map(float, fill_value)) if isinstance(fill_value, list | tuple) else (float(fill_value),) * 3
        self.min_area_ratio = min_area_ratio

    def place(self, sample: Sample, view: View, rng: np.random.Generator) -> View:
        if rng.random() >= self.prob:
            return view
        width, height = view.size
        core = self._core(width, height, rng)
        edge = corners(width, height)
        depth = edge @ core[2, :2] + core[2, 2]
        if depth.min() < LEAST_DEPTH:
            return view
        seen = move(edge, core).astype(np.float64)
        if self.fit_output:
            low, high = np.floor(seen.min(0)), np.ceil(seen.max(0))
            new_width, new_height = (max(1, int(side)) for side in high - low)
            matrix = shift(-low[0], -low[1]) @ core
        else:
            new_width, new_height = width, height
            matrix = shift(width / 2, height / 2) @ core
        if new_width * new_height > MOST_GROWTH * max(width * height, REFERENCE_SIDE**2):
            return view
        self._keep(sample, matrix, (new_width, new_height))
        return view.warped(matrix, new_width, new_height, self.fill)

    def _core(self, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
        """(3, 3): the picture's middle goes to the origin."""
        most = self.perspective * REFERENCE_SIDE / max(width, height)
        tilt = np.eye(3)
        tilt[2, :2] = rng.uniform(-most, most, 2)
        factor = rng.uniform(1 - self.scale, 1 + self.scale)
        angle = math.radians(rng.uniform(-self.degrees, self.degrees))
        lean_x, lean_y = (math.tan(math.radians(a)) for a in rng.uniform(-self.shear, self.shear, 2))
        cos, sin = math.cos(angle), math.sin(angle)
        turn = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
        lean = np.array([[1.0, lean_x, 0.0], [lean_y, 1.0, 0.0], [0.0, 0.0, 1.0]])
        return lean @ turn @ scaling(factor, factor) @ tilt @ shift(-width / 2, -height / 2)

    def _keep(self, sample: Sample, matrix: np.ndarray, size: tuple[int, int]) -> None:
        old = np.asarray(sample["polys"], np.float32)
        new = move(old, matrix)
        before = np.array([cv2.contourArea(poly) for poly in old])
        after = np.array([cv2.contourArea(poly) for poly in new])
        middle = new.mean(axis=1)
        inside = ((middle > 0) & (middle < np.array(size))).all(axis=1)
        keep(sample, new, inside & (after > before * self.min_area_ratio))
