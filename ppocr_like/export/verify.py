"""Does the bundle answer as the trained model does? On random tensors, then on the evaluation sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ppocr_like.config import Builder
from ppocr_like.data.base import Dataset
from ppocr_like.data.loader import build_loader
from ppocr_like.data.watch import watched
from ppocr_like.errors import DataError, ExportError, WeightsError
from ppocr_like.export.kinds import Kind
from ppocr_like.pipeline.normalise import Affine
from ppocr_like.pipeline.runner import Runner
from ppocr_like.pipeline.torch_backend import TorchBackend

TOLERANCE = 1e-3  # of a probability
# On real images where two letters compete: one line of 214 differed by 1.8e-3 (ONNX Runtime was 1.6e-3 and PyTorch 2.4e-4 off the
# same network in float64), all others by less than 1e-4. Results and metrics must be equal all the same.
COMPETING = 10.0
CHECKED_METRICS = 1e-9
FOLDED = 1e-5  # between a tensor and the same normalised within the graph, whose values reach 3


@dataclass(frozen=True)
class ShapeCheck:
    """Largest difference of probabilities for one input shape."""

    batch: int
    height: int
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
        other: of these, samples whose result is not equal (rounding, where the metric is).
    """

    name: str
    torch: dict[str, float]
    onnx: dict[str, float]
    difference: float
    lines: int
    preprocessed: int
    other: int = 0


