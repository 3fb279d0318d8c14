"""Text polygons -> the threshold surface around their outlines that a DB network learns."""

from __future__ import annotations

import cv2
import numpy as np

from ppocr_like.geometry import offset
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.outline_distance import OutlineDistances
from ppocr_like.transforms.shrink_ratio import ShrinkRatio, extents, offset_distance, outlines

FARTHEST = 2.0**20  # px; a coordinate beyond it is damage, and would leave the numbers that polygons are grown in


@TRANSFORMS.register()
class MakeBorderMap(Transform):
    """Draws a ridge along each text outline; as PaddleOCR's MakeBorderMap.

    Gives `threshold_map` (H, W) float32: `thresh_max` on an outline, falling with the distance to `thresh_min` at
    d = area * (1 - ratio²) / perimeter px and everywhere else, the larger value where ridges meet; and `threshold_mask` (H, W)
    float32: 1 in the polygons grown by d. Ignored polygons, those without area, and those with a coordinate that is no number
    or beyond 2**20 px draw nothing. A polygon outside the image, its ridge too, is ignored from then on (`ignore_tags`) and
    counted in `outside_polys` (int); PaddleOCR stops there.

    Args:
        shrink_ratio: in (0, 1); the smaller, the wider the ridge.
        thresh_min, thresh_max: 0 <= thresh_min < thresh_max <= 1.
        total_epoch: the ratio grows by 0.2 in so many epochs (PP-OCRv4 and later); None keeps it. At 1 there
            is no ridge any more.

    Raises:
        ValueError: a ratio outside (0, 1), fewer than one epoch, or thresholds in no such order.
    """

    needs = ("image", "polys", "ignore_tags")
    gives = ("threshold_map", "threshold_mask", "ignore_tags", "outside_polys")

    def __init__(
        self,
        shrink_ratio: float = 0.4,
        thresh_min: float = 0.3,
        thresh_max: float = 0.7,
        total_epoch: int | None = None,
    ) -> None:
        if not 0 <= thresh_min < thresh_max <= 1:
            raise ValueError(
                f"thresh_min is {thresh_min} and thresh_max {thresh_max}; 0 <= thresh_min < thresh_max <= 1 must hold"
            )
        self.thresh_min, self.thresh_max = thresh_min, thresh_max
        self.ratio = ShrinkRatio(shrink_ratio, total_epoch)

    def run_note(self, epochs: int) -> str:
        """See `ShrinkRatio.note`."""
        return self.ratio.note(epochs)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        height, width = sample["image"].shape[:2]
        polys, ignored = outlines(sample)
        surface = np.full((height, width), self.thresh_min, np.float32)
        mask = np.zeros((height, width), np.float32)
        known = (np.abs(polys) < FARTHEST).all(axis=(1, 2))
        areas, lengths = extents(np.where(known[:, None, None], polys, 0))
        ratio = min(self.ratio.of(sample), 1.0)
        ridges, hidden = [], []
        for index in np.flatnonzero(~ignored & (areas > 0)):
            distance = offset_distance(areas[index], lengths[index], ratio)
            grown = offset(polys[index], distance)
            if not grown:
                continue
            low, high = grown[0].min(axis=0), grown[0].max(axis=0) + 1
            first, after = np.maximum(low, 0), np.minimum(high, (width, height))
            if (first >= after).any():
                hidden.append(index)
                continue
            cv2.fillPoly(mask, [grown[0].astype(np.int32)], 1.0)
            if distance > 0:
                ridges.append((index, distance, low, first, after))
        self._raise_ridges(surface, polys, ridges)
        # Of a polygon that crosses itself the first part alone is drawn; the others may be in the image.
        corners = polys[hidden]
        beyond = (corners.max(axis=1) < 0) | (corners.min(axis=1) > (width - 1, height - 1))
        outside = np.array(hidden, int)[beyond.any(axis=1)]
        ignored[outside] = True
        sample.update(threshold_map=surface, threshold_mask=mask, ignore_tags=ignored, outside_polys=len(outside))
        return sample

    def _raise_ridges(self, surface: np.ndarray, polys: np.ndarray, ridges: list[tuple]) -> None:
        """Puts ridges (polygon number, width, first pixel of the grown polygon, first and last + 1 inside) onto the surface."""
        if not ridges:
            return
        chosen, distances, frames, firsts, afters = (np.array(column) for column in zip(*ridges, strict=True))
        fields = OutlineDistances(polys[chosen], distances, frames, firsts, afters - firsts)
        for distance, (left, top), (right, bottom), field in zip(
            distances.tolist(), firsts.tolist(), afters.tolist(), fields, strict=True
        ):
            cv2.addWeighted(field, (self.thresh_min - self.thresh_max) / distance, field, 0.0, self.thresh_max, field)
            window = surface[top:bottom, left:right]
            np.fmax(window, field, out=window)  # where there is no distance, the surface stays as it is
