"""The ONNX file: one input, probabilities out, the character set in its metadata."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from ppocr_like.charset import Charset
from ppocr_like.errors import ExportError

OPSET = 17  # the first with LayerNormalization as one operator; ONNX Runtime reads it since 1.12
INPUT = "x"  # PP-OCR's name; RapidOCR feeds the first input whatever its name
CHARACTER = "character"  # metadata key that RapidOCR reads


class _OneOutput(nn.Module):
    """A model whose result is one tensor, as an ONNX graph needs it."""

    def __init__(self, model: nn.Module, output: str) -> None:
        super().__init__()
        self.model = model
        self.output = output

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images)[self.output]


def character_metadata(charset: Charset) -> str:
    """The dictionary as RapidOCR reads it: entries joined by newlines, without blank and appended space (it adds both).

    Raises:
        ExportError: an entry that `splitlines` would cut, so that every later class would stand for another character; or
            an empty one at the end.
    """
    entries = list(charset.entries)
    text = "\n".join(entries)
    if text.splitlines() == entries:
        return text
    for number, entry in enumerate(entries, 1):
        if entry.splitlines() not in ([entry], []) or (entry and not entry.splitlines()[0]):
            codes = " ".join(f"U+{ord(c):04X}" for c in entry)
            raise ExportError(
                f"entry {number} of the dictionary, {entry!r} ({codes}), is a line break to the programs that read the bundle: "
                "every character after it would be read as another one. Take it out of the dictionary "
                "(Global.charset_resize: new keeps the rows of all others) and fine-tune"
            )
    raise ExportError("the last entry of the dictionary is empty; take it out of the dictionary file")


def write_graph(model: nn.Module, path: Path, charset: Charset, *, channels: int, height: int, output: str) -> None:
    """Traces `model` in evaluation mode (probabilities) with free batch size and width.

    Args:
        model: images (N, channels, height, W) -> dict with `output` (N, T, classes).
        path: file to write.
        charset: goes into the metadata.
        channels, height: fixed sizes of the input, px.
        output: key of the model's result; the graph's first and only output.

    Raises:
        ExportError: the dictionary cannot be carried, or the network cannot be traced.
    """
    character = character_metadata(charset)
    training = model.training
    wrapped = _OneOutput(model, output).eval()
    sample = torch.zeros(2, channels, height, 328)  # a width that no layer's stride suggests to be constant
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the tracing exporter; the other one needs onnxscript
            torch.onnx.export(
                wrapped,
                (sample,),
                str(path),
                dynamo=False,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=[output],
                dynamic_axes={INPUT: {0: "batch", 3: "width"}, output: {0: "batch", 1: "steps"}},
            )
    except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
        raise ExportError(f"the network cannot be written as ONNX: {str(error).splitlines()[0]}") from error
    finally:
        model.train(training)
    proto = onnx.load(str(path))
    onnx.helper.set_model_props(proto, {CHARACTER: character, "producer": "ppocr_like"})
    _check(proto, output, charset)
    onnx.save(proto, str(path))


def _check(proto: onnx.ModelProto, output: str, charset: Charset) -> None:
    """One input with free batch and width, one output of the charset's classes."""
    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"the ONNX graph is not valid: {str(error).splitlines()[0]}") from error
    if len(proto.graph.input) != 1 or [o.name for o in proto.graph.output] != [output]:
        raise ExportError(
            f"the graph has {len(proto.graph.input)} inputs and {len(proto.graph.output)} outputs; one of each is needed"
        )
    sizes = {value.name: value.type.tensor_type.shape.dim for value in (*proto.graph.input, *proto.graph.output)}
    free = [bool(sizes[INPUT][axis].dim_param) for axis in (0, 3)] + [bool(sizes[output][axis].dim_param) for axis in (0, 1)]
    if not all(free):
        raise ExportError("batch size or width became a constant in the graph; the network computes a shape in Python somewhere")
    classes = sizes[output][2].dim_value
    if classes != charset.num_classes:
        raise ExportError(f"the network gives {classes} classes, the character set has {charset.num_classes}")
