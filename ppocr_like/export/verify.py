"""Does the bundle answer as the trained model does? On random tensors, then on the evaluation sets.

Two programs that compute one network in float32 differ by rounding. How much of that is the network's own, `rounding` measures
where a difference is above the tolerance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ppocr_like.config import Builder
from ppocr_like.data.base import Dataset
from ppocr_like.data.loader import build_loader
from ppocr_like.data.watch import watched
from ppocr_like.errors import DataError, ExportError, WeightsError
from ppocr_like.export.choices import TOLERANCE
from ppocr_like.export.exporter import Exporter
from ppocr_like.export.rounding import FACTOR, Rounding
from ppocr_like.pipeline.normalise import Affine
from ppocr_like.pipeline.runner import Runner
from ppocr_like.pipeline.torch_backend import WIDTHS, TorchBackend

# On real images where two letters compete: one line of 214 differed by 1.8e-3 (ONNX Runtime was 1.6e-3 and PyTorch 2.4e-4 off the
# same network in float64), all others by less than 1e-4. Results and metrics must be equal all the same.
COMPETING = 10.0
CHECKED_METRICS = 1e-9
ROUNDED = 1e-5  # what any two programs may differ by: a result that changes within it is decided by rounding
UNSTABLE = 0.3  # a network whose rounding explains differences above that cannot be verified
FOLDED = 1e-5  # between a tensor and the same normalised within the graph, whose values reach 3


@dataclass(frozen=True)
class ShapeCheck:
    """Largest difference of probabilities for one input shape; the network's own rounding, where that is above the tolerance."""

    batch: int
    height: int
    width: int
    difference: float
    rounding: float | None = None


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
        other: of these, samples whose result is not equal, by rounding.
        rounding: the network's own, where the difference is above the tolerance.
    """

    name: str
    torch: dict[str, float]
    onnx: dict[str, float]
    difference: float
    lines: int
    preprocessed: int
    other: int = 0
    rounding: float | None = None


class Verifier:
    """A bundle beside its trained model.

    Args:
        exporter: how results are compared.
        bundle: the bundle, opened as a user would.
        backend: the trained model.
        tolerance: largest difference of a probability on noise; on real images ten times as much. Above it, what the network's
            own rounding explains is allowed; 0 allows nothing.
        affine: the normalisation at the head of the bundle's graph; None when there is none.
    """

    def __init__(
        self,
        exporter: Exporter,
        bundle: Runner[Any, Any],
        backend: TorchBackend,
        tolerance: float = TOLERANCE,
        affine: Affine | None = None,
    ) -> None:
        self.exporter, self.bundle, self.backend, self.tolerance, self.affine = exporter, bundle, backend, tolerance, affine

    @property
    def output(self) -> str:
        return self.bundle.spec.output

    @cached_property
    def rounding(self) -> Rounding:
        """Of the trained network."""
        return Rounding(self.backend.model, self.output)

    def check_shapes(self, seed: int = 0) -> list[ShapeCheck]:
        """Runs both networks on noise of several shapes.

        Raises:
            ExportError: a shape that does not run, a difference of more than the tolerance and than rounding explains, or no
                probabilities.
        """
        rng = np.random.default_rng(seed)
        checks = []
        for shape in self.exporter.shapes:
            images = rng.uniform(-1, 1, shape).astype(np.float32)
            own = images if self.affine is None else self.affine.inverse(images)
            place = f"input {' x '.join(map(str, shape))}"
            try:
                wanted, got = self.backend(images)[self.output], self.bundle.backend(own)[self.output]
            except WeightsError as error:
                raise ExportError(f"{place}: a size became a constant in the graph: {error}") from error
            difference, rounding = self._difference(wanted, got, images, place, self.tolerance)
            self.exporter.check_output(got, place)
            checks.append(ShapeCheck(shape[0], shape[2], shape[3], difference, rounding))
        return checks

    def check_set(self, builder: Builder, name: str, dataset: Dataset) -> SetCheck:
        """Runs an evaluation set through the trained model and through the bundle.

        The trained model reads the batches of the evaluation's loader; the bundle reads the image files through its own
        `inference.yml`. Where an image has no file of its own, the bundle's network gets the loader's tensor.

        Raises:
            ExportError: a tensor, a text or a metric differs, by more than rounding explains.
            DataError: the set cannot be read.
        """
        both = builder.metric(), builder.metric()
        seen = _Seen()
        with build_loader(dataset, builder.loader("Eval"), seed=0, train=False) as loader:
            for batch in watched(loader, f"{name}: checked"):
                for metric in both:
                    metric.reject(batch["rejected"])
                if not batch["info"]:
                    continue
                arrays = {key: as_array(value) for key, value in batch.items()}
                found = self._check_batch(name, arrays, seen)
                for metric, result in zip(both, found, strict=True):
                    metric.update(result, arrays)
        a, b = (metric.compute() for metric in both)
        _same_numbers(name, a, b, seen.rounded / seen.lines if seen.lines else 0.0)
        return SetCheck(name, a, b, seen.largest, seen.lines, seen.preprocessed, seen.other, seen.rounding)

    def _check_batch(self, name: str, arrays: dict[str, Any], seen: _Seen) -> tuple[list[Any], list[Any]]:
        """Results of the trained model and of the bundle on a batch, compared."""
        images, infos = arrays["image"], arrays["info"]
        own, read = self._through_bundle(images, infos)
        entries = self.exporter.entries(arrays)
        found: tuple[list[Any], list[Any]] = [], []
        for rows, wanted, got in self._answers(images, own, arrays):
            where = f"evaluation set {name}, {infos[rows][0].path}"
            limit = COMPETING * self.tolerance
            difference, rounding = self._difference(wanted[self.output], got[self.output], images[rows], where, limit)
            results = self.bundle.postprocess(wanted, entries), self.bundle.postprocess(got, entries)
            for row, (info, a, b) in enumerate(zip(infos[rows], *results, strict=True)):
                if self.exporter.same(a, b):
                    continue
                seen.other += 1
                image = images[rows][row : row + 1]
                if self._by_rounding(wanted[self.output][row], got[self.output][row], image):
                    seen.rounded += 1
                elif self.exporter.strict:
                    raise ExportError(
                        f"evaluation set {name}, {info.place}: the trained model "
                        f"{self.exporter.told(a)}, the ONNX model {self.exporter.told(b)}"
                    )
            seen.largest = max(seen.largest, difference)
            if rounding is not None:
                seen.rounding = max(seen.rounding or 0.0, rounding)
            for all_results, part in zip(found, results, strict=True):
                all_results.extend(part)
        seen.lines, seen.preprocessed = seen.lines + len(infos), seen.preprocessed + read
        return found

    def _answers(
        self, images: np.ndarray, own: np.ndarray, arrays: Mapping[str, Any]
    ) -> Iterator[tuple[slice, dict[str, Any], dict[str, Any]]]:
        """(rows of the batch, outputs of the trained model, outputs of the bundle).

        All rows together; one by one for a network that is told how wide each line is: the trained one as in evaluation, beside
        the other lines, and the bundle's on the line alone, as it will be used.
        """
        lines = self.exporter.alone(arrays)
        if lines is None:
            yield slice(None), self.backend(images), self.bundle.backend(own)
            return
        widths = np.asarray(arrays[WIDTHS])
        whole = self.backend(images, {WIDTHS: widths})
        for row, width in lines:
            wanted = {self.output: whole[self.output][row, : int(whole["lengths"][row][0])]}
            if width > widths[row]:  # narrower than the network can take
                wanted = self.backend(images[row, ..., :width])
            yield row, wanted, self.bundle.backend(own[row, ..., :width])

    def _by_rounding(self, wanted: np.ndarray, got: np.ndarray, image: np.ndarray) -> bool:
        """Whether the outputs choose other classes for an image where no more than rounding is between them."""
        if not self.exporter.strict or np.array_equal(wanted.argmax(-1), got.argmax(-1)):
            return False
        return float(np.abs(wanted - got).max()) <= max(ROUNDED, FACTOR * self.rounding(image))

    def _through_bundle(self, images: np.ndarray, infos: list[Any]) -> tuple[np.ndarray, int]:
        """(tensors that the bundle's pre-processing makes of the same files, how many files there were)."""
        own = images.copy()
        read = 0
        for row, info in enumerate(infos):
            if not self.exporter.as_in_file() or not Path(info.path).is_file():
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

    def _difference(
        self, wanted: np.ndarray, got: np.ndarray, images: np.ndarray, place: str, limit: float
    ) -> tuple[float, float | None]:
        """The largest difference of the outputs, and the network's own rounding where it is above the limit."""
        if wanted.shape != got.shape:
            raise ExportError(f"{place}: the trained model gives {wanted.shape}, the ONNX model {got.shape}")
        difference = float(np.abs(wanted - got).max()) if wanted.size else 0.0
        if difference <= limit:
            return difference, None
        said = f"{place}: the ONNX model differs from the trained model by {difference:.3g}, more than {limit:g} allow"
        if not np.isfinite(difference):
            raise ExportError(f"{said}; the network gives NaN or infinite numbers, which no training should leave")
        rounding = self.rounding(images)
        if difference <= FACTOR * rounding <= UNSTABLE and self.tolerance > 0:
            return difference, rounding
        more = f"a larger --tolerance (now {self.tolerance:g}) allows it"
        if FACTOR * rounding > UNSTABLE:
            raise ExportError(
                f"{said}. By rounding alone this network's answers move by {rounding:.2g} (float32 beside float64), so that two "
                f"programs cannot agree on them: it is hardly trained, or its numbers run away. Train on; or {more}"
            )
        raise ExportError(
            f"{said}. Rounding does not explain it: float32 takes this network {rounding:.2g} from what it gives in float64. If "
            f"the answers are good enough, {more}"
        )


@dataclass
class _Seen:
    """What was found in an evaluation set so far; see `SetCheck`. `rounded`: results not equal by rounding."""

    largest: float = 0.0
    lines: int = 0
    preprocessed: int = 0
    other: int = 0
    rounded: int = 0
    rounding: float | None = None


def _same_numbers(name: str, wanted: Mapping[str, float], got: Mapping[str, float], allowed: float) -> None:
    """Raises ExportError where two metrics differ by more than `allowed`, the share of results that rounding changed."""
    for key, value in wanted.items():
        if not (abs(value - got[key]) <= CHECKED_METRICS + allowed or (np.isnan(value) and np.isnan(got[key]))):
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
