"""Detectors as bundles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.config.input_checks import input_channels
from ppocr_like.config.recipe import Recipe
from ppocr_like.contracts import PageBoxes
from ppocr_like.errors import ExportError
from ppocr_like.export.exporter import Exporter, Layout
from ppocr_like.export.rapidocr import PAGES, page_params
from ppocr_like.pipeline.normalise import normalisation
from ppocr_like.pipeline.preprocess import Preprocess, effective_postprocess
from ppocr_like.pipeline.spec import Spec
from ppocr_like.tasks import EXPORTERS

NEAR = 2.0  # px between corners of boxes that count as equal: a pixel of the map on the other side of the threshold
SCORE_NEAR = 0.02


@EXPORTERS.register("det")
class PageExporter(Exporter):
    """Detectors. `inference.yml` gets every argument of the post-processing, also those that the recipe leaves at its default:
    whoever moves a threshold finds it there."""

    strict, unit, results, header = False, "pages", "boxes", PAGES
    SIZES = ((1, 64, 96), (2, 96, 64), (1, 160, 416), (3, 320, 224))  # batch, height, width px; multiples of 32

    def __init__(self, spec: Spec, recipe: Recipe, model: Any) -> None:
        super().__init__(spec, recipe, model)
        self.spec = replace(self.spec, postprocess=effective_postprocess(spec))

    @property
    def _layout(self) -> Layout:
        return page_layout(input_channels(self.recipe), self.spec.output, self.spec.onnx_names)

    @property
    def _shapes(self) -> list[tuple[int, int, int, int]]:
        return [(batch, input_channels(self.recipe), height, width) for batch, height, width in self.SIZES]

    def metadata(self) -> dict[str, str]:
        """Pre-processing and thresholds as they were at the export; those of `inference.yml` are what counts."""
        return {
            **super().metadata(),
            "pre_process": json.dumps(self.spec.transforms),
            "post_process": json.dumps(self.spec.postprocess),
        }

    def check_output(self, output: np.ndarray, place: str) -> None:
        if not (output.ndim == 4 and output.shape[1] == 1):
            raise ExportError(f"{place}: the graph gives {output.shape}; one map of the input's size is needed")
        if not (output.min() >= 0 and output.max() <= 1):
            raise ExportError(f"{place}: the outputs leave [0, 1]: the sigmoid is missing in the graph")

    def entries(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        if "shape" not in batch:
            raise ExportError("the evaluation's batches have no `shape`: name it in KeepKeys, and use DetResizeForTest")
        return {"shape": batch["shape"]}

    def same(self, wanted: PageBoxes, got: PageBoxes) -> bool:
        return len(wanted.boxes) == len(got.boxes) and all(
            a.points.shape == b.points.shape
            and np.abs(a.points.astype(np.float64) - b.points).max(initial=0.0) <= NEAR
            and abs(a.score - b.score) <= SCORE_NEAR
            for a, b in zip(wanted.boxes, got.boxes, strict=True)
        )

    @staticmethod
    def settings(spec: Spec, model: Path) -> tuple[dict[str, Any], list[str]]:
        return page_params(model, spec.transforms, effective_postprocess(spec), normalisation(Preprocess(spec).chain))

    def told(self, result: PageBoxes) -> str:
        return f"finds {len(result.boxes)} boxes"

    def summary(self) -> str:
        given = ", ".join(f"{key} {value}" for key, value in self.spec.postprocess.items() if key != "name")
        return f"{self.spec.postprocess.get('name')}: {given}"


def page_layout(channels: int, key: str = "maps", names: tuple[str, str] = ("x", "maps")) -> Layout:
    """A detector's: (N, C, H, W) -> (N, 1, H, W), all but the channels free; H and W are multiples of 32."""
    free = {0: "batch", 2: "height", 3: "width"}
    return Layout(key, names, (2, channels, 96, 160), free, free)
