"""The network of a bundle on ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from ppocr_like.errors import WeightsError
from ppocr_like.pipeline.spec import Spec

MODEL = "model.onnx"
_ORT_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


class OnnxBackend:
    """`model.onnx` of a bundle on the CPU.

    Args:
        bundle: the folder.
        spec: its `inference.yml`; names the output and counts the classes.
        threads: per operator; None lets ONNX Runtime choose.

    Raises:
        WeightsError: missing or damaged file, or one whose output is not what `inference.yml` says.
    """

    def __init__(self, bundle: Path, spec: Spec, threads: int | None = None) -> None:
        path = bundle / MODEL
        if not path.is_file():
            raise WeightsError(f"{path}: no such file; a bundle has {MODEL} and inference.yml in one folder")
        self.path = path
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except (*_ORT_ERRORS, RuntimeError, ValueError) as error:
            raise WeightsError(
                f"{path}: no usable ONNX model ({str(error).splitlines()[0][:200]}); export the bundle again"
            ) from error
        self.input = self.session.get_inputs()[0].name
        self.output, self.name = spec.output, spec.onnx_names[1]
        outputs = {output.name: output.shape for output in self.session.get_outputs()}
        if self.name not in outputs:
            raise WeightsError(
                f"{path}: gives {', '.join(outputs)}, inference.yml tells of {self.name!r}; the two files are not of one export"
            )
        if spec.charset is not None and outputs[self.name][-1] != spec.charset.num_classes:
            raise WeightsError(
                f"{path}: gives {outputs[self.name][-1]} classes, inference.yml tells of {spec.charset.num_classes}; the two "
                "files are not of one export"
            )

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """(N, C, H, W) float32 -> {"ctc": probabilities (N, T, C)} of a recogniser, {"maps": (N, 1, H, W)} of a detector.

        Raises:
            WeightsError: the graph cannot run an input of this shape.
        """
        try:
            (result,) = self.session.run([self.name], {self.input: images})
        except _ORT_ERRORS as error:
            shape = " x ".join(map(str, images.shape))
            raise WeightsError(f"{self.path}: fails on an input of {shape} ({str(error).splitlines()[0][:200]})") from error
        return {self.output: result}
