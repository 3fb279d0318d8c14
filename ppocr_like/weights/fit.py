"""Weights in the names and layouts of a model: other names taken as ours, Paddle's layout turned, ONNX layers found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from ppocr_like.modeling.paddle_names import transposed
from ppocr_like.weights.files import WeightsFile
from ppocr_like.weights.naming import renamed
from ppocr_like.weights.onnx_weights import state_for

BACKBONE = "backbone."
_OF_NETWORK = re.compile(r"^(?:transform|backbone|neck|head)\.")


@dataclass(frozen=True)
class Fitted:
    """Weights as a model has them.

    Args:
        weights: full names, our layout.
        alone: they are of a backbone alone.
        notes: what was taken as what.
    """

    weights: WeightsFile
    alone: bool = False
    notes: tuple[str, ...] = ()


def fitted(weights: WeightsFile, model: Any) -> Fitted:
    """The weights as `model` has them.

    Raises:
        WeightsError: an ONNX graph that is not the model's.
    """
    if weights.graph is not None:
        classes = weights.charset.num_classes if weights.charset is not None else None
        state, names = state_for(weights.graph, model, weights.path, classes)
        return Fitted(replace(weights, state=state, names=names, graph=None))
    own = model.state_dict()
    others, note = renamed(weights.state, own)
    alone = not others and _backbone_alone(weights, own)
    if alone:
        others = {name: BACKBONE + name for name in weights.state if BACKBONE + name in own}
    if others:
        state = {others.get(name, name): value for name, value in weights.state.items()}
        names = {others.get(name, name): theirs for name, theirs in weights.names.items()}
        names = {**names, **{ours: weights.names.get(name, name) for name, ours in others.items()}}
        weights = replace(weights, state=state, names=names)
    module = getattr(model, "module", model)
    if weights.paddle and isinstance(module, nn.Module):
        weights = replace(weights, state=turned(weights.state, module), paddle=False)
    return Fitted(weights, alone, (note,) if note else ())


def turned(state: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """A state with its linear weights turned, from Paddle's (in, out) to (out, in) or back."""
    linear = transposed(model)
    return {name: t.t().contiguous() if name in linear and t.dim() == 2 else t for name, t in state.items()}


def _backbone_alone(weights: WeightsFile, own: Mapping[str, Any]) -> bool:
    """Whether the file is of a backbone alone (trained on ImageNet): its names and shapes are those of the model's backbone,
    without a part's name before them."""
    names = [name for name in weights.state if not name.endswith("num_batches_tracked")]
    if any(_OF_NETWORK.match(name) for name in names) or any(name in own for name in names):
        return False
    return any(BACKBONE + name in own for name in names)
