"""The trained layers of an ONNX file as a graph: which convolution, linear layer or norm reads which others' results.

What lies between the layers (activations, sums, pools, reshapes) is left out. Paddle's exporter writes a bias as a sum of its own
and layer norms as their formula; here each is one layer.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.errors import WeightsError

INPUT = -1  # as a parent: the images
LAYERS = ("Conv", "ConvTranspose", "BatchNormalization", "LayerNormalization", "MatMul", "Gemm")
# Done to a constant they give a constant of the same size: paddle2onnx reshapes a bias before it is added.
_RESHAPING = {"Reshape", "Unsqueeze", "Squeeze", "Flatten", "Transpose", "Identity", "Cast"}
# Of these only the first input carries data; the others say shapes, axes, sizes.
_FIRST_ONLY = {
    "Reshape", "Slice", "Squeeze", "Unsqueeze", "Resize", "Upsample", "ReduceMean", "ReduceSum", "Pad", "Expand", "Tile", "Clip",
    "Transpose", "Split", "Identity", "Cast",
}  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One layer with weights.

    Args:
        kind: "conv", "deconv", "linear", "batch_norm" or "layer_norm".
        arrays: by our parameters' names: `weight`, `bias`, and `running_mean`, `running_var` of a batch norm. Weights of
            linear layers are (out, in).
        settings: strides and groups of a convolution, epsilon of a norm as a text, as far as they are told.
        parents: numbers of the layers whose results it reads, through anything that is no layer; INPUT for the images.
        name: what the file or the model calls it.
    """

    kind: str
    arrays: dict[str, Any]
    settings: tuple[Any, ...]
    parents: frozenset[int]
    name: str

    @property
    def label(self) -> str:
        """Kind, settings and shapes: what two layers must share to be the same."""
        shapes = sorted((name, tuple(int(n) for n in array.shape)) for name, array in self.arrays.items())
        return f"{self.kind} {self.settings} {shapes}"


@dataclass
class _Open:
    """A layer while its bias may still follow."""

    kind: str
    arrays: dict[str, np.ndarray]
    settings: tuple[Any, ...]
    parents: frozenset[int]
    name: str
    output: str = ""


@dataclass
class _Reader:
    """Walks an ONNX graph in its (topological) order."""

    path: Path
    opset: int = 17
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    uses: Counter[str] = field(default_factory=Counter)
    reads: dict[str, frozenset[int]] = field(default_factory=dict)
    layers: list[_Open] = field(default_factory=list)
    open_by_output: dict[str, int] = field(default_factory=dict)

    def walk(self, nodes: Sequence[Any], inputs: Sequence[str]) -> list[Layer]:
        for name in inputs:
            self.reads[name] = frozenset([INPUT])
        self.uses.update(name for node in nodes for name in node.input)
        for node in nodes:
            self._node(node)
        return [Layer(made.kind, made.arrays, made.settings, made.parents, made.name) for made in self.layers]

    def _node(self, node: Any) -> None:
        kind, attributes = node.op_type, _attributes(node)
        if kind == "Constant":
            self.constants[node.output[0]] = attributes["value"]
            return
        data = [name for name in node.input if name and name not in self.constants]
        fixed = [self.constants[name] for name in node.input if name in self.constants]
        if not data and fixed and kind in _RESHAPING:
            self.constants[node.output[0]] = self._reshaped(node)
            return
        if kind == "Shape" or not data:
            self._pass(node, frozenset())
            return
        if kind in ("LSTM", "GRU", "RNN"):
            raise WeightsError(f"{self.path}: holds a layer {kind}, whose weights cannot be taken from an ONNX file")
        if kind in LAYERS and fixed:
            self._layer(node, kind, attributes, data[0], fixed)
        elif len(fixed) == 1 and (added := _added(node, data[0], fixed[0])) is not None and self._bias(node, data[0], added):
            pass
        elif kind == "Mul" and len(fixed) == 1 and fixed[0].ndim == 1 and fixed[0].size > 1:
            self._open(node, "layer_norm", {"weight": fixed[0]}, (), data[0])
        elif kind in _FIRST_ONLY:
            self._pass(node, self._read(node.input[0]))
            if kind in ("Identity", "Cast") and node.input[0] in self.open_by_output:
                self.open_by_output[node.output[0]] = self.open_by_output[node.input[0]]
        else:
            self._pass(node, frozenset().union(*(self._read(name) for name in data)))

    def _read(self, name: str) -> frozenset[int]:
        return self.reads.get(name, frozenset())

    def _pass(self, node: Any, reads: frozenset[int]) -> None:
        for output in node.output:
            self.reads[output] = reads

    def _open(self, node: Any, kind: str, arrays: dict[str, np.ndarray], settings: tuple[Any, ...], source: str) -> None:
        number = len(self.layers)
        self.layers.append(_Open(kind, arrays, settings, self._read(source), node.name or node.output[0]))
        self._pass(node, frozenset([number]))
        self.open_by_output[node.output[0]] = number

    def _layer(self, node: Any, kind: str, attributes: dict[str, Any], source: str, fixed: list[np.ndarray]) -> None:
        if kind == "BatchNormalization":
            names = ("weight", "bias", "running_mean", "running_var")
            arrays = dict(zip(names, fixed, strict=True))
            self._open(node, "batch_norm", arrays, (_epsilon(attributes.get("epsilon", 1e-5)),), source)
            return
        if kind == "LayerNormalization":
            self._open(node, "layer_norm", dict(zip(("weight", "bias"), fixed, strict=False)), (), source)
            return
        if kind in ("MatMul", "Gemm"):
            turned = fixed[0] if attributes.get("transB") else fixed[0].T
            arrays = {"weight": np.ascontiguousarray(turned)}
        else:
            arrays = {"weight": fixed[0]}
        if len(fixed) > 1:
            arrays["bias"] = fixed[1]
        settings: tuple[Any, ...] = ()
        if kind in ("Conv", "ConvTranspose"):
            if set(attributes.get("dilations", [1])) != {1}:
                raise WeightsError(
                    f"{self.path}: {node.name or node.output[0]} is a dilated convolution, which is not known here"
                )
            settings = (tuple(attributes.get("strides", (1, 1))), int(attributes.get("group", 1)))
        named = {"Conv": "conv", "ConvTranspose": "deconv", "MatMul": "linear", "Gemm": "linear"}
        self._open(node, named[kind], arrays, settings, source)

    def _reshaped(self, node: Any) -> np.ndarray:
        """A constant in another shape."""
        from onnx.reference import ReferenceEvaluator

        given = {name: self.constants[name] for name in node.input if name}
        try:
            (result,) = ReferenceEvaluator(node, opsets={"": self.opset}).run(None, given)
        except (ValueError, TypeError, IndexError, KeyError, RuntimeError, NotImplementedError) as error:
            name = f"{node.name or node.output[0]} ({node.op_type})"
            raise WeightsError(f"{self.path}: {name} cannot be computed: {error}") from error
        return np.asarray(result)

    def _bias(self, node: Any, source: str, value: np.ndarray) -> bool:
        """Takes a sum with a constant as the bias of the layer before it; False where it is none: another shape, along another
        axis than the layer's outputs, or a layer whose result without it is read, too."""
        number = self.open_by_output.get(source)
        if number is None or "bias" in self.layers[number].arrays or self.uses[source] > 1:
            return False
        made = self.layers[number]
        weight = made.arrays["weight"]
        outputs = weight.shape[1] * made.settings[1] if made.kind == "deconv" else weight.shape[0]
        axis = weight.ndim - 1 if made.kind in ("conv", "deconv") else 1  # of the outputs, from the last
        shape = (1,) * (axis - value.ndim) + value.shape
        if value.size != outputs or shape[-axis] != outputs:
            return False
        made.arrays["bias"] = value.reshape(-1)
        self._pass(node, frozenset([number]))
        return True


