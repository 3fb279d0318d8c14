"""kraken's `.mlmodel`: a network's tensors in a Core ML file, written with coremltools (the extra `coreml`).

As kraken's own files it is a place to keep tensors and no network that Core ML could run: each layer that has tensors stands in
it under its name, and the string says what comes before what.
"""

from __future__ import annotations

import importlib.util
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ppocr_like.atomic import atomic_write
from ppocr_like.errors import WeightsError
from ppocr_like.modeling.vgsl.grammar import Spec, Token
from ppocr_like.weights.kraken_file import META, SUFFIX
from ppocr_like.weights.kraken_write import KrakenParts

PACKAGE = "coremltools"
INSTALL = f"{SUFFIX} files are written with the package {PACKAGE}, which is not installed: pip install 'ppocr_like[coreml]'"
SAFETENSORS = "take kraken's safetensors (kraken instead of coreml)"
_VERSION = 2  # of Core ML's format: the first with layers of one's own, which kraken's group norms are
_GATES = ("inputGate", "forgetGate", "blockInput", "outputGate")  # in PyTorch's order
_DOUBLE = 65600  # of Core ML's ArrayFeatureType


def installed() -> bool:
    """Whether coremltools can be imported; it is not imported for that."""
    return importlib.util.find_spec(PACKAGE) is not None


def coreml_misfits(spec: Spec | None) -> list[str]:
    """What kraken 7 cannot read back from a `.mlmodel`, although it runs it.

    Args:
        spec: the network's string; None of another network.
    """
    if spec is None:
        return [f"kraken keeps networks of a VGSL string alone in {SUFFIX}; {SAFETENSORS}"]
    layers = spec.layers
    said = [f"kraken finds no layers of the group at character {token.place} in it" for token in layers if token.within]
    legacy = (leaf for token in layers for leaf in token.leaves() if leaf.kind == "L" and leaf.values["legacy"])
    said += [f"kraken finds no {leaf.text} (character {leaf.place}) in it, a cell without biases" for leaf in legacy]
    return [f"{one}; {SAFETENSORS}" for one in said]


def write_coreml(path: str | Path, parts: KrakenParts) -> None:
    """Writes the file that kraken reads, up to version 6 too, whole or not at all; equal parts give equal files.

    Halves become float32, which is what kraken reads.

    Raises:
        WeightsError: coremltools is not installed, or the network has layers that kraken cannot read from it.
        CheckpointError: it cannot be written; one that was there before is untouched.
    """
    spec = parts.spec
    if (wrong := coreml_misfits(spec)) or spec is None:
        raise WeightsError(f"{path}: {'; '.join(wrong)}")
    model: Any = _messages(path).Model()
    model.specificationVersion = _VERSION
    _describe(model.description, spec, parts)
    output = [spec.output] if spec.output is not None else []
    for token in (*spec.layers, *output):
        own = {name.removeprefix(f"nn.{token.name}."): value for name, value in parts.state.items()}
        held = {name: _array(value) for name, value in own.items() if not name.startswith("nn.")}
        for made in _layers(token, held, model.neuralNetwork.layers.add):
            made.input[:] = made.input or ["input"]
            made.output[:] = made.output or [made.name]
    data = model.SerializeToString(deterministic=True)
    atomic_write(path, lambda file: file.write(data))


def _messages(path: str | Path) -> Any:
    """The classes of Core ML's messages. What coremltools says of packages that it would need for more is not shown."""
    if not installed():
        raise WeightsError(f"{path}: {INSTALL}")
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        from coremltools.proto import Model_pb2
    except ImportError as error:
        raise WeightsError(f"{path}: {PACKAGE} cannot be imported ({error}); install it again") from error
    finally:
        logging.disable(before)
    return Model_pb2


def _describe(description: Any, spec: Spec, parts: KrakenParts) -> None:
    vgsl, codec = spec.told(), json.dumps(parts.codec)
    meta = {**parts.meta, "model_type": "recognition", "vgsl": vgsl, "codec": codec}  # a text, as kraken up to 6 has it
    description.metadata.shortDescription = "kraken model"
    description.metadata.userDefined.update({"vgsl": vgsl, "codec": codec, META: json.dumps(meta)})
    sizes = {
        "input": (spec.batch, spec.channels, spec.height, spec.width),
        "output": (spec.batch, spec.output.number("out") if spec.output else 0, 1, 0),
    }
    for name, place in (("input", description.input), ("output", description.output)):
        feature = place.add()
        feature.name = name
        feature.type.multiArrayType.dataType = _DOUBLE
        feature.type.multiArrayType.shape.extend(sizes[name])


