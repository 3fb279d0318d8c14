"""Does the bundle answer as the trained model does? On random tensors, then on the evaluation sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ppocr_like.config import Builder
from ppocr_like.contracts import TextLine
from ppocr_like.data.base import Dataset
from ppocr_like.data.loader import build_loader
from ppocr_like.errors import DataError, ExportError, WeightsError
from ppocr_like.pipeline import Recogniser
from ppocr_like.pipeline.torch_backend import TorchBackend

SHAPES = ((1, 320), (6, 320), (1, 437), (6, 437), (1, 1280), (6, 1280))  # batch, width px; 437 is no multiple of any stride
TOLERANCE = 1e-3  # of a probability: on real lines float32 rounding of two runtimes gives 2e-4 where two letters compete
CHECKED_METRICS = 1e-9


@dataclass(frozen=True)
class ShapeCheck:
    """Largest difference of probabilities for one input shape."""

    batch: int
    width: int
    difference: float


@dataclass(frozen=True)
class SetCheck:
    """An evaluation set through both networks.

    Args:
        name: of the set.
        torch: metric of the trained model.
        onnx: metric of the bundle.
        difference: largest difference of a probability.
        lines: samples compared.
        preprocessed: of these, images that the bundle's own pre-processing read from their files, with equal tensors.
    """

    name: str
    torch: dict[str, float]
    onnx: dict[str, float]
    difference: float
    lines: int
    preprocessed: int


def check_shapes(recogniser: Recogniser, backend: TorchBackend, tolerance: float, seed: int = 0) -> list[ShapeCheck]:
    """Runs both networks on noise of several batch sizes and widths.

    Raises:
        ExportError: a shape that does not run, a difference of more than `tolerance`, or no probabilities.
    """
    rng = np.random.default_rng(seed)
    channels, height, _ = recogniser.preprocess.image_shape
    checks = []
    for batch, width in SHAPES:
        images = rng.uniform(-1, 1, (batch, channels, height, width)).astype(np.float32)
        place = f"input {batch} x {channels} x {height} x {width}"
        try:
            wanted, got = backend(images)[recogniser.spec.output], recogniser.backend(images)[recogniser.spec.output]
        except WeightsError as error:
            raise ExportError(f"{place}: a size became a constant in the graph: {error}") from error
        difference = _difference(wanted, got, place, tolerance)
        if np.abs(got.sum(axis=2) - 1).max() > 1e-3:
            raise ExportError(f"{place}: the outputs do not sum to 1: softmax is missing in the graph")
        checks.append(ShapeCheck(batch, width, difference))
    return checks


def check_set(
    builder: Builder, name: str, dataset: Dataset, recogniser: Recogniser, backend: TorchBackend, tolerance: float
) -> SetCheck:
    """Runs an evaluation set through the trained model and through the bundle.

    The trained model reads the batches of the evaluation's loader; the bundle reads the image files through its own
    `inference.yml`. Where an image has no file of its own, the bundle's network gets the loader's tensor.

    Raises:
        ExportError: a tensor, a text or a metric differs.
        DataError: the set cannot be read.
    """
    both = builder.metric(), builder.metric()
    largest, lines, preprocessed = 0.0, 0, 0
    with build_loader(dataset, builder.loader("Eval"), seed=0, train=False) as loader:
        for batch in loader.batches(0):
            for metric in both:
                metric.reject(batch["rejected"])
            if not batch["info"]:
                continue
            images = _array(batch["image"])
            own, read = _through_bundle(recogniser, images, batch["info"])
            wanted, got = backend(images), recogniser.backend(own)
            where = f"evaluation set {name}, {batch['info'][0].path}"
            largest = max(largest, _difference(wanted[recogniser.spec.output], got[recogniser.spec.output], where, tolerance))
            results = recogniser.postprocess(wanted, {}), recogniser.postprocess(got, {})
            _same_texts(name, batch["info"], *results)
            arrays = {key: _array(value) for key, value in batch.items()}
            for metric, result in zip(both, results, strict=True):
                metric.update(result, arrays)
            lines, preprocessed = lines + len(batch["info"]), preprocessed + read
    numbers = [metric.compute() for metric in both]
    if any(abs(numbers[0][key] - numbers[1][key]) > CHECKED_METRICS for key in numbers[0]):
        raise ExportError(f"evaluation set {name}: the metrics differ: torch {numbers[0]}, ONNX {numbers[1]}")
    return SetCheck(name, numbers[0], numbers[1], largest, lines, preprocessed)


def _through_bundle(recogniser: Recogniser, images: np.ndarray, infos: list[Any]) -> tuple[np.ndarray, int]:
    """(tensors that the bundle's pre-processing makes of the same files, how many files there were)."""
    own = images.copy()
    read = 0
    for row, info in enumerate(infos):
        if not Path(info.path).is_file():
            continue
        try:
            tensor = recogniser.preprocess(info.path).tensor
        except DataError as error:
            raise ExportError(f"the bundle cannot read what the evaluation reads: {error}") from error
        if tensor.shape != images[row].shape or not np.array_equal(tensor, images[row]):
            raise ExportError(
                f"{info.path}: the bundle's pre-processing gives another tensor ({tensor.shape}) than the evaluation "
                f"({images[row].shape})"
            )
        own[row] = tensor
        read += 1
    return own, read


def _difference(wanted: np.ndarray, got: np.ndarray, place: str, tolerance: float) -> float:
    if wanted.shape != got.shape:
        raise ExportError(f"{place}: the trained model gives {wanted.shape}, the ONNX model {got.shape}")
    difference = float(np.abs(wanted - got).max()) if wanted.size else 0.0
    if not difference <= tolerance:  # NaN too
        raise ExportError(
            f"{place}: the ONNX model differs from the trained model by {difference:.3g}, more than {tolerance:g} allow"
        )
    return difference


def _same_texts(name: str, infos: list[Any], wanted: list[TextLine], got: list[TextLine]) -> None:
    for info, a, b in zip(infos, wanted, got, strict=True):
        if a.text != b.text:
            raise ExportError(
                f"evaluation set {name}, {info.file}, line {info.line}: the trained model reads {a.text!r}, "
                f"the ONNX model {b.text!r}"
            )


def _array(value: Any) -> Any:
    return value.numpy() if isinstance(value, torch.Tensor) else value


def metric_line(numbers: Mapping[str, float]) -> str:
    """The numbers of a metric in one line."""
    return ", ".join(f"{key} {value:.0f}" if key == "n" else f"{key} {value:.4f}" for key, value in numbers.items())
