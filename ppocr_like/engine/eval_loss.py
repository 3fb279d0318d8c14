"""The loss on evaluation sets (`Global.eval_loss`): of each sample on its own, so that batches and ranks do not matter."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence

import torch

logger = logging.getLogger("ppocr_like")

Values = dict[str, list[float]]  # by the name of `loss` or of a part, a number for each sample
COUNT = "count/"


def add_losses(samples: Sequence[Mapping[str, torch.Tensor]], into: Values) -> None:
    """Adds the losses of a batch's samples, with those entries that the first one has."""
    names = list(samples[0]) if samples else []
    rows = [torch.stack([one[name].detach().to(one["loss"].device, torch.float32).mean() for name in names]) for one in samples]
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
