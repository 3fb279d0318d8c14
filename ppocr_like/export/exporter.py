"""How the exports of tasks differ: sizes, metadata, what makes two results equal, RapidOCR's settings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.config.recipe import Recipe
from ppocr_like.errors import ExportError
from ppocr_like.pipeline.spec import Spec
from ppocr_like.tasks import EXPORTERS, TASKS, part


@dataclass(frozen=True)
class Layout:
    """What goes in and out of a graph.

    Args:
        key: the entry of the model's outputs that becomes the graph's only output.
        names: of the graph's input and output; RapidOCR feeds the first input and reads the first output whatever their names.
        sample: (N, C, H, W) px to trace with; no free size a multiple of another, so that none looks like a constant.
        free_in, free_out: axis -> name of the sizes that stay free.
        classes: size of the output's last axis, where that is fixed.
        logarithms: the output is (T, N, classes) logarithms of the probabilities, as ocrs reads them.
    """

    key: str
    names: tuple[str, str]
    sample: tuple[int, int, int, int]
    free_in: Mapping[int, str]
    free_out: Mapping[int, str]
    classes: int | None = None
    logarithms: bool = False


class Exporter(ABC):
    """One model of a task, on its way into a bundle.

    Args:
        spec: of the bundle.
        recipe: it is made from.
        model: the trained network; its head may name the graph's input and output (`onnx_names`).
    """

    strict: bool  # classes are chosen: another choice that rounding does not explain is an error even where the metric is equal
    unit: str
    results: str
    header = ""  # of rapidocr.yaml; empty: RapidOCR has no such models, and the bundle no settings for it

    def __init__(self, spec: Spec, recipe: Recipe, model: Any) -> None:
        names = getattr(getattr(model, "head", None), "onnx_names", spec.onnx_names)
        self.spec, self.recipe = replace(spec, onnx_names=tuple(names)), recipe
        self.size: tuple[int, int] | None = None  # (height, width) px: one image of that size, nothing is free
        self.least: int | None = None  # px of the narrowest canvas of a network that is told how wide each line is

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

    def metadata(self) -> dict[str, str]:
        """Of the ONNX file."""
        return {"model_type": self.spec.model_type}

    def alone(self, batch: Mapping[str, Any]) -> Iterator[tuple[slice, int]] | None:
        """(row of the batch, px of its canvas) of each line, where the bundle reads each in a canvas of its own width; None where
        it reads them as they are."""
        if self.least is None or self.size is not None or "valid_width" not in batch:
            return None
        least = self.least
        widths = np.asarray(batch["valid_width"]).tolist()
        return ((slice(row, row + 1), max(width, least)) for row, width in enumerate(widths))

    @abstractmethod
    def check_output(self, output: np.ndarray, place: str) -> None:
        """Raises ExportError where the numbers are no probabilities."""

    @abstractmethod
    def same(self, wanted: Any, got: Any) -> bool:
        """Whether the bundle's result is the trained model's."""

    def entries(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """What the post-processing reads of a batch."""
        return {}

    @staticmethod
    def settings(spec: Spec, model: Path) -> tuple[dict[str, Any], list[str]]:
        """(parameters for RapidOCR with `model` as its path, what it cannot do as we do), as a bundle's Spec says.

        Raises:
            ConfigError: a chain or post-processing that cannot be built.
        """
        return {}, []

    def rapidocr(self, model: Path) -> tuple[dict[str, Any], list[str]]:
        """The same of this model, and what the network alone tells."""
        return self.settings(self.spec, model)

    @abstractmethod
    def summary(self) -> str:
        """In a few words what the model gives."""

    def as_in_file(self) -> bool:
        """Whether a sample's image is the file's, so that the bundle can be asked about the file."""
        return True

    def told(self, result: Any) -> str:
        """What a model does with an image, in a message."""
        return repr(result)


def exporter_class(model_type: str) -> type[Exporter]:
    """What exports the networks of a task; its file is imported when it is asked for.

    Raises:
        ExportError: a task that cannot be exported.
    """
    found: type[Exporter] | None = part(EXPORTERS, model_type, "ppocr_like.export")
    if found is None:
        others = ", ".join(name for name in TASKS if name != model_type)
        raise ExportError(f"model_type {model_type!r} cannot be exported; known: {others}")
    return found


def exporter_of(spec: Spec, recipe: Recipe, model: Any) -> Exporter:
    """The exporter of a trained network.

    Raises:
        ExportError: see `exporter_class`; a network that no bundle can hold.
    """
    return exporter_class(spec.model_type)(spec, recipe, model)
