"""Classifiers as bundles."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.config.recipe import Recipe
from ppocr_like.contracts import ClassResult
from ppocr_like.errors import ExportError
from ppocr_like.export.exporter import Exporter, Layout
from ppocr_like.export.rapidocr import CLASSES, class_params
from ppocr_like.pipeline.class_names import TURNING
from ppocr_like.pipeline.preprocess import Preprocess
from ppocr_like.pipeline.spec import Spec
from ppocr_like.tasks import EXPORTERS


@EXPORTERS.register("cls")
class ClassExporter(Exporter):
    """Classifiers. Images of the recipe's size only: RapidOCR and PaddleOCR give no others."""

    strict, unit, results, header = True, "images", "classes", CLASSES
    BATCHES = (1, 6)

    def __init__(self, spec: Spec, recipe: Recipe, model: Any) -> None:
        super().__init__(spec, recipe, model)
        self.classes = int(model.out_spec.channels)
        self.labels = [str(label) for label in spec.postprocess.get("label_list") or range(self.classes)]
        if len(self.labels) != self.classes:
            raise ExportError(f"label_list names {len(self.labels)} classes, the network has {self.classes}")
        self.spec = replace(self.spec, postprocess={**spec.postprocess, "label_list": self.labels})

    @property
    def _layout(self) -> Layout:
        return class_layout(*Preprocess(self.spec).image_shape, self.classes, self.spec.output, self.spec.onnx_names)

    @property
    def _shapes(self) -> list[tuple[int, int, int, int]]:
        return [(batch, *Preprocess(self.spec).image_shape) for batch in self.BATCHES]

    def metadata(self) -> dict[str, str]:
        return {**super().metadata(), "label_list": json.dumps(self.labels)}

    def check_output(self, output: np.ndarray, place: str) -> None:
        if np.abs(output.sum(axis=1) - 1).max() > 1e-3:
            raise ExportError(f"{place}: the outputs do not sum to 1: softmax is missing in the graph")

    def as_in_file(self) -> bool:
        return not any(TURNING in str(node) for node in self.recipe.get("Eval.dataset.transforms") or [])

    def same(self, wanted: ClassResult, got: ClassResult) -> bool:
        return wanted.index == got.index

    @staticmethod
    def settings(spec: Spec, model: Path) -> tuple[dict[str, Any], list[str]]:
        chain = Preprocess(spec)
        keeps_ratio = all(getattr(step, "padding", True) for step in chain.chain)
        labels = [str(label) for label in spec.postprocess.get("label_list") or []]
        return class_params(model, chain.image_shape, labels, keeps_ratio)

    def told(self, result: ClassResult) -> str:
        return f"says {result.label!r}"

    def summary(self) -> str:
        return f"classes {', '.join(self.labels)}"


def class_layout(
    channels: int, height: int, width: int, classes: int, key: str = "cls", names: tuple[str, str] = ("x", "cls")
) -> Layout:
    """A classifier's: (N, C, H, W) -> (N, classes), N free."""
    return Layout(key, names, (2, channels, height, width), {0: "batch"}, {0: "batch"}, classes)
