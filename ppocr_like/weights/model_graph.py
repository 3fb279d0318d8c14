"""The trained layers of a PyTorch network as a graph, in the form of `onnx_graph.Layer`, found by running it once.

The gradient's graph of one small picture tells which parameters each step reads and which results it is made of; no
tracing of code is needed, and any network will do.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import nn

from ppocr_like.weights.onnx_graph import INPUT, Layer

LAYER_KINDS: dict[type[nn.Module], str] = {
    nn.ConvTranspose2d: "deconv",
    nn.Conv2d: "conv",
    nn.Linear: "linear",
    nn.BatchNorm2d: "batch_norm",
    nn.LayerNorm: "layer_norm",
}


def model_layers(model: nn.Module, images: torch.Tensor) -> list[Layer]:
    """The layers that `model` in evaluation uses on `images` (N, C, H, W), in the order of their first results.

    Only modules of `LAYER_KINDS` may hold parameters that are used.

    Raises:
        ValueError: another kind of module holds parameters that are used.
    """
    images = images.detach().clone().requires_grad_()
    with torch.enable_grad():
        outputs = model(images)
    steps = _steps([value for value in outputs.values() if value.grad_fn is not None], images)
    return _layers(model, steps)


class _Step:
    """One step of the calculation that reads parameters."""

    def __init__(self, parameters: frozenset[int], reads: frozenset[int]) -> None:
        self.parameters = parameters  # by identity
        self.reads = reads  # numbers of steps


def _steps(outputs: list[torch.Tensor], images: torch.Tensor) -> list[_Step]:
    """Steps that read parameters, each with the nearest such steps before it."""
    steps: list[_Step] = []
    reads: dict[Any, frozenset[int]] = {}  # of a step that depends on the images
    owned: dict[Any, frozenset[int]] = {}  # of a step that depends on parameters alone
    for node in _in_order([output.grad_fn for output in outputs]):
        variable = getattr(node, "variable", None)
        if variable is not None:
            if variable is images:
                reads[node] = frozenset([INPUT])
            else:
                owned[node] = frozenset([id(variable)])
            continue
        before = [child for child, _ in node.next_functions if child is not None]
        sources = [reads[child] for child in before if child in reads]
        mine = frozenset().union(*(owned.get(child, frozenset()) for child in before))
        if not sources:
            owned[node] = mine
        elif mine:
            steps.append(_Step(mine, frozenset().union(*sources)))
            reads[node] = frozenset([len(steps) - 1])
        else:
            reads[node] = frozenset().union(*sources)
    return steps


def _in_order(last: list[Any]) -> list[Any]:
    """All nodes of the gradient's graph, each after those whose results it reads."""
    order, seen, stack = [], set(), [(node, False) for node in last]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
            continue
        if node in seen:
            continue
        seen.add(node)
        stack.append((node, True))
        stack.extend((child, False) for child, _ in node.next_functions if child is not None and child not in seen)
    return order


def _layers(model: nn.Module, steps: list[_Step]) -> list[Layer]:
    """Steps as layers, named after the modules; the steps of one module are one layer (a bias may be a step of its own)."""
    owner = {id(value): name for name, module in model.named_modules() for value in module.parameters(recurse=False)}
    module_of = [_module_of(step, owner) for step in steps]
    numbers: dict[str, int] = {}
    for name in module_of:
        numbers.setdefault(name, len(numbers))
    parents: dict[str, set[int]] = defaultdict(set)
    for name, step in zip(module_of, steps, strict=True):
        of = {INPUT if number == INPUT else numbers[module_of[number]] for number in step.reads}
        parents[name] |= of - {numbers[name]}
    return [_layer(name, model.get_submodule(name), frozenset(parents[name])) for name in numbers]


def _module_of(step: _Step, owner: dict[int, str]) -> str:
    names = {owner[number] for number in step.parameters}
    if len(names) != 1:
        raise ValueError(f"one step reads the parameters of {', '.join(sorted(names))}, which no stored layer does")
    return names.pop()


def _layer(name: str, module: nn.Module, parents: frozenset[int]) -> Layer:
    kind = next((kind for cls, kind in LAYER_KINDS.items() if isinstance(module, cls)), None)
    if kind is None:
        raise ValueError(f"{name} is a {type(module).__name__}, whose form in an ONNX file is not known")
    settings: tuple[Any, ...] = ()
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        settings = (tuple(module.stride), module.groups)
    elif isinstance(module, nn.BatchNorm2d):
        settings = (f"{module.eps:.2g}",)
    keep = ("weight", "bias", "running_mean", "running_var")
    arrays = {key: value for key, value in module.state_dict().items() if key in keep}
    return Layer(kind, arrays, settings, parents, name)
