"""Steps whose maths spans the ranks: a sample for those that have none, and a loss over the samples of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist

from ppocr_like.engine.ranks.group import Ranks

Batch = dict[str, Any]


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
            dist.all_gather(received, sent)
        return torch.cat([rows[:count] for rows, count in zip(received, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return grads[0][ctx.own], None, None