def _layers(token: Token, held: Mapping[str, np.ndarray], add: Any) -> Iterator[Any]:
    """The layers of a token with tensors, made by `add` and filled."""
    if token.kind == "C":
        yield _convolution(token, held, add(name=f"{token.name}_conv"))
    elif token.kind == "O":
        yield _linear(held, add(name=f"{token.name}_lin"))
    elif token.kind == "Gn":
        yield _group_norm(token, held, add(name=token.name))
    elif token.kind == "L":
        name = token.name
        if token.values["axis"] == "y":
            turned = f"{name}_transposed"
            permute = add(name=name, output=[turned])
            permute.permute.axis.extend([0, 1, 3, 2])
            yield permute
            yield _recurrent(token, held, add(name=turned, input=[turned], output=[name]))
        else:
            yield _recurrent(token, held, add(name=name))


def _convolution(token: Token, held: Mapping[str, np.ndarray], layer: Any) -> Any:
    weight, up = held["co.weight"], token.values["transposed"] is not None
    made = layer.convolution
    made.isDeconvolution = up
    made.outputChannels, made.kernelChannels = weight.shape[:2][::-1] if up else weight.shape[:2]
    made.kernelSize.extend(weight.shape[2:])
    made.stride.extend((token.number("sy", 1), token.number("sx", 1)))
    made.dilationFactor.extend((token.number("dy", 1), token.number("dx", 1)))
    made.nGroups = 1
    made.same.SetInParent()
    made.hasBias = True
    _fill(made.weights, weight)
    _fill(made.bias, held["co.bias"])
    return layer


def _linear(held: Mapping[str, np.ndarray], layer: Any) -> Any:
    made, weight = layer.innerProduct, held["lin.weight"]
    made.outputChannels, made.inputChannels = weight.shape
    made.hasBias = True
    _fill(made.weights, weight)
    _fill(made.bias, held["lin.bias"])
    return layer


def _group_norm(token: Token, held: Mapping[str, np.ndarray], layer: Any) -> Any:
    made = layer.custom
    made.className = "groupnorm"
    made.description = "A Group Normalization layer"
    made.parameters["in_channels"].intValue = len(held["layer.weight"])
    made.parameters["num_groups"].intValue = token.number("groups")
    _fill(made.weights.add(), held["layer.weight"])
    _fill(made.weights.add(), held["layer.bias"])
    return layer


def _recurrent(token: Token, held: Mapping[str, np.ndarray], layer: Any) -> Any:
    both = token.values["way"] == "b"
    made = layer.biDirectionalLSTM if both else layer.uniDirectionalLSTM
    made.inputVectorSize, made.outputVectorSize = held["layer.weight_ih_l0"].shape[1], token.number("out")
    functions = made.activationsForwardLSTM if both else made.activations
    for place in (functions, made.activationsBackwardLSTM) if both else (functions,):
        for name in ("sigmoid", "tanh", "tanh"):
            getattr(place.add(), name).SetInParent()
    made.params.sequenceOutput = token.values["last"] is None
    made.params.hasBiasVectors = True
    for suffix in ("", "_reverse") if both else ("",):
        cell = made.weightParams.add() if both else made.weightParams
        bias = held[f"layer.bias_ih_l0{suffix}"] + held[f"layer.bias_hh_l0{suffix}"]
        for kind, values in (
            ("WeightMatrix", held[f"layer.weight_ih_l0{suffix}"]),
            ("RecursionMatrix", held[f"layer.weight_hh_l0{suffix}"]),
            ("BiasVector", bias),
        ):
            for gate, part in zip(_GATES, np.split(values, len(_GATES)), strict=True):
                _fill(getattr(cell, f"{gate}{kind}"), part)
    return layer


def _array(value: torch.Tensor) -> np.ndarray:
    return value.detach().to("cpu", torch.float32).numpy()


def _fill(message: Any, values: np.ndarray) -> None:
    message.floatValue.extend(values.ravel().tolist())
