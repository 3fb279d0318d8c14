"""Precision, recall and hmean of detected text boxes (PaddleOCR's DetMetric), and what kind of mistakes there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np

from ppocr_like.contracts import PageBoxes, RejectedSample
from ppocr_like.documents.formats.paddle import readable_lines
from ppocr_like.errors import OcrError
from ppocr_like.metrics.base import Metric
from ppocr_like.metrics.det_match import HEIGHT_EDGES, Counts, GroundTruth, compare, match_image
from ppocr_like.registry import METRICS

INDICATORS = ("hmean", "precision", "recall")
TIE_BREAKERS = {
    "hmean": ("recall", "-merged", "-split"),
    "precision": ("hmean", "-merged", "-split"),
    "recall": ("hmean", "-merged", "-split"),
}
HEIGHT_NAMES = (
    f"recall_h_lt_{HEIGHT_EDGES[0]}",
    *(f"recall_h_{low}_{high}" for low, high in pairwise(HEIGHT_EDGES)),
    f"recall_h_ge_{HEIGHT_EDGES[-1]}",
)


@METRICS.register()
class DetMetric(Metric):
    """`precision`, `recall`, `hmean` by ICDAR 2015's IoU protocol over all images, `merged`, `split`, and recall by height.

    A box is found where a detection's IoU with it is above 0.5, each used once, in the order of the label file. Ignored boxes
    (`###`, `*`) need not be found, and detections of which more than half lies in one are not counted. Invalid polygons
    (crossing themselves, without area, not finite) take no part. Source of behaviour: PaddleOCR's DetMetric.

    `merged`: boxes that are covered by more than half by a detection that covers others so too, over all boxes. `split`: boxes
    in which more than half of each of several detections lies, over all boxes. (As ocrs-models counts them; but it takes the
    mean over images, and has no ignored boxes, which are left out here.)

    `recall_h_lt_8`, `recall_h_8_16`, `recall_h_16_32`, `recall_h_32_64`, `recall_h_ge_64`: recall of boxes whose text height
    lies in that range: the short side of the smallest rotated rectangle around them, in px of the source image. A range
    without boxes has no entry. `boxes`: cared boxes; `n`: images. The boxes of a rejected sample were not found.

    Args:
        main_indicator: `hmean`, `precision` or `recall`: decides which checkpoint is best.
        paddle_exact: of no image at all all numbers are 0, as in PaddleOCR; otherwise that is an error.
    """

    needs = ("polys", "ignore_tags")

    def __init__(self, main_indicator: str = "hmean", paddle_exact: bool = False) -> None:
        if main_indicator not in INDICATORS:
            raise ValueError(f"main_indicator is {main_indicator!r}; accepted: {', '.join(INDICATORS)}")
        self.main_indicator = main_indicator
        self.tie_breakers = () if paddle_exact else TIE_BREAKERS[main_indicator]
        self.paddle_exact = paddle_exact
        self.total = Counts()

    def update(self, results: Sequence[PageBoxes], batch: Mapping[str, Any]) -> None:
        """Adds a batch.

        Args:
            results: what was found in each image, px of the source image.
            batch: `polys` (for each image (N, P, 2) px of the source image) and `ignore_tags` (for each (N,)).

        Raises:
            OcrError: the batch lacks an entry.
            ValueError: another number of results than of samples.
        """
        for name in ("polys", "ignore_tags"):
            if name not in batch:
                keep = "- KeepKeys: {keep_keys: [image, shape, polys, ignore_tags]}"
                raise OcrError(f"DetMetric needs the batch entry {name!r}; keep it in the evaluation chain: {keep}")
        polygons, tags = batch["polys"], batch["ignore_tags"]
        if not len(results) == len(polygons) == len(tags):
            raise ValueError(f"{len(results)} results for {len(polygons)} samples ({len(tags)} with ignore_tags)")
        for page, truth, ignored in zip(results, polygons, tags, strict=True):
            self.add(page, list(truth), np.asarray(ignored, bool))

    def add(self, page: PageBoxes, polygons: Sequence[np.ndarray], ignore_tags: Sequence[bool] | np.ndarray) -> None:
        """Adds one image: polygons (N, P, 2), or N arrays (P, 2), px of the source image; one tag for each."""
        self.total += match_image(polygons, ignore_tags, page)

    def reject(self, samples: Sequence[RejectedSample]) -> None:
        for sample in samples:
            self.total += missed(sample.info.text)

    def compute(self) -> dict[str, float]:
        total = self.total
        if total.images == 0 and not self.paddle_exact:
            raise OcrError("there is nothing to evaluate: the evaluation set gave no image (Eval.dataset.label_file_list)")
        numbers = {"precision": total.precision, "recall": total.recall, "hmean": total.hmean}
        numbers |= {"merged": total.merged / (total.boxes or 1), "split": total.split / (total.boxes or 1)}
        for name, found, boxes in zip(HEIGHT_NAMES, total.matched_by_height, total.boxes_by_height, strict=True):
            if boxes:
                numbers[name] = found / boxes
        return {**numbers, "boxes": float(total.boxes), "n": float(total.images)}

    def state(self) -> dict[str, Any]:
        return asdict(self.total)

    def merge(self, state: dict[str, Any]) -> None:
        self.total += Counts(**state)

    def reset(self) -> None:
        self.total = Counts()


def missed(label: str) -> Counts:
    """Of an image that could not be used: the boxes of its label, as far as that can be read, were not found."""
    return compare(GroundTruth.of(readable_lines(label)), PageBoxes()).counts()
