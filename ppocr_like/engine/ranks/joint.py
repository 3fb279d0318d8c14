"""Steps over the ranks: each batch's share in them, a sample for ranks that have none, and a loss over the samples of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.distributed as dist

from ppocr_like.engine.ranks.group import Ranks
from ppocr_like.modeling.sync_norm import NormSync

Batch = dict[str, Any]
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Joint:
    """How far the maths of a step spans the ranks.

    Args:
        sync: lets batch norms take the statistics of all ranks; None: each rank takes its own.
        loss: the loss is taken over the samples of all ranks as if they were one batch (`Global.loss_over_ranks`).
    """

    ranks: Ranks
    sync: NormSync | None = None
    loss: bool = False

    @property
    def waits(self) -> bool:
        """Whether ranks wait for each other within forward and backward passes, so that each of them must take part."""
        return self.sync is not None or self.loss

    def share(self, counts: Sequence[int], total: int) -> Share:
        """Of a batch with so many samples on each rank, in a step of `total` samples."""
        return Share(self, tuple(counts), total)


@dataclass(frozen=True)
class Share:
    """A batch's share in a step: how much its loss counts, and what this rank does when it has no sample in it.

    Args:
        counts: samples of every rank in the batch.
        total: samples of the step, over all batches and ranks.
    """

    joint: Joint
    counts: tuple[int, ...]
    total: int

    @property
    def own(self) -> int:
        """This rank's samples."""
        return self.counts[self.joint.ranks.rank]

    @property
    def computed(self) -> bool:
        """Whether this rank computes anything: of a batch without samples it does so only where others would wait for it."""
        return bool(sum(self.counts) if self.joint.waits else self.own)

    @property
    def stands_in(self) -> bool:
        """Whether what this rank computes is thrown away: its batch is another rank's sample."""
        return self.joint.waits and self.own == 0

    @property
    def weight(self) -> float:
        """By which the loss is multiplied, so that the step's is the mean over its samples."""
        return (sum(self.counts) if self.joint.loss else self.own) / self.total

    def told(self, name: str) -> float:
        """By which a loss is multiplied in the sum that is told of all ranks; `count/...` entries are added up."""
        factor = 1.0 if name.startswith("count/") else self.weight
        silent = not self.joint.ranks.main if self.joint.loss else self.stands_in  # under a common loss all ranks have the same
        return 0.0 if silent else factor

    def muting(self) -> AbstractContextManager[None]:
        """Within it a stand-in is in no statistics of batch norms."""
        return self.joint.sync.muting(self.stands_in) if self.joint.sync is not None else nullcontext()

    def filled(self, batch: Batch, names: Sequence[str]) -> Batch:
        """The batch, or what stands in for one without samples; `names`: its entries that are needed."""
        return stand_in(self.joint.ranks, batch, names, self.counts) if self.joint.waits else batch

    @property
    def over(self) -> Callable[[Tensors], Tensors] | None:
        """Makes of this rank's tensors those of all ranks, where the loss is taken over them."""
        return partial(over_ranks, self.joint.ranks, counts=self.counts) if self.joint.loss else None

    def weighed(self, losses: Tensors, outputs: Tensors) -> torch.Tensor:
        """The loss whose gradients are added up. Those of a stand-in are 0, but the others wait for them."""
        loss = losses["loss"] * self.weight
        if self.stands_in:
            nothing = 0.0 * sum(v.sum() for v in outputs.values() if v.requires_grad)
            return loss + nothing if self.joint.loss else torch.as_tensor(nothing)
        return loss


def stand_in(ranks: Ranks, batch: Batch, names: Sequence[str], counts: Sequence[int]) -> Batch:
    """A batch for each rank where `counts` (samples of every rank) is 0: the first sample of a rank that has some.

    A rank without samples must compute something, or the others would wait for it within their batch norms; with
    `NormSync.muting` and a weight of 0 what it computes adds nothing.

    Args:
        batch: this rank's, on the host. names: its entries that are needed.
    """
    if 0 not in counts:
        return batch
    source = next(rank for rank, count in enumerate(counts) if count)
    first = None
    if ranks.rank == source:
        first = {name: batch[name][:1].clone() for name in names if isinstance(batch.get(name), torch.Tensor)}
        first["info"] = batch["info"][:1]
    borrowed = ranks.share(first, source)
    return {**borrowed, "rejected": batch["rejected"]} if counts[ranks.rank] == 0 else batch


def over_ranks(ranks: Ranks, entries: Mapping[str, Any], counts: Sequence[int]) -> dict[str, Any]:
    """Tensors (N, ...) of every rank as one (sum of `counts`, ...), in rank order; gradients go to this rank's own rows.

    Of a rank whose count is 0 nothing is taken. Where the other sizes differ (logits up to a rank's longest text), zeros are
    added at the end. What is no tensor is left out.
    """
    tensors = {name: value for name, value in entries.items() if isinstance(value, torch.Tensor)}
    sizes = ranks.gather({name: tuple(value.shape[1:]) for name, value in tensors.items()})
    joined = {}
    for name, value in tensors.items():
        shape = [max(size) for size in zip(*(rank[name] for rank in sizes), strict=True)]
        joined[name] = _Rows.apply(_padded(value, shape)[: counts[ranks.rank]], ranks, tuple(counts))
    return joined


def _padded(value: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    short = [wanted - here for wanted, here in zip(shape, value.shape[1:], strict=True)]
    if not any(short):
        return value
    return torch.nn.functional.pad(value, [n for missing in reversed(short) for n in (0, missing)])


class _Rows(torch.autograd.Function):
    """Rows of all ranks below each other. Every rank computes the same from them, so each has the whole gradient of its own."""

    @staticmethod
    def forward(ctx: Any, own: torch.Tensor, ranks: Ranks, counts: tuple[int, ...]) -> torch.Tensor:
        first = sum(counts[: ranks.rank])
        ctx.own = slice(first, first + counts[ranks.rank])
        sent = own.new_zeros(max(counts), *own.shape[1:])  # messages of one size
        sent[: len(own)] = own
        received = [torch.empty_like(sent) for _ in counts]
        with ranks.alive():
            dist.all_gather(received, sent, group=ranks.control if own.device.type == "cpu" else None)  # what is read on the host
        return torch.cat([rows[:count] for rows, count in zip(received, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return grads[0][ctx.own], None, None
