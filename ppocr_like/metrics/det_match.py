"""Detections against the ground truth of one image: ICDAR 2015's IoU protocol, and what kind of mistakes they are.

`compare` measures every overlap once; `Comparison.counts` judges any choice among the detections by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from ppocr_like.contracts import PageBoxes
from ppocr_like.documents.page import Line
from ppocr_like.metrics.polygons import Pairs, Shapes, overlapping

LIMIT = 0.5  # of IoU, and of the share of a box: ICDAR 2015 (PaddleOCR's DetectionIoUEvaluator), ocrs-models
HEIGHT_EDGES = (8, 16, 32, 64)  # px of the source image; 8 is where DB's targets begin (MakeShrinkMap.min_text_size)


@dataclass
class Counts:
    """What is gathered over images; all numbers add up.

    Args:
        images: how many.
        boxes: cared ground-truth boxes.
        detections: detections that count.
        matched: pairs of both.
        merged: cared boxes that a detection covers together with others (a box counts once for each such detection).
        split: cared boxes that cover several detections.
        boxes_by_height, matched_by_height: as `boxes`, `matched`, for each range of text heights (`HEIGHT_EDGES`).
    """

    images: int = 0
    boxes: int = 0
    detections: int = 0
    matched: int = 0
    merged: int = 0
    split: int = 0
    boxes_by_height: list[int] = field(default_factory=lambda: [0] * (len(HEIGHT_EDGES) + 1))
    matched_by_height: list[int] = field(default_factory=lambda: [0] * (len(HEIGHT_EDGES) + 1))

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.images + other.images,
            self.boxes + other.boxes,
            self.detections + other.detections,
            self.matched + other.matched,
            self.merged + other.merged,
            self.split + other.split,
            [a + b for a, b in zip(self.boxes_by_height, other.boxes_by_height, strict=True)],
            [a + b for a, b in zip(self.matched_by_height, other.matched_by_height, strict=True)],
        )

    @property
    def precision(self) -> float:
        """matched / detections; 0 without any."""
        return self.matched / self.detections if self.detections else 0.0

    @property
    def recall(self) -> float:
        """matched / boxes; 0 without any."""
        return self.matched / self.boxes if self.boxes else 0.0

    @property
    def hmean(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2.0 * self.precision * self.recall / both if both else 0.0


class GroundTruth:
    """One image's boxes, made ready for comparisons. Invalid polygons (see `polygons.Shapes`) take no part.

    Args:
        polygons: arrays (P, 2) px of the source image.
        ignore_tags: one for each: not to be judged.

    Raises:
        ValueError: not as many tags as polygons.

    `cared` (G,) bool and `height_class` (G,) int, the range of the text's height, belong to the valid ones.
    """

    def __init__(self, polygons: Sequence[np.ndarray], ignore_tags: Sequence[bool] | np.ndarray) -> None:
        if len(polygons) != len(ignore_tags):
            raise ValueError(f"{len(polygons)} polygons, but {len(ignore_tags)} ignore_tags")
        self.shapes = Shapes(polygons)
        self.cared = ~np.asarray(ignore_tags, bool)[self.shapes.index]
        heights = [text_height(outline) for outline in self.shapes.outlines]
        self.height_class = np.searchsorted(HEIGHT_EDGES, heights, side="right")

    @classmethod
    def of(cls, lines: Sequence[Line]) -> GroundTruth:
        """The boxes of a page's lines."""
        return cls([line.points for line in lines], [line.ignored for line in lines])


@dataclass(frozen=True, eq=False)
class Comparison:
    """Overlaps of one image's ground truth (first) and detections (second).

    Args:
        truth: the boxes.
        found: (D,) position of each valid detection among those given.
        given: how many detections were given.
        pairs: who overlaps whom.
    """

    truth: GroundTruth
    found: np.ndarray
    given: int
    pairs: Pairs

    def counts(self, keep: np.ndarray | None = None) -> Counts:
        """Judges the detections, or the chosen ones.

        A detection of which more than half lies in one ignored box does not count. The others are matched greedily in the
        order of the ground truth, then of the detections, where IoU > 0.5; ignored boxes match nothing.

        Args:
            keep: (given,) bool, which of the detections stand; None: all.
        """
        stands = np.ones(len(self.found), bool) if keep is None else np.asarray(keep, bool)[self.found]
        pairs, cared = self.pairs, self.truth.cared
        half = pairs.of_second > LIMIT
        counted = stands.copy()
        counted[pairs.second[half & ~cared[pairs.first]]] = False
        judged = cared[pairs.first] & counted[pairs.second]
        matched = self._matched(np.flatnonzero(judged & (pairs.iou > LIMIT)))
        covered = np.bincount(pairs.second[judged & (pairs.of_first > LIMIT)], minlength=len(self.found))
        pieces = np.bincount(pairs.first[judged & half], minlength=len(cared))
        classes = len(HEIGHT_EDGES) + 1
        return Counts(
            images=1,
            boxes=int(cared.sum()),
            detections=int(counted.sum()),
            matched=len(matched),
            merged=int(covered[covered > 1].sum()),
            split=int((pieces > 1).sum()),
            boxes_by_height=np.bincount(self.truth.height_class[cared], minlength=classes).tolist(),
            matched_by_height=np.bincount(self.truth.height_class[list(matched)], minlength=classes).tolist(),
        )

    def _matched(self, candidates: np.ndarray) -> dict[int, int]:
        """Ground truth -> detection, from pairs (positions in `pairs`, in order) whose IoU is high enough."""
        partner: dict[int, int] = {}
        taken: set[int] = set()
        for box, detection in zip(self.pairs.first[candidates].tolist(), self.pairs.second[candidates].tolist(), strict=True):
            if box not in partner and detection not in taken:
                partner[box] = detection
                taken.add(detection)
        return partner


def compare(truth: GroundTruth, detections: PageBoxes) -> Comparison:
    """Measures all overlaps in one image; invalid detections take no part. `detections`: px of the source image."""
    found = Shapes([box.points for box in detections.boxes])
    return Comparison(truth, found.index, len(detections.boxes), overlapping(truth.shapes, found, LIMIT))


def match_image(polygons: Sequence[np.ndarray], ignore_tags: Sequence[bool] | np.ndarray, detections: PageBoxes) -> Counts:
    """Judges all detections of one image; arguments as of `GroundTruth` and `compare`."""
    return compare(GroundTruth(polygons, ignore_tags), detections).counts()


def text_height(outline: np.ndarray) -> float:
    """Short side in px of the smallest rotated rectangle around (P, 2) points, however the text runs."""
    return float(min(cv2.minAreaRect(outline.astype(np.float32))[1]))
