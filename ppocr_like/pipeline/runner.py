"""What the runners of all tasks have in common: images in, batches through a network, one outcome for each image in order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from ppocr_like.errors import DataError, WeightsError
from ppocr_like.pipeline.locate import open_onnx
from ppocr_like.pipeline.preprocess import Prepared, Preprocess, Source, source_name, spec_postprocess
from ppocr_like.pipeline.spec import Spec
from ppocr_like.tasks import RUNNERS, TASKS, part

WINDOW = 128  # images held at a time, at most; their order within it is changed, so that equal sizes share a batch
HELD = 256 << 20  # bytes: nor more than these (one image is always taken)
Result = TypeVar("Result")
Out = TypeVar("Out", bound="Outcome")
Self = TypeVar("Self", bound="Runner")


class Backend(Protocol):
    """A network: (N, C, H, W) float32 -> outputs by name, as in evaluation."""

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]: ...


class Outcome(Protocol):
    """What became of one image; `error` says why there is no result."""

    @property
    def error(self) -> str: ...


class Results(Protocol):
    """How the outcomes of one task are written."""

    files: list[Path]

    def pictures(self, images: Sequence[str]) -> list[str]:
        """Names of the pictures that these images may get."""

    def row(self, outcome: Any) -> str:
        """The line of the text file."""

    def said(self, outcome: Any) -> str:
        """The line for the person who waits."""

    def record(self, outcome: Any) -> dict[str, Any]:
        """The entry of the JSON file; also for an outcome with an error."""

    def draw(self, outcome: Any) -> None:
        """Adds to the pictures. Raises CheckpointError, DataError."""

    def finish(self) -> list[str]:
        """Writes what is left; gives things worth saying. Raises CheckpointError, DataError."""


class Runner(ABC, Generic[Result, Out]):
    """A model with its pre-processing and post-processing.

    Images are batched with others of the same network input only: a result depends on its own image, not on what else is
    asked.

    Args:
        bundle: folder that the export wrote (`model.onnx`, `inference.yml`), or what else `locate.open_onnx` takes.
        batch_size: images per call of the network; None takes the class's own.
        threads: of ONNX Runtime; None lets it choose.

    Raises:
        WeightsError: no bundle, a damaged one, or one of another type.
    """

    what: str
    default_batch: int
    has_maps = False  # whether the outcomes have a `map`, which can be drawn

    def __init__(self, bundle: str | Path, *, batch_size: int | None = None, threads: int | None = None) -> None:
        spec, backend = open_onnx(bundle, threads)
        self._check_type(spec, str(bundle))
        self._set_up(spec, backend, batch_size)

    @classmethod
    def with_backend(cls: type[Self], spec: Spec, backend: Backend, *, batch_size: int | None = None) -> Self:
        """On any network, e.g. `torch_backend.TorchBackend`."""
        self = cls.__new__(cls)
        self._check_type(spec, "the recipe")
        self._set_up(spec, backend, batch_size)
        return self

    def _check_type(self, spec: Spec, source: str) -> None:
        if not isinstance(self, runner_class(spec.model_type)):
            raise WeightsError(f"{source} is of model_type {spec.model_type!r}; a {self.what} is needed here")

    def _set_up(self, spec: Spec, backend: Backend, batch_size: int | None) -> None:
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size {batch_size}; it must be 1 or more")
        self.spec, self.backend, self.batch_size = spec, backend, batch_size or self.default_batch
        self.preprocess = Preprocess(spec)
        self.postprocess: Any = spec_postprocess(spec)

    def __call__(self, images: Sequence[Source]) -> list[Result]:
        """Results in the order of the images (paths, or BGR uint8 arrays (H, W, 3)).

        Raises:
            DataError: the first image that cannot be used.
        """
        results = []
        for outcome in self.stream(images):
            if outcome.error:
                raise DataError(outcome.error)
            results.append(self._result(outcome))
        return results

    def stream(self, images: Iterable[Source]) -> Iterator[Out]:
        """The same one by one, in order; an image that cannot be used yields an outcome with `error` and the rest goes on."""
        window: list[tuple[Source, Prepared | str]] = []
        held = 0
        for image in images:
            try:
                prepared = self.preprocess(image)
                window.append((image, prepared))
                held += prepared.held
            except DataError as error:
                window.append((image, str(error)))
            if len(window) >= WINDOW or held >= HELD:
                yield from self._window(window)
                window, held = [], 0
        yield from self._window(window)

    def _window(self, window: list[tuple[Source, Prepared | str]]) -> Iterator[Out]:
        inputs = {i: prepared for i, (_, prepared) in enumerate(window) if isinstance(prepared, Prepared)}
        found: dict[int, Out] = {}
        batches = self._batches({i: prepared.tensor.shape for i, prepared in inputs.items()})

        def run(batch: list[int]) -> list[Out]:
            sources = [window[i][0] for i in batch]
            try:
                return self._batch(sources, [inputs[i] for i in batch])
            except WeightsError as error:  # a size that the network cannot take; another image may be of another size
                return [self._failed(source, f"{source_name(source)}: {error}") for source in sources]

        pool = getattr(self.backend, "pool", None)
        for batch, outcomes in zip(batches, (pool.map if pool else map)(run, batches), strict=True):
            found.update(zip(batch, outcomes, strict=True))
        for i, (source, prepared) in enumerate(window):
            yield found[i] if i in found else self._failed(source, str(prepared))

    def _batches(self, shapes: dict[int, tuple[int, ...]]) -> list[list[int]]:
        """Images of one shape each, the largest first: the threads of a backend that has some come to an end together."""
        workers = getattr(self.backend, "workers", 1)
        batches = []
        order = sorted(shapes, key=lambda i: shapes[i], reverse=True)
        for _, same in groupby(order, key=lambda i: shapes[i]):
            members = list(same)
            size = min(self.batch_size, -(-len(members) // workers))
            batches += [members[start : start + size] for start in range(0, len(members), size)]
        return batches

    def outputs(self, prepared: Sequence[Prepared]) -> dict[str, np.ndarray]:
        """The network's answer to images of one size, in the thread that calls."""
        network = getattr(self.backend, "alone", self.backend)
        return network(np.stack([one.tensor for one in prepared]))

    @abstractmethod
    def results(self, folder: Path, font: str | Path | None, max_pages: int | None, heat_map: bool) -> Results:
        """What writes the outcomes.

        Args:
            folder: for the pictures.
            font: font file for the pictures; None finds one.
            max_pages: most pictures; 0 for none, None for all.
            heat_map: draw the maps, too; only where there are maps.

        Raises:
            DataError: `font` is no font.
        """

    @abstractmethod
    def _batch(self, sources: list[Source], prepared: list[Prepared]) -> list[Out]:
        """Outcomes of images whose tensors have one shape."""

    @abstractmethod
    def _failed(self, source: Source, error: str) -> Out: ...

    @abstractmethod
    def _result(self, outcome: Out) -> Result: ...


def runner_class(model_type: str) -> type[Runner[Any, Any]]:
    """What runs the networks of a task; its file is imported when it is asked for.

    Raises:
        WeightsError: a task that cannot be run here.
    """
    found: type[Runner[Any, Any]] | None = part(RUNNERS, model_type, "ppocr_like.pipeline")
    if found is None:
        others = ", ".join(name for name in TASKS if name != model_type)
        raise WeightsError(f"model_type {model_type!r} cannot be run here; known: {others}")
    return found


def runner(spec: Spec, backend: Backend, batch_size: int | None = None) -> Runner[Any, Any]:
    """The model of a Spec, on a network.

    Raises:
        WeightsError: see `runner_class`.
    """
    return runner_class(spec.model_type).with_backend(spec, backend, batch_size=batch_size)
