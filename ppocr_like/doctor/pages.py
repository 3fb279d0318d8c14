"""What the doctor asks of pages and their boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import shapely

from ppocr_like.config.build import Builder
from ppocr_like.contracts import Rejected, SampleInfo
from ppocr_like.data.base import Dataset, Record
from ppocr_like.data.census import PageCensus, count_pages
from ppocr_like.doctor.findings import SetReport
from ppocr_like.doctor.looks import PAGE_GRID
from ppocr_like.doctor.size import PAGES
from ppocr_like.doctor.stream import Examiner, Tally, place_of
from ppocr_like.documents.formats.paddle import read_label
from ppocr_like.geometry import corners_in_order, outline_fault, signed_area, smallest_box
from ppocr_like.outside import Malformed, usable
from ppocr_like.tasks import EXAMINERS
from ppocr_like.transforms.east_crop import EastRandomCropData
from ppocr_like.transforms.random_crop import RandomCrop

_MIN_TEXT_SIZE = 8.0  # px; MakeShrinkMap's default, for chains without one
_LEAST_AREA = 1.0  # px²
_JUST_OUTSIDE = 0.01  # of the longer side: annotators' hands; farther out the label does not belong to the image as it is
_MANY = 0.1  # share of the texts from which on being too small is a problem
SMALL, FEW_SMALL = "text below min_text_size", "a few texts below min_text_size"
SMALL_WHOLE = "text below min_text_size where the whole image is taken"


@EXAMINERS.register("det")
class PageExaminer(Examiner):
    """Boxes against their image and against what the chain makes of them.

    Args:
        dataset: the set.
        min_text_size: px; smaller text is ignored in training (`training_size`).
    """

    look_grid = PAGE_GRID
    guide = PAGES

    def __init__(self, dataset: Dataset, min_text_size: float) -> None:
        super().__init__(dataset)
        self.min_text_size = min_text_size
        crops = [step for step in dataset.transforms if isinstance(step, EastRandomCropData | RandomCrop)]
        self.crop = crops[-1].size if crops else None
        self.enlarges = not (crops and isinstance(crops[-1], RandomCrop))
        self.small = SMALL_WHOLE if self.crop else SMALL

    @classmethod
    def of(cls, builder: Builder) -> Callable[[str, Dataset], Examiner]:
        """Evaluation sets are held against the text size of training."""
        size = training_size(builder.bind_dataset("Train").kwargs["transforms"])
        return lambda section, dataset: cls(dataset, size)

    @staticmethod
    def census(dataset: Dataset, builder: Builder) -> PageCensus:
        return count_pages(dataset)

    def look(self, tally: Tally, record: Record) -> None:
        info = record.info
        boxes = self._boxes(tally, info)
        size = self.image(tally, info, record.paths[0])
        if boxes is None:
            return
        polygons, cared = boxes
        tally.totals["boxes"] += len(polygons)
        tally.totals["ignored"] += len(polygons) - sum(cared)
        tally.numbers["boxes per image"].append(len(polygons))
        if not polygons:
            tally.findings.note("page without boxes", place_of(info))
        elif not any(cared):
            tally.findings.note("all boxes ignored", f"{place_of(info)}: {len(polygons)} boxes")
        scale = self._scale(size) if size is not None else None
        seen: set[bytes] = set()
        for number, (points, care) in enumerate(zip(polygons, cared, strict=True), start=1):
            place = f"{place_of(info)}: box {number}"
            if points.tobytes() in seen:
                tally.findings.note("same box twice", place)
            seen.add(points.tobytes())
            if not usable(points[None]).all():
                what = "no number" if not np.isfinite(points).all() else "farther out than any image"
                tally.findings.note(f"coordinate that is {what}", place)
            elif care and self._shape(tally, points, place):
                tally.totals["usable"] += not outline_fault(points)
                self._placed(tally, points, place, size)
                self._height(tally, points, place, scale)

    def conclude(self, report: SetReport, total: Tally) -> None:
        boxes, ignored = total.totals["boxes"], total.totals["ignored"]
        share = f" ({ignored / boxes:.0%})" if ignored else ""
        report.summary = f"{boxes:,} boxes, {ignored:,} of them ignored{share}"
        report.units = {"text height": "px in the image", _reduced(self.crop): "px"}
        if not total.totals["usable"] and report.examined:
            report.findings.note("no usable box", f"{boxes:,} boxes on {report.examined:,} pages, {ignored:,} of them ignored")
        small = report.findings.get(SMALL)
        if small is not None and small.count < _MANY * (boxes - ignored):
            report.findings.rename(SMALL, FEW_SMALL)

    # -- one label -------------------------------------------------------------------------------------------------

    def _boxes(self, tally: Tally, info: SampleInfo) -> tuple[list[np.ndarray], list[bool]] | None:
        """Outlines (P, 2) float64 as written, and which count; None (noted) for a label that the chain rejects."""
        try:
            sample = self.dataset.page_label(info)
        except Rejected as error:
            tally.findings.note(error.reason, f"{place_of(info)}: {error.detail}")
            return None
        try:
            polygons = [line.points for line in read_label(info.text)]
        except Malformed as error:  # a chain without a step that reads the label
            tally.findings.note("broken label", f"{place_of(info)}: {error}")
            return None
        if any(getattr(step, "order_corners", False) for step in self.dataset.transforms):
            polygons = [corners_in_order(points) for points in polygons]
        ignored = sample.get("ignore_tags", np.zeros(len(polygons), bool))
        return polygons, (~np.asarray(ignored, bool)).tolist()

    def _shape(self, tally: Tally, points: np.ndarray, place: str) -> bool:
        """Whether the outline has an area that can be looked at further."""
        if len(points) < 4:
            tally.findings.note("polygon of fewer than 4 points", f"{place}: {len(points)} points")
        ring = _without_repeats(points)
        if len(ring) >= 4 and not shapely.is_valid(shapely.Polygon(ring)) and np.ptp(ring, axis=0).min() > 0:
            tally.findings.note("self-intersecting polygon", f"{place}: {_shown(points)}")
            return True
        if len(ring) < 3 or abs(signed_area(ring)) < _LEAST_AREA:
            tally.findings.note("polygon without area", f"{place}: {_shown(points)}")
            return False
        return True

    def _placed(self, tally: Tally, points: np.ndarray, place: str, size: tuple[int, int] | None) -> None:
        if size is None:
            return
        bounds = np.array(size, np.float64)
        beyond = float(np.maximum(-points, points - bounds).max())
        if beyond <= 0:
            return
        detail = f"{place}: {beyond:.0f} px outside {size[0]} x {size[1]}"
        if (points.max(axis=0) <= 0).any() or (points.min(axis=0) >= bounds).any():
            tally.findings.note("box outside the image", detail)
        elif beyond > _JUST_OUTSIDE * max(size):
            tally.findings.note("points outside the image", detail)
        else:
            tally.findings.note("points just outside the image", detail)

    def _height(self, tally: Tally, points: np.ndarray, place: str, scale: tuple[float, float] | None) -> None:
        tally.numbers["text height"].append(smallest_box(points)[1])
        if scale is None:
            return
        extent = np.ptp(points, axis=0) * scale  # what MakeShrinkMap holds against min_text_size
        tally.numbers[_reduced(self.crop)].append(smallest_box(points * scale)[1])
        if extent.min() < self.min_text_size:
            tally.findings.note(self.small, f"{place}: {extent.min():.1f} px of {self.min_text_size:g}")

    def _scale(self, size: tuple[int, int]) -> tuple[float, float] | None:
        """What the chain makes of a px across and down: of the whole image in training's crop, or of the resized image."""
        width, height = size
        if self.crop is not None:
            scale = min(self.crop[0] / width, self.crop[1] / height)
            scale = scale if self.enlarges else min(scale, 1.0)
            return scale, scale
        try:
            resized = self.dataset.resized(np.array([size]))
        except Rejected:
            return None
        return (1.0, 1.0) if resized is None else (float(resized[0, 0] / width), float(resized[0, 1] / height))


def training_size(transforms: Sequence[Any]) -> float:
    """The `min_text_size` of a chain's shrink map in px."""
    return next((float(step.min_text_size) for step in transforms if hasattr(step, "min_text_size")), _MIN_TEXT_SIZE)


def _reduced(crop: tuple[int, int] | None) -> str:
    return f"text height, whole image in {crop[0]} x {crop[1]}" if crop else "text height after the resize"


def _without_repeats(points: np.ndarray) -> np.ndarray:
    """The outline without points that repeat the one before (labels fill polygons up with them)."""
    return points[(points != np.roll(points, 1, axis=0)).any(axis=1)]


def _shown(points: np.ndarray) -> str:
    text = str([[round(float(x), 1), round(float(y), 1)] for x, y in points])
    return text if len(text) <= 90 else text[:87] + "..."