def read_layers(path: Path) -> tuple[list[Layer], tuple[int, int, int, int], dict[str, str]]:
    """The layers of an ONNX file in topological order, its input's sizes (0: free), and the file's metadata.

    Raises:
        WeightsError: no ONNX file, or one whose weights lie in other files.
    """
    import onnx  # heavy, and only needed here
    from onnx import numpy_helper

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf's own classes, which differ between its versions
        raise WeightsError(f"{path}: cannot be read as ONNX ({error}); copy it again") from error
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 17)
    reader = _Reader(path, opset)
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise WeightsError(f"{path}: its weights lie in another file; give an ONNX file that holds them itself")
        try:
            reader.constants[tensor.name] = numpy_helper.to_array(tensor)
        except (ValueError, TypeError, KeyError) as error:
            raise WeightsError(f"{path}: its tensor {tensor.name[:80]} is damaged ({error}); copy it again") from error
    inputs = [entry for entry in model.graph.input if entry.name not in reader.constants]
    sizes = [int(d.dim_value) for entry in inputs for d in entry.type.tensor_type.shape.dim]
    if len(inputs) != 1 or len(sizes) != 4:
        raise WeightsError(
            f"{path}: one input of images (N, C, H, W) is needed, found {', '.join(e.name for e in inputs) or 'none'}"
        )
    layers = reader.walk(model.graph.node, [inputs[0].name])
    return layers, (sizes[0], sizes[1], sizes[2], sizes[3]), {entry.key: entry.value for entry in model.metadata_props}


def digest(*parts: object) -> str:
    """A short name for what is equal when its parts are."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:24]


def _added(node: Any, source: str, constant: np.ndarray) -> np.ndarray | None:
    """What a node adds to `source`; None for one that does something else."""
    if node.op_type == "Add":
        return constant
    return -constant if node.op_type == "Sub" and node.input[0] == source else None


def _epsilon(value: float) -> str:
    return f"{value:.2g}"


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper, numpy_helper

    found = {}
    for attribute in node.attribute:
        value = helper.get_attribute_value(attribute)
        found[attribute.name] = numpy_helper.to_array(value) if hasattr(value, "raw_data") else value
    return found
