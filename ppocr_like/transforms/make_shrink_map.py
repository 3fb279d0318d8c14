"""Text polygons -> the kernels that a DB network learns to find."""

from __future__ import annotations

import cv2
import numpy as np

from ppocr_like.geometry import offset
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.shrink_ratio import ShrinkRatio, extents, offset_distance, outlines

MIN_AREA = 1  # px²; smaller polygons are no text: PaddleOCR's bound


@TRANSFORMS.register()
class MakeShrinkMap(Transform):
    """Draws each text polygon, shrunk, as ones; as PaddleOCR's MakeShrinkMap.

    Gives `shrink_map` (H, W) float32, 1 in the kernels, and `shrink_mask` (H, W) float32, 0 where no loss is taken: in
    ignored polygons, in those with less than `min_text_size` px in height or width, and in those that shrink to nothing.
    `polys` are clipped to the image and run clockwise afterwards; `ignore_tags` is True, too, for the polygons
    left out, for those of less than 1 px², and for those with a coordinate that is no number (which mask nothing).

    A polygon that falls into parts is shrunk less: by the multiples of the ratio below 1, until one part is left; the parts
    of the last try are drawn where none leaves one.

    Args:
        min_text_size: px in the image that the network sees.
        shrink_ratio: kernel against outline, in (0, 1); the distance is area * (1 - ratio²) / perimeter.
        total_epoch: the ratio grows by 0.2 in so many epochs (PP-OCRv4 and later); None keeps it. Where it reaches 1, every
            polygon is ignored.

    Raises:
        ValueError: a ratio outside (0, 1), fewer than one epoch, or a negative size.
    """

    needs = ("image", "polys", "ignore_tags")
    gives = ("shrink_map", "shrink_mask", "polys", "ignore_tags")

    def __init__(self, min_text_size: float = 8, shrink_ratio: float = 0.4, total_epoch: int | None = None) -> None:
        if min_text_size < 0:
            raise ValueError(f"min_text_size is {min_text_size}; it must be 0 px or more")
        self.min_text_size = min_text_size
        self.ratio = ShrinkRatio(shrink_ratio, total_epoch)

    def run_note(self, epochs: int) -> str:
        """See `ShrinkRatio.note`."""
        return self.ratio.note(epochs)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        height, width = sample["image"].shape[:2]
        polys, ignored = _inside(*outlines(sample), width, height)
        shrink_map, mask = np.zeros((height, width), np.float32), np.ones((height, width), np.float32)
        ratio = self.ratio.of(sample)
        ratios = np.arange(ratio, 1, ratio).tolist()
        areas, lengths = (column.tolist() for column in extents(polys))
        unknown = np.isnan(polys).any(axis=(1, 2))
        ignored |= unknown | (np.ptp(polys, axis=1).min(axis=1) < self.min_text_size)
        for index in np.flatnonzero(~unknown):
            polygon = polys[index]
            parts = [] if ignored[index] else _kernels(polygon, areas[index], lengths[index], ratios)
            for part in parts:
                cv2.fillPoly(shrink_map, [part.astype(np.int32)], 1.0)
            if not parts:
                cv2.fillPoly(mask, [polygon.astype(np.int32)], 0.0)
                ignored[index] = True
        sample.update(shrink_map=shrink_map, shrink_mask=mask, polys=polys, ignore_tags=ignored)
        return sample


def _inside(polys: np.ndarray, ignored: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Polygons (N, P, 2) clipped to the image, all clockwise on the screen, and which of them are ignored."""
    polys = np.clip(polys, 0, np.array([width - 1, height - 1], np.float32))
    x, y = polys[..., 0], polys[..., 1]
    # Twice the area, positive where clockwise on the screen. Products in the polygons' own precision, as PaddleOCR takes them.
    doubled = (np.roll(x, 1, axis=1) * y - x * np.roll(y, 1, axis=1)).sum(axis=1, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        counter = doubled < 0
        ignored = ignored | (np.abs(doubled) < 2 * MIN_AREA)
    polys[counter] = polys[counter, ::-1]
    return polys, ignored


def _kernels(polygon: np.ndarray, area: float, perimeter: float, ratios: list[float]) -> list[np.ndarray]:
    """The polygon (P, 2) shrunk by the first ratio that leaves one part, or the parts that the last one leaves."""
    parts: list[np.ndarray] = []
    for ratio in ratios:
        parts = offset(polygon, -offset_distance(area, perimeter, ratio))
        if len(parts) == 1:
            break
    return parts
