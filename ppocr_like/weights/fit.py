"""Weights in the names and layouts of a model: Paddle's layout turned, a sub-model of a distillation taken out."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from ppocr_like.errors import WeightsError
from ppocr_like.modeling.paddle_names import transposed
from ppocr_like.weights.files import WeightsFile

LEARNER = "Student"  # of a distillation's sub-models the one that PaddleOCR's recipes are about
BACKBONE = "backbone."
_OF_NETWORK = re.compile(r"^(?:transform|backbone|neck|head)\.")
_OF_SUB_MODEL = re.compile(r"^(?P<sub>[^.]+)\.(?:transform|backbone|neck|head)\.")

logger = logging.getLogger("ppocr_like")


def sub_models(names: Iterable[str]) -> list[str]:
    """Names of a distillation's networks (`Student`, `Teacher`) among parameter names; none for one network."""
    found = {match["sub"]: None for name in names if not _OF_NETWORK.match(name) and (match := _OF_SUB_MODEL.match(name))}
    return list(found)


def fitted(weights: WeightsFile, model: Any) -> tuple[WeightsFile, bool]:
    """The weights as `model` has them: one network of several, full names, our layout; and whether they are of a backbone alone.

    Raises:
        WeightsError: a sub-model that is not there, or several of which none is told.
    """
    own = model.state_dict()
    weights = _sub_model(weights, own)
    alone = _backbone_alone(weights, own)
    if alone:
        state = {BACKBONE + name if BACKBONE + name in own else name: value for name, value in weights.state.items()}
        names = {BACKBONE + name: weights.names.get(name, name) for name in weights.state if BACKBONE + name in own}
        weights = replace(weights, state=state, names={**weights.names, **names})
    if weights.paddle and isinstance(model, nn.Module):
        weights = replace(weights, state=turned(weights.state, model), paddle=False)
    return weights, alone


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


def _sub_model(weights: WeightsFile, own: Mapping[str, Any]) -> WeightsFile:
    there, wanted = sub_models(weights.state), weights.sub_model
    if wanted and wanted not in there:
        told = f"its networks are {', '.join(there)}" if there else "it holds one network alone; remove the key"
        raise WeightsError(f"{weights.path}: Global.pretrained_sub_model asks for {wanted!r}, but {told}")
    if not there or (sub_models(own) and not wanted):
        return weights
    if not wanted:
        if len(there) > 1 and LEARNER not in there:
            raise WeightsError(
                f"{weights.path} holds the networks {', '.join(there)} of a distillation; set Global.pretrained_sub_model to "
                "one of them"
            )
        wanted = LEARNER if LEARNER in there else there[0]
        logger.info("%s holds the networks %s of a distillation: %s is taken", weights.path, ", ".join(there), wanted)
    state = {name.removeprefix(f"{wanted}."): t for name, t in weights.state.items() if name.startswith(f"{wanted}.")}
    names = {name.removeprefix(f"{wanted}."): source for name, source in weights.names.items()}
    return replace(weights, state=state, names=names, sub_model=None)
