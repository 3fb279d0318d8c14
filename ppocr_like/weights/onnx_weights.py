"""Weights inside an ONNX file, such as those that `rapidocr` runs: found by the graph's structure, put into the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.errors import WeightsError
from ppocr_like.text import graph_direction
from ppocr_like.weights.graph_match import match_layers
from ppocr_like.weights.model_graph import model_layers
from ppocr_like.weights.onnx_graph import Layer, read_layers

SUFFIX = ".onnx"
CHARACTER = "character"  # metadata: the entries joined by newlines, without blank and appended space
CLOSE = 1e-3  # how near the network's outputs must come to the file's, as probabilities
WIDTH, SIDE = 320, 128  # px of the picture to run, where the file leaves them free: of a line, of a page


@dataclass(frozen=True)
class OnnxGraph:
    """What an ONNX file holds beside its tensors.

    Args:
        layers: in topological order.
        shape: (N, C, H, W) of its input, 1 for a free N; a free height or width is chosen.
    """

    layers: tuple[Layer, ...]
    shape: tuple[int, int, int, int]


def read_onnx(path: Path) -> tuple[OnnxGraph, dict[str, torch.Tensor], Charset | None]:
    """The graph, its tensors by the file's names, and the character set of a recogniser that tells it.

    Raises:
        WeightsError: no ONNX file, layers that are not known, or a character set that does not fit the classes.
    """
    layers, shape, metadata = read_layers(path)
    if not layers:
        raise WeightsError(f"{path}: no layer with weights in it")
    _, channels, height, width = shape
    size = (1, channels or 3, height or SIDE, width or (WIDTH if height else SIDE))
    state = {f"{layer.name}.{key}": torch.from_numpy(np.array(v)) for layer in layers for key, v in layer.arrays.items()}
    return OnnxGraph(tuple(layers), size), state, _charset(metadata, layers[-1], path)


def _charset(metadata: Mapping[str, str], last: Layer, path: Path) -> Charset | None:
    text = metadata.get(CHARACTER)
    if text is None:
        return None
    entries, classes = text.split("\n"), int(last.arrays["weight"].shape[0])
    while entries and entries[-1] == "" and len(entries) + 1 > classes:
        entries.pop()
    if classes - len(entries) not in (1, 2):
        raise WeightsError(f"{path}: its metadata names {len(entries)} characters, but its last layer has {classes} classes")
    try:
        return Charset(entries, classes - len(entries) == 2, direction=graph_direction(metadata, entries))
    except ValueError as error:
        raise WeightsError(f"{path}: its metadata: {error}") from error


def state_for(
    graph: OnnxGraph, model: nn.Module, path: Path, classes: int | None
) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The file's tensors by `model`'s names, and the file's name of each.

    Args:
        model: fused (`Architecture.fused: true`); stays as it is.
        classes: of the file, where the model may have others.

    Raises:
        WeightsError: the graph is not the model's.
    """
    training = model.training
    try:
        ours = model_layers(model.eval(), torch.zeros(graph.shape))
    except (ValueError, RuntimeError) as error:
        raise WeightsError(f"{path}: the recipe's network cannot be compared with an ONNX file: {error}") from error
    finally:
        model.train(training)
    told: Any = getattr(model, "class_parameters", dict)
    class_names: dict[str, str] = told()
    pairs = match_layers(graph.layers, _with_classes(ours, class_names, classes), str(path))
    state, names = {}, {}
    for theirs, mine in pairs:
        for key, value in theirs.arrays.items():
            state[f"{mine.name}.{key}"] = torch.from_numpy(np.array(value))
            names[f"{mine.name}.{key}"] = f"{theirs.name}.{key}"
    return state, names


def _with_classes(ours: Sequence[Layer], class_names: Mapping[str, str], classes: int | None) -> list[Layer]:
    """The layers with as many classes as the file's, so that another dictionary does not make them others."""
    if classes is None:
        return list(ours)
    changed = []
    for layer in ours:
        arrays: dict[str, Any] = {}
        for key, value in layer.arrays.items():
            per_class = f"{layer.name}.{key}" in class_names
            arrays[key] = torch.empty((classes, *value.shape[1:]), device="meta") if per_class else value
        changed.append(replace(layer, arrays=arrays))
    return changed


def check_outputs(graph: OnnxGraph, model: nn.Module, path: Path) -> float:
    """Runs the file and the filled network on one picture of noise.

    Returns:
        the largest difference of their outputs.

    Raises:
        WeightsError: it is above `CLOSE`: what lies between the layers (activations, pools) is not the same.
    """
    import onnxruntime

    images = np.random.default_rng(0).uniform(-1, 1, graph.shape).astype(np.float32)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    want = session.run(None, {session.get_inputs()[0].name: images})[0]
    training = model.training
    model.eval()
    device = next(model.parameters()).device
    try:
        with torch.inference_mode():
            outputs = model(torch.from_numpy(images).to(device))
    finally:
        model.train(training)
    found = [value.float().cpu().numpy() for value in outputs.values() if tuple(value.shape) == want.shape]
    difference = min((float(np.abs(value - want).max()) for value in found), default=float("inf"))
    if not difference <= CLOSE:
        raise WeightsError(
            f"{path}: the network with these weights answers otherwise than the file (largest difference {difference:.2g}, "
            f"allowed {CLOSE:g}): its layers fit, but what lies between them does not; give the recipe of the same network"
        )
    return difference
