"""The loss on evaluation sets (`Global.eval_loss`): of each sample on its own, so that batches and ranks do not matter."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from ppocr_like.contracts import entry_name
from ppocr_like.modeling.answers import of_one_sample

logger = logging.getLogger("ppocr_like")

Loss = Callable[..., dict[str, torch.Tensor]]
Values = dict[str, list[float]]  # by the name of `loss` or of a part, a number for each sample
COUNT = "count/"


def needed(model: Any, loss: Loss, batch: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Names of the batch's entries that the model's head reads in training, and of those that the loss reads."""
    model_needs, loss_needs = getattr(model, "needs", ()), getattr(loss, "needs", ())
    return _there(model_needs, batch), _there(loss_needs, batch)


def _there(needs: Sequence[str], batch: Mapping[str, Any]) -> list[str]:
    return [name for need in needs if (name := entry_name(need, batch)) is not None]


def sample_losses(
    loss: Loss, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor], samples: int, into: Values
) -> None:
    """Adds the losses of a batch's samples to `into`, in float32 whatever the network ran in.

    Args:
        outputs: what the network gives in training, (N, ...) each.
        batch: what head and loss read, (N, ...) each.
        samples: N.
    """
    outputs = {name: value.float() if value.is_floating_point() else value for name, value in outputs.items()}
    found = [loss(*of_one_sample(outputs, batch, index)) for index in range(samples)]
    names = list(found[0]) if found else []
    rows = [torch.stack([one[name].detach().to(one["loss"].device, torch.float32).mean() for name in names]) for one in found]
    for row in torch.stack(rows).tolist() if rows else ():  # the batch's only synchronisation with a GPU
        for name, value in zip(names, row, strict=True):
            into.setdefault(name, []).append(value)


def joined(shares: Iterable[Values]) -> Values:
    """Those of all ranks."""
    whole: Values = {}
    for share in shares:
        for name, values in share.items():
            whole.setdefault(name, []).extend(values)
    return whole


def told(values: Values, set_name: str) -> dict[str, float]:
    """`loss` and its parts, means over the samples; `count/...` entries are sums. The order of the samples does not matter.

    Nothing where a sample's loss is not finite, which is said.
    """
    wild = sum(not math.isfinite(value) for value in values.get("loss", []))
    if wild or any(not math.isfinite(value) for entry in values.values() for value in entry):
        logger.warning("%s: the loss of %d samples is not finite, so that none is told; lower the learning rate", set_name, wild)
        return {}
    sums = {name: math.fsum(entry) for name, entry in values.items()}
    return {name: total if name.startswith(COUNT) else total / len(values[name]) for name, total in sums.items()}
