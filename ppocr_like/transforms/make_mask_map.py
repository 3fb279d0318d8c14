"""Text polygons -> a mask of words, each smaller by the same few pixels. The target of ocrs-models' detector."""

from __future__ import annotations

import cv2
import numpy as np

from ppocr_like.geometry import offset
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform

SHRINK_DISTANCE = 3.0  # px; ocrs-models


@TRANSFORMS.register()
class MakeMaskMap(Transform):
    """Draws each text polygon, shrunk by a fixed distance, as ones.

    Gives `shrink_map` (H, W) float32, 1 in the text, and `shrink_mask` (H, W) float32, 0 where no loss is taken: in ignored
    polygons and in those that shrink to nothing. ocrs-models has no such mask: there a word that shrinks to nothing or
    falls into parts is background, and illegible words are text (`ignored_is_text`).

    Args:
        shrink_distance: px in the image that the network sees.
        ignored_is_text: draw ignored polygons like the others.

    Raises:
        ValueError: a negative distance.
    """

    needs = ("image", "polys", "ignore_tags")
    gives = ("shrink_map", "shrink_mask")

    def __init__(self, shrink_distance: float = SHRINK_DISTANCE, ignored_is_text: bool = False) -> None:
        if shrink_distance < 0:
            raise ValueError(f"shrink_distance is {shrink_distance}; it must be 0 px or more")
        self.shrink_distance = shrink_distance
        self.ignored_is_text = ignored_is_text

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        height, width = sample["image"].shape[:2]
        text, mask = np.zeros((height, width), np.float32), np.ones((height, width), np.float32)
        polys = np.asarray(sample["polys"], np.float32)
        finite = np.isfinite(polys).all(axis=(1, 2)) if len(polys) else np.zeros(0, bool)
        outside = []
        for polygon, ignored in zip(polys[finite], np.asarray(sample["ignore_tags"], bool)[finite], strict=True):
            parts = [] if ignored and not self.ignored_is_text else self._shrunk(polygon)
            for part in parts:
                cv2.fillPoly(text, [part.astype(np.int32)], 1.0)
            if not parts:
                outside.append(polygon.astype(np.int32))
        for polygon in outside:
            cv2.fillPoly(mask, [polygon], 0.0)
        mask[text > 0] = 1.0  # a word counts, whatever lies over it
        sample.update(shrink_map=text, shrink_mask=mask)
        return sample

    def _shrunk(self, polygon: np.ndarray) -> list[np.ndarray]:
        return offset(polygon, -self.shrink_distance) if self.shrink_distance else [polygon]
