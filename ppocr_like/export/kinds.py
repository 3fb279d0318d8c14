"""How the exports of recognisers, detectors and classifiers differ: sizes, metadata, what makes two results equal."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ppocr_like.charset import DIRECTION_KEY
from ppocr_like.config.input_checks import input_channels
from ppocr_like.config.recipe import Recipe
from ppocr_like.contracts import ClassResult, PageBoxes, TextLine
from ppocr_like.errors import ExportError
from ppocr_like.export import rapidocr
from ppocr_like.export.graph import CHARACTER, Layout, character_metadata, class_layout, line_layout, page_layout
from ppocr_like.export.settings import settings
from ppocr_like.pipeline import Spec
from ppocr_like.pipeline.class_names import TURNING
from ppocr_like.pipeline.preprocess import Preprocess, effective_postprocess

NEAR = 2.0  # px between corners of boxes that count as equal: a pixel of the map on the other side of the threshold
SCORE_NEAR = 0.02


class Kind(ABC):
    """One model_type.

    Args:
        spec: of the bundle.
        recipe: it is made from.
        model: the trained network; its head may name the graph's input and output (`onnx_names`).
    """

    strict: bool  # classes are chosen: another choice that rounding does not explain is an error even where the metric is equal
    unit: str
    results: str
    header: str  # of rapidocr.yaml

    def __init__(self, spec: Spec, recipe: Recipe, model: Any) -> None:
        names = getattr(getattr(model, "head", None), "onnx_names", spec.onnx_names)
        self.spec, self.recipe = replace(spec, onnx_names=tuple(names)), recipe
        self.size: tuple[int, int] | None = None  # (height, width) px: one image of that size, nothing is free

    @property
    def layout(self) -> Layout:
        """Of the graph."""
        layout = self._layout
        if self.size is None:
            return layout
        return replace(layout, sample=(1, layout.sample[1], *self.size), free_in={}, free_out={})

    @property
    def shapes(self) -> list[tuple[int, int, int, int]]:
        """(N, C, H, W) px that both networks are run on."""
        return self._shapes if self.size is None else [self.layout.sample]

    @property
    @abstractmethod
    def _layout(self) -> Layout: ...

    @property
    @abstractmethod
    def _shapes(self) -> list[tuple[int, int, int, int]]: ...

    @abstractmethod
    def metadata(self) -> dict[str, str]:
        """Of the ONNX file."""

    @abstractmethod
    def check_output(self, output: np.ndarray, place: str) -> None:
        """Raises ExportError where the numbers are no probabilities."""

    @abstractmethod
    def same(self, wanted: Any, got: Any) -> bool:
        """Whether the bundle's result is the trained model's."""

    @abstractmethod
    def entries(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """What the post-processing reads of a batch."""

    def rapidocr(self, model: Path) -> tuple[dict[str, Any], list[str]]:
        """(parameters for RapidOCR with `model` as its path, what it cannot do as we do)."""
        return settings(self.spec, model)

    @abstractmethod
    def summary(self) -> str:
        """In a few words what the model gives."""

    def as_in_file(self) -> bool:
        """Whether a sample's image is the file's, so that the bundle can be asked about the file."""
        return True

    def told(self, result: Any) -> str:
        """What a model does with an image, in a message."""
        return repr(result)


# Recognition heads that read one character after the other, and why a bundle does not hold them.
NOT_EXPORTED = {
    "SARHead": "it reads each line's valid_ratio beside the image, and a bundle's network has one input",
    "Transformer": "it reads until the longest line of a batch has ended, which a graph without loops cannot do",
}


class Lines(Kind):
    """Recognisers."""

    strict, unit, results, header = True, "lines", "texts", rapidocr.LINES
    SIZES = ((1, 320), (6, 320), (1, 437), (6, 437), (1, 1280), (6, 1280))  # batch, width px; 437: no multiple of any stride

    def __init__(self, spec: Spec, recipe: Recipe, model: Any) -> None:
        super().__init__(spec, recipe, model)
        head = type(getattr(model, "head", None)).__name__
        if head in NOT_EXPORTED:
            raise ExportError(
                f"Head {head} cannot be exported: {NOT_EXPORTED[head]}. Train it as the guide of a MultiHead, whose CTCHead is "
                "exported; tools/infer.py reads with this network from its weights"
            )
        fixed = getattr(model, "input_size", None)
        self.width = None if fixed is None else int(fixed[1])
        self.widest = getattr(model, "widest", None)
        self.free_steps = bool(getattr(model, "steps_follow_width", True))

    @property
    def _layout(self) -> Layout:
        channels, height, _ = Preprocess(self.spec).image_shape
        assert self.spec.charset is not None
        given = self.spec.charset, channels, height, self.spec.output, self.spec.onnx_names
        return line_layout(*given, width=self.width, free_steps=self.free_steps, logarithms=self.spec.form == "ocrs")

    @property
    def _shapes(self) -> list[tuple[int, int, int, int]]:
        channels, height, _ = Preprocess(self.spec).image_shape
        if self.width is not None:
            return [(batch, channels, height, self.width) for batch in (1, 6)]
        sizes = ((batch, min(width, self.widest or width)) for batch, width in self.SIZES)
        return [(batch, channels, height, width) for batch, width in dict.fromkeys(sizes)]

    def metadata(self) -> dict[str, str]:
        assert self.spec.charset is not None
        charset = self.spec.charset
        told = {} if charset.direction == "ltr" else {DIRECTION_KEY: charset.direction}
        return {CHARACTER: character_metadata(charset), **told}

    def check_output(self, output: np.ndarray, place: str) -> None:
        if np.abs(output.sum(axis=2) - 1).max() > 1e-3:
            raise ExportError(f"{place}: the outputs do not sum to 1: softmax is missing in the graph")

    def entries(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def same(self, wanted: TextLine, got: TextLine) -> bool:
        return wanted.text == got.text

    def told(self, result: TextLine) -> str:
        return f"reads {result.text!r}"

    def rapidocr(self, model: Path) -> tuple[dict[str, Any], list[str]]:
        params, notes = super().rapidocr(model)
        if limit := (self.size[1] if self.size else None) or self.width or self.widest:
            most = "at most " if limit == self.widest else ""
            notes.append(
                "RapidOCR cannot run this network: it makes images as wide as their lines are long, and the network takes "
                f"{most}{limit} px"
            )
        return params, notes

    def summary(self) -> str:
        assert self.spec.charset is not None
        return f"{self.spec.charset.num_classes} classes"


class Pages(Kind):
    """Detectors. `inference.yml` gets every argument of the post-processing, also those that the recipe leaves at its default:
    whoever moves a threshold finds it there."""

    strict, unit, results, header = False, "pages", "boxes", rapidocr.PAGES
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
            "model_type": self.spec.model_type,
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

    def told(self, result: PageBoxes) -> str:
        return f"finds {len(result.boxes)} boxes"

    def summary(self) -> str:
        given = ", ".join(f"{key} {value}" for key, value in self.spec.postprocess.items() if key != "name")
        return f"{self.spec.postprocess.get('name')}: {given}"


class Classes(Kind):
    """Classifiers. Images of the recipe's size only: RapidOCR and PaddleOCR give no others."""

    strict, unit, results, header = True, "images", "classes", rapidocr.CLASSES
    BATCHES = (1, 6)

    def __init__(self, spec: Spec, recipe: Recipe, model: Any) -> None:
        super().__init__(spec, recipe, model)
        self.classes = int(model.head.class_dim)
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
        return {"model_type": "cls", "label_list": json.dumps(self.labels)}

    def check_output(self, output: np.ndarray, place: str) -> None:
        if np.abs(output.sum(axis=1) - 1).max() > 1e-3:
            raise ExportError(f"{place}: the outputs do not sum to 1: softmax is missing in the graph")

    def entries(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def as_in_file(self) -> bool:
        return not any(TURNING in str(node) for node in self.recipe.get("Eval.dataset.transforms") or [])

    def same(self, wanted: ClassResult, got: ClassResult) -> bool:
        return wanted.index == got.index

    def told(self, result: ClassResult) -> str:
        return f"says {result.label!r}"

    def summary(self) -> str:
        return f"classes {', '.join(self.labels)}"


KINDS: Mapping[str, Callable[[Spec, Recipe, Any], Kind]] = MappingProxyType({"rec": Lines, "det": Pages, "cls": Classes})


def kind_of(spec: Spec, recipe: Recipe, model: Any) -> Kind:
    """The kind of a Spec.

    Raises:
        ExportError: a model_type that cannot be exported.
    """
    if spec.model_type not in KINDS:
        raise ExportError(f"model_type {spec.model_type!r} cannot be exported; known: {', '.join(KINDS)}")
    return KINDS[spec.model_type](spec, recipe, model)
