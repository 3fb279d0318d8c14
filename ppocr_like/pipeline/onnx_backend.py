"""The network of a bundle, or of any ONNX file, on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from ppocr_like.data.apart import cores
from ppocr_like.errors import WeightsError
from ppocr_like.pipeline.spec import FILE, Spec
from ppocr_like.tasks import task_of

MODEL = "model.onnx"
SMALL = 4_000_000  # bytes of a file: the arena makes a small detector some 6 % faster, for some 200 MB
_ORT_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


@dataclass(frozen=True, eq=False)
class Graph:
    """An ONNX file, opened.

    Args:
        path: the file.
        session: on the CPU.
        given: sizes of the first input, None where they are free.
        outputs: sizes of each output by its name, in the file's order.
        metadata: what stands in the file beside the network.
    """

    path: Path
    session: onnxruntime.InferenceSession
    given: tuple[int | None, ...]
    outputs: Mapping[str, tuple[int | None, ...]]
    metadata: Mapping[str, str]

    @classmethod
    def open(cls, path: Path, threads: int | None = None, *, arena: bool = True) -> Graph:
        """Opens a file.

        Args:
            path: the file.
            threads: within an operator; None lets ONNX Runtime choose.
            arena: ONNX Runtime keeps what a call used, in pieces that grow with inputs of ever other sizes.

        Raises:
            WeightsError: missing or damaged.
        """
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = arena
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except (*_ORT_ERRORS, RuntimeError, ValueError) as error:
            raise WeightsError(
                f"{path}: no usable ONNX model ({str(error).splitlines()[0][:200]}); export the bundle again"
            ) from error
        outputs = {output.name: _sizes(output.shape) for output in session.get_outputs()}
        metadata = session.get_modelmeta().custom_metadata_map
        return cls(path, session, _sizes(session.get_inputs()[0].shape), outputs, metadata)

    @property
    def sizes(self) -> str:
        """Its input and outputs, for messages."""
        results = ", ".join(f"{name} {_shown(sizes)}" for name, sizes in self.outputs.items())
        return f"takes {_shown(self.given)} and gives {results}"


class OnnxBackend:
    """A graph on the CPU, called as a network is.

    The operators of a detector share the work on a page between threads. Lines are small: there each thread runs lines of its
    own, which wastes less time on waiting and gives the same numbers whatever the number of threads.

    A graph of a fixed batch size gets the images in so many at a time, the last ones with blank ones beside them.

    Args:
        model: a bundle's folder, or an opened graph (of one thread, for lines).
        spec: its `inference.yml`; names the output and counts the classes.
        threads: None: as many as there are processors for this process.

    Raises:
        WeightsError: missing or damaged file, or one whose output is not what `inference.yml` says.
    """

    def __init__(self, model: Path | Graph, spec: Spec, threads: int | None = None) -> None:
        if isinstance(model, Path):
            if not (model / MODEL).is_file():
                raise WeightsError(f"{model / MODEL}: no such file; a bundle has {MODEL} and {FILE} in one folder")
            model = open_for(model / MODEL, spec.model_type, threads)
        self.graph, self.path, self.session, self.spec, self.threads = model, model.path, model.session, spec, threads
        self.input = self.session.get_inputs()[0].name
        self.output, self.name, self.form = spec.output, spec.onnx_names[1], spec.form
        if self.name not in model.outputs:
            raise WeightsError(
                f"{self.path}: gives {', '.join(model.outputs)}, {FILE} tells of {self.name!r}; the two files are not of "
                "one export"
            )
        classes = model.outputs[self.name][-1] if model.outputs[self.name] else None
        if spec.charset is not None and classes is not None and classes != spec.charset.num_classes:
            raise WeightsError(
                f"{self.path}: gives {classes} classes, {FILE} tells of {spec.charset.num_classes}; the two "
                "files are not of one export"
            )
        self.batch = model.given[0] if model.given else None
        self.workers = 1 if task_of(spec.model_type).pages else threads or cores()
        self.pool = ThreadPoolExecutor(self.workers) if self.workers > 1 else None  # its threads start when there is work

    def side_by_side(self) -> OnnxBackend:
        """The same network for calls from several threads at once: each of them works alone. Itself where it works so already.

        Raises:
            WeightsError: the file is gone.
        """
        if within(self.spec.model_type, self.threads) == 1:
            return self
        return OnnxBackend(open_for(self.path, self.spec.model_type, 1), self.spec, self.threads)

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """(N, C, H, W) float32 -> {"ctc": probabilities (N, T, C)} of a recogniser, {"maps": (N, 1, H, W)} of a detector.

        Raises:
            WeightsError: the graph cannot run an input of this shape.
        """
        if self.pool is None or len(images) == 1:
            return self.alone(images)
        parts = list(self.pool.map(self.alone, np.array_split(images, min(self.workers, len(images)))))
        return {self.output: np.concatenate([part[self.output] for part in parts])}

    def alone(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """The same in the thread that calls."""
        if self.batch is None or self.batch == len(images):
            return {self.output: self._run(images)}
        missing = -len(images) % self.batch
        padded = np.concatenate([images, np.zeros((missing, *images.shape[1:]), images.dtype)])
        parts = [self._run(padded[start : start + self.batch]) for start in range(0, len(padded), self.batch)]
        return {self.output: np.concatenate(parts)[: len(images)]}

    def _run(self, images: np.ndarray) -> np.ndarray:
        try:
            (result,) = self.session.run([self.name], {self.input: images})
        except _ORT_ERRORS as error:
            shape = " x ".join(map(str, images.shape))
            raise WeightsError(f"{self.path}: fails on an input of {shape} ({str(error).splitlines()[0][:200]})") from error
        return np.exp(result).transpose(1, 0, 2) if self.form == "ocrs" else result


def open_for(path: Path, model_type: str, threads: int | None) -> Graph:
    """The graph of a model of this kind that may use `threads`.

    Pages have all sizes and several are searched at once: over 200 of them the arenas of PP-OCRv6's detector grew from 1.0 to
    2.2 GB. Lines come on few canvases.

    Raises:
        WeightsError: missing or damaged.
    """
    arena = not task_of(model_type).pages or not path.is_file() or path.stat().st_size < SMALL
    return Graph.open(path, within(model_type, threads), arena=arena)


def within(model_type: str, threads: int | None) -> int | None:
    """Threads within an operator where a model may use `threads`."""
    return threads if task_of(model_type).pages else 1


def _sizes(shape: list[int | str | None] | None) -> tuple[int | None, ...]:
    return tuple(size if isinstance(size, int) and size > 0 else None for size in shape or ())


def _shown(sizes: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("?" if size is None else str(size) for size in sizes) + ")"