class Verifier:
    """A bundle beside its trained model.

    Args:
        kind: how results are compared.
        bundle: the bundle, opened as a user would.
        backend: the trained model.
        tolerance: largest difference of a probability on noise; on real images ten times as much.
        affine: the normalisation at the head of the bundle's graph; None when there is none.
    """

    def __init__(
        self,
        kind: Kind,
        bundle: Runner[Any, Any],
        backend: TorchBackend,
        tolerance: float = TOLERANCE,
        affine: Affine | None = None,
    ) -> None:
        self.kind, self.bundle, self.backend, self.tolerance, self.affine = kind, bundle, backend, tolerance, affine

    @property
    def output(self) -> str:
        return self.bundle.spec.output

    def check_shapes(self, seed: int = 0) -> list[ShapeCheck]:
        """Runs both networks on noise of several shapes.

        Raises:
            ExportError: a shape that does not run, a difference of more than the tolerance, or no probabilities.
        """
        rng = np.random.default_rng(seed)
        checks = []
        for shape in self.kind.shapes:
            images = rng.uniform(-1, 1, shape).astype(np.float32)
            own = images if self.affine is None else self.affine.inverse(images)
            place = f"input {' x '.join(map(str, shape))}"
            try:
                wanted, got = self.backend(images)[self.output], self.bundle.backend(own)[self.output]
            except WeightsError as error:
                raise ExportError(f"{place}: a size became a constant in the graph: {error}") from error
            difference = self._difference(wanted, got, place, self.tolerance)
            self.kind.check_output(got, place)
            checks.append(ShapeCheck(shape[0], shape[2], shape[3], difference))
        return checks

    def check_set(self, builder: Builder, name: str, dataset: Dataset) -> SetCheck:
        """Runs an evaluation set through the trained model and through the bundle.

        The trained model reads the batches of the evaluation's loader; the bundle reads the image files through its own
        `inference.yml`. Where an image has no file of its own, the bundle's network gets the loader's tensor.

        Raises:
            ExportError: a tensor, a text or a metric differs.
            DataError: the set cannot be read.
        """
        both = builder.metric(), builder.metric()
        largest, lines, preprocessed, other = 0.0, 0, 0, 0
        with build_loader(dataset, builder.loader("Eval"), seed=0, train=False) as loader:
            for batch in watched(loader, f"{name}: checked"):
                for metric in both:
                    metric.reject(batch["rejected"])
                if not batch["info"]:
                    continue
                arrays = {key: as_array(value) for key, value in batch.items()}
                own, read = self._through_bundle(arrays["image"], batch["info"])
                wanted, got = self.backend(arrays["image"]), self.bundle.backend(own)
                where = f"evaluation set {name}, {batch['info'][0].path}"
                limit = COMPETING * self.tolerance
                largest = max(largest, self._difference(wanted[self.output], got[self.output], where, limit))
                entries = self.kind.entries(arrays)
                found = self.bundle.postprocess(wanted, entries), self.bundle.postprocess(got, entries)
                other += self._others(name, batch["info"], *found)
                for metric, result in zip(both, found, strict=True):
                    metric.update(result, arrays)
                lines, preprocessed = lines + len(batch["info"]), preprocessed + read
        numbers = [metric.compute() for metric in both]
        _same_numbers(name, *numbers)
        return SetCheck(name, numbers[0], numbers[1], largest, lines, preprocessed, other)

    def _through_bundle(self, images: np.ndarray, infos: list[Any]) -> tuple[np.ndarray, int]:
        """(tensors that the bundle's pre-processing makes of the same files, how many files there were)."""
        own = images.copy()
        read = 0
        for row, info in enumerate(infos):
            if not self.kind.as_in_file() or not Path(info.path).is_file():
                if self.affine is not None:
                    own[row] = self.affine.inverse(images[row])
                continue
            try:
                tensor = self.bundle.preprocess(info.path).tensor
            except DataError as error:
                raise ExportError(f"the bundle cannot read what the evaluation reads: {error}") from error
            tensor = self._widened(tensor, images[row])
            if tensor.shape != images[row].shape or not self._same_tensor(images[row], tensor):
                raise ExportError(
                    f"{info.path}: the bundle's pre-processing gives another tensor ({tensor.shape}) than the evaluation "
                    f"({images[row].shape})"
                )
            own[row] = tensor
            read += 1
        return own, read

    def _widened(self, tensor: np.ndarray, image: np.ndarray) -> np.ndarray:
        """`tensor` (C, H, W) as wide as `image`, where the evaluation padded that with zeros for its neighbours in the batch."""
        width = tensor.shape[-1]
        if tensor.shape[:-1] != image.shape[:-1] or width >= image.shape[-1] or np.any(image[..., width:]):
            return tensor
        wide = image.copy() if self.affine is None else self.affine.inverse(image)
        wide[..., :width] = tensor
        return wide

    def _same_tensor(self, wanted: np.ndarray, got: np.ndarray) -> bool:
        if self.affine is None:
            return np.array_equal(wanted, got)
        return bool(np.abs(self.affine(got) - wanted).max(initial=0.0) <= FOLDED)

    @staticmethod
    def _difference(wanted: np.ndarray, got: np.ndarray, place: str, limit: float) -> float:
        if wanted.shape != got.shape:
            raise ExportError(f"{place}: the trained model gives {wanted.shape}, the ONNX model {got.shape}")
        difference = float(np.abs(wanted - got).max()) if wanted.size else 0.0
        if not difference <= limit:  # NaN too
            raise ExportError(
                f"{place}: the ONNX model differs from the trained model by {difference:.3g}, more than {limit:g} allow"
            )
        return difference

    def _others(self, name: str, infos: list[Any], wanted: list[Any], got: list[Any]) -> int:
        """How many results are not equal; an error where none may be."""
        count = 0
        for info, a, b in zip(infos, wanted, got, strict=True):
            if self.kind.same(a, b):
                continue
            count += 1
            if self.kind.strict:
                raise ExportError(
                    f"evaluation set {name}, {info.file}, line {info.line}: the trained model "
                    f"{self.kind.told(a)}, the ONNX model {self.kind.told(b)}"
                )
        return count


def _same_numbers(name: str, wanted: Mapping[str, float], got: Mapping[str, float]) -> None:
    for key, value in wanted.items():
        if not (abs(value - got[key]) <= CHECKED_METRICS or (np.isnan(value) and np.isnan(got[key]))):
            raise ExportError(
                f"evaluation set {name}: the metrics differ: {key} {value:.6f} of the trained model, {got[key]:.6f} of the ONNX "
                f"model (torch {metric_line(wanted)}; ONNX {metric_line(got)})"
            )


def as_array(value: Any) -> Any:
    """A batch's entry without torch."""
    return value.numpy() if isinstance(value, torch.Tensor) else value


def metric_line(numbers: Mapping[str, float]) -> str:
    """The numbers of a metric in one line."""
    return ", ".join(f"{key} {value:.0f}" if key == "n" else f"{key} {value:.4f}" for key, value in numbers.items())
