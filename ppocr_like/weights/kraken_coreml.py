"""kraken's `.mlmodel`: the tensors in a Core ML file, read without coremltools.

Numbers of fields are those of Core ML's `Model.proto` and `NeuralNetwork.proto`; which layer of the file holds which tensor is
kraken's way (`serialize` of its layers).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ppocr_like.outside import LARGE, Malformed, read_file
from ppocr_like.weights.wire import Message

DESCRIPTION, METADATA, USER = 2, 100, 100
NETWORK, LAYERS = 500, 1
NAME, INPUT, OUTPUT = 1, 2, 3
CONVOLUTION, PRODUCT, EMBEDDING, PERMUTE, LSTM, BOTH_WAYS, CUSTOM = 100, 140, 150, 310, 420, 430, 500
_GATES = {"weight_ih_l0": (1, 2, 3, 4), "weight_hh_l0": (20, 21, 22, 23), "bias": (40, 41, 42, 43)}
_PEEPHOLES = {"weight_ip_l0": 60, "weight_fp_l0": 61, "weight_op_l0": 62}

Tensors = dict[str, np.ndarray]


def read_coreml(path: Path) -> tuple[dict[str, str], dict[str, Tensors]]:
    """(what the user's metadata say, flat float32 tensors by the layer's name and then by their own).

    A convolution has `co.weight` and `co.bias`, a linear layer `lin.`, a recurrent layer and a group norm `layer.`.

    Raises:
        Malformed: no Core ML file, or one that holds no neural network.
        OSError: it cannot be read.
    """
    model = Message(memoryview(read_file(path, LARGE)))
    told = {
        entry.text(1): entry.text(2) for entry in model.message(DESCRIPTION).message(METADATA).messages(USER) if entry.text(1)
    }
    if NETWORK not in model:
        raise Malformed("holds no neural network of Core ML")
    layers = model.message(NETWORK).messages(LAYERS)
    found: dict[str, Tensors] = {}
    for layer in layers:
        for name, own in _tensors(layer):
            found.setdefault(name, {}).update(own)
    return told, found


def _tensors(layer: Message) -> Iterator[tuple[str, Tensors]]:
    name = layer.text(NAME)
    if CONVOLUTION in layer:
        held = layer.message(CONVOLUTION)
        yield name.removesuffix("_conv"), {"co.weight": _values(held, 90), "co.bias": _values(held, 91)}
    elif PRODUCT in layer:
        held = layer.message(PRODUCT)
        place = "project_q" if name.endswith("_wave2vec2_lin") else "lin"
        own = {f"{place}.weight": _values(held, 20), f"{place}.bias": _values(held, 21)}
        yield name.removesuffix("_lin").removesuffix("_wave2vec2"), own
    elif EMBEDDING in layer:
        yield name.removesuffix("_wave2vec2_emb"), {"mask_emb.weight": _values(layer.message(EMBEDDING), 20)}
    elif LSTM in layer or BOTH_WAYS in layer:
        cells = (layer.message(LSTM) if LSTM in layer else layer.message(BOTH_WAYS)).messages(20)
        own = {}
        for cell, suffix in zip(cells, ("", "_reverse"), strict=False):
            own |= _cell(cell, suffix)
        yield name.removesuffix("_transposed"), own
    elif CUSTOM in layer:
        values = [part.floats(1) for part in layer.message(CUSTOM).messages(20)]
        if len(values) == 2:
            yield name, {"layer.weight": values[0], "layer.bias": values[1]}


def _cell(cell: Message, suffix: str) -> Tensors:
    """One direction; Core ML adds both biases of a gate up, so the other one is 0."""
    own = {}
    for name, numbers in _GATES.items():
        gates = [_values(cell, number) for number in numbers]
        if not all(len(gate) for gate in gates):
            continue
        joined = np.concatenate(gates)
        if name == "bias":
            own[f"layer.bias_hh_l0{suffix}"] = joined
            own[f"layer.bias_ih_l0{suffix}"] = np.zeros_like(joined)
        else:
            own[f"layer.{name}{suffix}"] = joined
    for name, number in _PEEPHOLES.items():
        if len(values := _values(cell, number)):
            own[f"layer.{name}{suffix}"] = values
    return own


def _values(message: Message, number: int) -> np.ndarray:
    """The numbers of a field of weights: float32, or float16 as float32.

    Raises:
        Malformed: they are quantised.
    """
    held = message.message(number)
    if 2 in held:
        return np.frombuffer(b"".join(held.parts(2)), "<f2").astype(np.float32)
    if 30 in held or 31 in held:
        raise Malformed("holds quantised weights, which are not read: give the weights that they were made of")
    return held.floats(1)
