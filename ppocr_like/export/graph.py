"""The ONNX file: one input, probabilities out, what a runner must know in its metadata."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from ppocr_like.charset import Charset
from ppocr_like.errors import ExportError, first_line
from ppocr_like.pipeline.normalise import Affine

OPSET = 17  # the first with LayerNormalization as one operator; ONNX Runtime reads it since 1.12
CHARACTER = "character"  # metadata key that RapidOCR reads
PRODUCER = "ppocr_like"
LEAST = 1.2e-38  # of a probability whose logarithm is given: float32's smallest with all its bits


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


def line_layout(
    charset: Charset,
    channels: int,
    height: int,
    key: str = "ctc",
    names: tuple[str, str] = ("x", "ctc"),
    *,
    width: int | None = None,
    free_steps: bool = True,
    logarithms: bool = False,
) -> Layout:
    """A recogniser's: (N, C, H, W) -> (N, T, classes), N free; W and T, too, unless the network has a `width` of its own or
    makes as many steps of every width. `logarithms`: (T, N, classes) instead. 328 px is no multiple of any layer's stride."""
    sample = (2, channels, height, 328 if width is None else width)
    free_in = {0: "batch"} if width is not None else {0: "batch", 3: "width"}
    batch, steps = (1, 0) if logarithms else (0, 1)
    free_out = {batch: "batch", steps: "steps"} if free_steps and width is None else {batch: "batch"}
    return Layout(key, names, sample, free_in, free_out, charset.num_classes, logarithms)


def page_layout(channels: int, key: str = "maps", names: tuple[str, str] = ("x", "maps")) -> Layout:
    """A detector's: (N, C, H, W) -> (N, 1, H, W), all but the channels free; H and W are multiples of 32."""
    free = {0: "batch", 2: "height", 3: "width"}
    return Layout(key, names, (2, channels, 96, 160), free, free)


def class_layout(
    channels: int, height: int, width: int, classes: int, key: str = "cls", names: tuple[str, str] = ("x", "cls")
) -> Layout:
    """A classifier's: (N, C, H, W) -> (N, classes), N free."""
    return Layout(key, names, (2, channels, height, width), {0: "batch"}, {0: "batch"}, classes)


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
