"""Lines of text from images: pre-processing, network, decoding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ppocr_like.contracts import TextLine
from ppocr_like.errors import DataError
from ppocr_like.pipeline.onnx_backend import OnnxBackend
from ppocr_like.pipeline.preprocess import Prepared, Preprocess, spec_builder
from ppocr_like.pipeline.spec import Spec, read_spec

Source = str | Path | np.ndarray
WINDOW = 128  # images held at a time; their order within it is changed, so that equal widths share a batch


class Backend(Protocol):
    """A network: (N, C, H, W) float32 -> outputs by name, probabilities."""

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]: ...


@dataclass(frozen=True, eq=False)
class Reading:
    """What became of one image.

    Args:
        source: what was given.
        line: the text; None when the image could not be read, and then `error` says why.
        prepared: decoded picture and network input.
    """

    source: Source
    line: TextLine | None = None
    prepared: Prepared | None = None
    error: str = ""

    def places(self) -> list[float]:
        """For each character its x in px of the source image (the middle of the output step it was read at)."""
        if self.line is None or self.prepared is None or not self.line.steps:
            return []
        width = self.prepared.picture.shape[1]
        scale = width / (self.line.steps * self.prepared.valid_ratio)
        return [min((column + 0.5) * scale, float(width)) for column in self.line.columns]


class Recogniser:
    """Recognises line images.

    Lines are batched with others of the same canvas width only: a text depends on its own image, not on what else is asked.

    Args:
        bundle: folder that the export wrote (`model.onnx`, `inference.yml`).
        batch_size: lines per call of the network.
        threads: of ONNX Runtime; None lets it choose.

    Raises:
        WeightsError: no bundle, or a damaged one.
    """

    def __init__(self, bundle: str | Path, *, batch_size: int = 16, threads: int | None = None) -> None:
        spec = read_spec(bundle)
        self._set_up(spec, OnnxBackend(Path(bundle), spec, threads), batch_size)

    @classmethod
    def with_backend(cls, spec: Spec, backend: Backend, *, batch_size: int = 16) -> Recogniser:
        """A recogniser on any network, e.g. `torch_backend.TorchBackend`."""
        self = cls.__new__(cls)
        self._set_up(spec, backend, batch_size)
        return self

    def _set_up(self, spec: Spec, backend: Backend, batch_size: int) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size {batch_size}; it must be 1 or more")
        self.spec, self.backend, self.batch_size = spec, backend, batch_size
        self.preprocess = Preprocess(spec)
        self.postprocess: Any = spec_builder(spec).postprocess()

    def __call__(self, images: Sequence[Source]) -> list[TextLine]:
        """Texts in the order of the images (paths, or BGR uint8 arrays (H, W, 3)).

        Raises:
            DataError: the first image that cannot be used.
        """
        lines = []
        for reading in self.stream(images):
            if reading.line is None:
                raise DataError(reading.error)
            lines.append(reading.line)
        return lines

    def stream(self, images: Iterable[Source]) -> Iterator[Reading]:
        """The same one by one, in order; an image that cannot be used yields a Reading with `error` and the rest goes on."""
        window: list[Source] = []
        for image in images:
            window.append(image)
            if len(window) == WINDOW:
                yield from self._window(window)
                window = []
        yield from self._window(window)

    def _window(self, sources: list[Source]) -> list[Reading]:
        readings: list[Reading] = []
        for source in sources:
            try:
                readings.append(Reading(source, prepared=self.preprocess(source)))
            except DataError as error:
                readings.append(Reading(source, error=str(error)))
        usable = [i for i, reading in enumerate(readings) if reading.prepared is not None]
        usable.sort(key=lambda i: _shape(readings[i]))
        for _, same in groupby(usable, key=lambda i: _shape(readings[i])):
            members = list(same)
            for start in range(0, len(members), self.batch_size):
                batch = members[start : start + self.batch_size]
                for i, line in zip(batch, self._lines([readings[i] for i in batch]), strict=True):
                    readings[i] = Reading(readings[i].source, line, readings[i].prepared)
        return readings

    def _lines(self, readings: list[Reading]) -> list[TextLine]:
        images = np.stack([reading.prepared.tensor for reading in readings if reading.prepared is not None])
        return self.postprocess(self.backend(images), {})


def _shape(reading: Reading) -> tuple[int, ...]:
    assert reading.prepared is not None
    return reading.prepared.tensor.shape
