"""Text boxes from a mask whose words were shrunk by a fixed distance (`MakeMaskMap`; ocrs-models' detector)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ppocr_like.contracts import PageBoxes, TextBox
from ppocr_like.errors import OcrError
from ppocr_like.postprocess.regions import find_regions
from ppocr_like.registry import POSTPROCESSES


@POSTPROCESSES.register()
class MaskPostProcess:
    """The smallest rotated rectangle around each region of the thresholded map, every side moved out by the same distance.

    As ocrs-models does it in its evaluation, but that regions less than 3 px high are dropped, and holes give boxes, too,
    as with DBPostProcess; `box_thresh` drops those. Points are whole px (int32) of the source image, from the top left on.

    Args:
        thresh: pixels of a higher probability are text.
        box_thresh: boxes of a lower mean probability are dropped.
        expand_distance: px of the network's map; what `MakeMaskMap` took away.
        max_candidates: regions looked at.
    """

    needs: tuple[str, ...] = ("shape",)

    def __init__(
        self, thresh: float = 0.5, box_thresh: float = 0.5, expand_distance: float = 3.0, max_candidates: int = 3000
    ) -> None:
        for name, value in (("thresh", thresh), ("box_thresh", box_thresh)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value!r}; a probability in [0, 1] is needed")
        if not 0 <= expand_distance < float("inf"):
            raise ValueError(f"expand_distance is {expand_distance!r}; 0 px or more is needed")
        if max_candidates < 1:
            raise ValueError(f"max_candidates is {max_candidates!r}; at least 1 is needed")
        self.thresh, self.box_thresh = thresh, box_thresh
        self.expand_distance = expand_distance
        self.max_candidates = max_candidates

    def __call__(self, outputs: Mapping[str, np.ndarray], batch: Mapping[str, Any]) -> list[PageBoxes]:
        """Boxes of each image of a batch.

        Args:
            outputs: `maps` (N, 1, H, W) float, [0, 1].
            batch: `shape` (N, 4): source height and width in px first.

        Raises:
            OcrError: an entry that is missing or of another shape.
        """
        maps = np.asarray(outputs["maps"] if "maps" in outputs else np.zeros(0))
        if maps.ndim != 4 or 0 in maps.shape[1:]:
            raise OcrError(f"MaskPostProcess needs the network output 'maps' (N, 1, H, W); got {maps.shape} of {sorted(outputs)}")
        shapes = np.asarray(batch["shape"] if "shape" in batch else np.zeros(0), np.float64)
        if shapes.ndim != 2 or len(shapes) != len(maps) or shapes.shape[1] < 2:
            raise OcrError(
                f"MaskPostProcess needs the batch entry 'shape' ({len(maps)}, 4), got {shapes.shape}; "
                "keep it in the evaluation chain: - KeepKeys: {keep_keys: [image, shape, polys, ignore_tags]}"
            )
        probabilities = np.ascontiguousarray(maps[:, 0], np.float32)
        return [
            self.read(one, (width, height)) for one, (height, width) in zip(probabilities, shapes[:, :2].tolist(), strict=True)
        ]

    def read(self, probabilities: np.ndarray, source: tuple[float, float]) -> PageBoxes:
        """Boxes of one map (H, W) float32; `source`: (width, height) of the source image in px."""
        regions = find_regions(probabilities, self.thresh, max_candidates=self.max_candidates)
        chosen = regions.scores >= self.box_thresh
        quads = expand(regions.outlines.keep(chosen).points.reshape(-1, 4, 2), self.expand_distance)
        limit = np.array(source)
        points = np.clip(np.round(quads / np.array(regions.size) * limit), 0, limit).astype(np.int32)
        return PageBoxes(tuple(map(TextBox, points, regions.scores[chosen].tolist())))


def expand(quads: np.ndarray, distance: float) -> np.ndarray:
    """(N, 4, 2) rectangles of any angle, corners in order, each side moved out by `distance` px."""
    quads = quads.astype(np.float64)
    away = [quads - np.roll(quads, step, axis=1) for step in (1, -1)]  # from either neighbour to the corner
    lengths = [np.linalg.norm(vector, axis=2, keepdims=True) for vector in away]
    steps = [np.divide(v, n, out=np.zeros_like(v), where=n > 0) for v, n in zip(away, lengths, strict=True)]
    return quads + distance * (steps[0] + steps[1])
