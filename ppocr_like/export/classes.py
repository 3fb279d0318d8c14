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
from ppocr_like.pipeline.class_names import TURNING
from ppocr_like.pipeline.preprocess import Preprocess
from ppocr_like.pipeline.spec import Spec
from ppocr_like.tasks import EXPORTERS

HEADER = """\
# The line classifier of this folder in RapidOCR (pip install rapidocr onnxruntime), for line images:
#     RapidOCR(config_path="rapidocr.yaml")(image).cls_res
# Whole pages: set Global.use_det, Global.use_rec and Global.use_preprocess_img to true; RapidOCR brings the other models.
# Made of inference.yml: after changing that, or moving the folder (Cls.model_path), run `tools/export.py --refresh FOLDER`.
"""


@EXPORTERS.register("cls")
class ClassExporter(Exporter):
    """Classifiers. Images of the recipe's size only: RapidOCR and PaddleOCR give no others."""

    strict, unit, results, header = True, "images", "classes", HEADER
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
        """(N, C, H, W) -> (N, classes), N free."""
        sample, free = (2, *Preprocess(self.spec).image_shape), {0: "batch"}
        return Layout(self.spec.output, self.spec.onnx_names, sample, free, free, self.classes)

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
        """RapidOCR turns a line by 180 degrees where the class' name holds "180" and its probability is above `cls_thresh`; other
        directions it leaves as they are."""
        chain, notes = Preprocess(spec), []
        if not all(getattr(step, "padding", True) for step in chain.chain):
            notes.append("RapidOCR keeps the ratio of a line and pads it; this network was trained on stretched ones")
        labels = [str(label) for label in spec.postprocess.get("label_list") or []]
        if not any("180" in label for label in labels):
            notes.append(f"RapidOCR turns lines of a class with 180 in its name, and there is none among {', '.join(labels)}")
        params = {
            "Global.use_det": False,
            "Global.use_cls": True,
            "Global.use_rec": False,
            "Global.use_preprocess_img": False,
            "Cls.model_path": str(model),
            "Cls.cls_image_shape": list(chain.image_shape),
            "Cls.label_list": labels,
        }
        return params, notes

    def told(self, result: ClassResult) -> str:
        return f"says {result.label!r}"

    def summary(self) -> str:
        return f"classes {', '.join(self.labels)}"
