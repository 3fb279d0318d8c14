"""Text regions from DB's probability map (Liao et al. 2020; PaddleOCR's DBPostProcess)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ppocr_like.contracts import PageBoxes
from ppocr_like.errors import OcrError
from ppocr_like.postprocess.regions import BoxType, Regions, ScoreMode, find_regions
from ppocr_like.postprocess.unclip import boxes
from ppocr_like.registry import POSTPROCESSES


@POSTPROCESSES.register()
class DBPostProcess:
    """Contours of the thresholded map, kept by score, grown back to the text's size, in px of the source image.

    Points are whole px (int32): quad: four corners from the top left on; poly: the outline. The order is that of the
    contours. A region whose score is not a number is dropped.

    Args:
        thresh: pixels of a higher probability are text.
        box_thresh: regions of a lower mean probability are dropped.
        max_candidates: contours looked at, counted before anything is dropped.
        unclip_ratio: how far regions are grown, in areas per perimeter.
        use_dilation: grow text pixels by one to the right and down first, which joins broken strokes.
        score_mode: `fast`: mean over the candidate's box; `slow`: over its contour. Polygons are always scored on themselves.
        box_type: `quad` or `poly`.
    """

    needs = ("shape",)

    def __init__(
        self,
        thresh: float = 0.3,
        box_thresh: float = 0.7,
        max_candidates: int = 1000,
        unclip_ratio: float = 2.0,
        use_dilation: bool = False,
        score_mode: ScoreMode = "fast",
        box_type: BoxType = "quad",
    ) -> None:
        for name, value in (("thresh", thresh), ("box_thresh", box_thresh)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value!r}; a probability in [0, 1] is needed")
        if max_candidates < 1:
            raise ValueError(f"max_candidates is {max_candidates!r}; at least 1 is needed")
        if not 0 <= unclip_ratio < float("inf"):
            raise ValueError(f"unclip_ratio is {unclip_ratio!r}; 0 or more is needed (DB's paper: 1.5)")
        if score_mode not in ("fast", "slow"):
            raise ValueError(f"score_mode is {score_mode!r}; accepted: fast, slow")
        if box_type not in ("quad", "poly"):
            raise ValueError(f"box_type is {box_type!r}; accepted: quad, poly")
        self.thresh = thresh
        self.box_thresh = box_thresh
        self.max_candidates = max_candidates
        self.unclip_ratio = unclip_ratio
        self.use_dilation = use_dilation
        self.score_mode: ScoreMode = score_mode
        self.box_type: BoxType = box_type

    def __call__(self, outputs: Mapping[str, np.ndarray], batch: Mapping[str, Any]) -> list[PageBoxes]:
        """Regions of each image of a batch.

        Args:
            outputs: `maps` (N, C, H, W) float, [0, 1]; the first channel is the text's probability.
            batch: `shape` (N, 4): source height and width in px, and the resize's ratios, which are not needed.

        Raises:
            OcrError: an entry that is missing or of another shape.
        """
        maps = self._maps(outputs)
        if "shape" not in batch:
            keep = "- KeepKeys: {keep_keys: [image, shape, polys, ignore_tags]}"
            raise OcrError(f"DBPostProcess needs the batch entry 'shape'; keep it in the evaluation chain: {keep}")
        shapes = np.asarray(batch["shape"], np.float64)
        if shapes.ndim != 2 or len(shapes) != len(maps) or shapes.shape[1] < 2:
            raise OcrError(f"DBPostProcess needs `shape` ({len(maps)}, 4) for {len(maps)} maps; got {shapes.shape}")
        return [self.read(one, (width, height)) for one, (height, width) in zip(maps, shapes[:, :2].tolist(), strict=True)]

    def read(self, probabilities: np.ndarray, source: tuple[float, float]) -> PageBoxes:
        """Regions of one map (H, W) float32; `source`: (width, height) of the source image in px."""
        return boxes(self.regions(probabilities), self.box_thresh, self.unclip_ratio, source)

    def regions(self, probabilities: np.ndarray) -> Regions:
        """Candidates of one map (H, W) float32, before `box_thresh` and `unclip_ratio`."""
        return find_regions(
            probabilities,
            self.thresh,
            self.use_dilation,
            max_candidates=self.max_candidates,
            score_mode=self.score_mode,
            box_type=self.box_type,
        )

    def _maps(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        if "maps" not in outputs:
            raise OcrError(f"DBPostProcess needs the network output 'maps', which is not among {', '.join(map(str, outputs))}")
        maps = np.asarray(outputs["maps"])
        if maps.ndim != 4 or maps.shape[1] < 1 or 0 in maps.shape[2:]:
            raise OcrError(f"DBPostProcess needs maps (N, 1, H, W); the network gives {maps.shape}")
        return np.ascontiguousarray(maps[:, 0], np.float32)
