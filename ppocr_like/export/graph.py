"""The ONNX file: one input, probabilities out, what a runner must know in its metadata."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from ppocr_like.errors import ExportError, first_line
from ppocr_like.export.exporter import Layout
from ppocr_like.pipeline.normalise import Affine

OPSET = 17  # the first with LayerNormalization as one operator; ONNX Runtime reads it since 1.12
PRODUCER = "ppocr_like"
LEAST = 1.2e-38  # of a probability whose logarithm is given: float32's smallest with all its bits


class _OneOutput(nn.Module):
    """A model whose result is one tensor, as an ONNX graph needs it, behind a normalisation of its own."""

    def __init__(self, model: nn.Module, layout: Layout, affine: Affine | None) -> None:
        super().__init__()
        self.model = model
        self.output, self.logarithms = layout.key, layout.logarithms
        numbers = () if affine is None else (affine.factor, affine.shift)
        self.affine = nn.ParameterList(torch.tensor(number).reshape(1, -1, 1, 1) for number in numbers)

    def forward(self, images: Tensor) -> Tensor:
        # torch turns this on at the start of every export (2.13 asks a function that it does not call), and would print the whole
        # graph when an operator fails.
        torch._C._jit_set_onnx_log_enabled(False)
        if len(self.affine):
            images = images * self.affine[0] + self.affine[1]
        result: Tensor = self.model(images)[self.output]
        return result.clamp_min(LEAST).log().permute(1, 0, 2) if self.logarithms else result


def write_graph(model: nn.Module, path: Path, layout: Layout, metadata: Mapping[str, str], affine: Affine | None = None) -> None:
    """Traces `model` in evaluation mode (probabilities).

    Args:
        model: images -> dict with `layout.key`.
        path: file to write.
        layout: sizes and names.
        metadata: stands in the file.
        affine: done to the input first.

    Raises:
        ExportError: the network cannot be traced, or a size that must be free became a constant.
    """
    training = model.training
    wrapped = _OneOutput(model, layout, affine).eval()
    given, result = layout.names
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the tracing exporter; the other one needs onnxscript
            # torch about its own recurrent layers, whose sizes are verified here.
            warnings.filterwarnings("ignore", category=torch.jit.TracerWarning, module=r"torch\.nn\.modules\.rnn")
            warnings.filterwarnings("ignore", message="Exporting a model to ONNX with a batch_size other than 1")
            torch.onnx.export(
                wrapped,
                (torch.zeros(layout.sample),),
                str(path),
                dynamo=False,
                opset_version=OPSET,
                input_names=[given],
                output_names=[result],
                dynamic_axes={given: dict(layout.free_in), result: dict(layout.free_out)},
            )
    except (RuntimeError, ValueError, torch.onnx.errors.OnnxExporterError) as error:
        raise ExportError(f"the network cannot be written as ONNX: {first_line(error)}") from error
    finally:
        model.train(training)
    proto = onnx.load(str(path))
    onnx.helper.set_model_props(proto, {**metadata, "producer": PRODUCER})
    _check(proto, layout)
    onnx.save(proto, str(path))


def _check(proto: onnx.ModelProto, layout: Layout) -> None:
    """One input, one output, free sizes, as many classes as there should be."""
    given, result = layout.names
    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"the ONNX graph is not valid: {first_line(error)}") from error
    if len(proto.graph.input) != 1 or [o.name for o in proto.graph.output] != [result]:
        raise ExportError(
            f"the graph has {len(proto.graph.input)} inputs and {len(proto.graph.output)} outputs; one of each is needed"
        )
    sizes = {value.name: value.type.tensor_type.shape.dim for value in (*proto.graph.input, *proto.graph.output)}
    free = [(given, axis, name) for axis, name in layout.free_in.items()]
    free += [(result, axis, name) for axis, name in layout.free_out.items()]
    fixed = sorted({name for tensor, axis, name in free if not sizes[tensor][axis].dim_param})
    if fixed:
        raise ExportError(
            f"{' and '.join(fixed)} became a constant in the graph; the network computes a shape in Python somewhere"
        )
    classes = sizes[result][len(sizes[result]) - 1].dim_value
    if layout.classes is not None and classes != layout.classes:
        raise ExportError(f"the network gives {classes} classes, the character set has {layout.classes}")
