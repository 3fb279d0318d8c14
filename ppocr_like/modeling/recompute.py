"""Blocks that compute their inner results a second time in the backward pass instead of keeping them (activation checkpointing).

After Chen et al. 2016 (arXiv 1604.06174), by torch.utils.checkpoint. Dropout draws the same values in both passes, and the
running statistics of batch norms move once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

Around = Callable[[], AbstractContextManager[Any]]


class Recomputable(nn.Module):
    """Base of the blocks that a network is a chain of: `recompute_blocks` can make them keep their inputs only."""

    _around: Around | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._around is None or not self.training or not torch.is_grad_enabled():
            return super().__call__(*args, **kwargs)
        return checkpoint(super().__call__, *args, use_reentrant=False, context_fn=self._contexts, **kwargs)

    def _contexts(self) -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
        return nullcontext(), self._second_time()

    @contextmanager
    def _second_time(self) -> Iterator[None]:
        assert self._around is not None
        with self._around(), still_statistics(self):
            yield


def recompute_blocks(model: nn.Module, around: Around = nullcontext) -> int:
    """Lets the outermost `Recomputable` blocks of a model recompute in training.

    Args:
        around: gives the context of a second forward pass, beside autocast and random state, which torch restores.

    Returns:
        How many there are.
    """
    if isinstance(model, Recomputable):
        model._around = around
        return 1
    return sum(recompute_blocks(child, around) for child in model.children())


@contextmanager
def still_statistics(module: nn.Module) -> Iterator[None]:
    """Within it batch norms compute as in training, but their running statistics and counters stay."""
    norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    kept = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked = norm.num_batches_tracked.clone()
    try:
        yield
    finally:
        for norm, (momentum, counter) in zip(norms, kept, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, counter
