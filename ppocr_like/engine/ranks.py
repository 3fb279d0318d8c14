"""One process or many: the few collective operations the engine needs, each of them trivial in a single process.

Several processes are started by `torchrun`; the environment then holds RANK, WORLD_SIZE and LOCAL_RANK.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Ranks:
    """This process's place among `world` processes."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0

    @property
    def main(self) -> bool:
        """True in the process that writes files and prints."""
        return self.rank == 0

    def sum(self, *values: float) -> list[float]:
        """Element-wise sums over all ranks, in float64."""
        if self.world == 1:
            return list(values)
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        total = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(total)
        return total.tolist()

    def any(self, flag: bool) -> bool:
        """True on every rank when it is true on one."""
        return bool(flag) if self.world == 1 else self.sum(float(flag))[0] > 0

    def gather(self, value: Any) -> list[Any]:
        """Every rank's plain `value`, in rank order."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value)
        return values

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Adds up the gradients of all ranks in place. A rank whose batch was empty joins with zeros.

        Every rank must hold the same `requires_grad` flags, so that all of them send the same tensors.
        """
        if self.world == 1:
            return
        trained = [p for p in parameters if p.requires_grad]
        for p in trained:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        flat = torch.cat([p.grad.reshape(-1).float() for p in trained if p.grad is not None])
        dist.all_reduce(flat)
        for p, part in zip(trained, flat.split([p.numel() for p in trained]), strict=True):
            p.grad = part.view_as(p).to(p.dtype)

    def share_weights(self, model: torch.nn.Module) -> None:
        """Gives every rank rank 0's parameters and buffers."""
        if self.world > 1:
            for tensor in (*model.parameters(), *model.buffers()):
                dist.broadcast(tensor.data, 0)

    def average_buffers(self, model: torch.nn.Module) -> None:
        """Makes the running statistics of the ranks equal (their mean), before they are used or saved."""
        if self.world > 1:
            for buffer in model.buffers():
                if buffer.is_floating_point():
                    dist.all_reduce(buffer)
                    buffer /= self.world


@contextmanager
def join_ranks(use_gpu: bool) -> Iterator[Ranks]:
    """Reads the launcher's environment and, when it started several processes, joins their group for the block."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Ranks()
        return
    ranks = Ranks(int(os.environ["RANK"]), world, int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if use_gpu and torch.cuda.is_available() else "gloo")
    try:
        yield ranks
    finally:
        dist.destroy_process_group()
