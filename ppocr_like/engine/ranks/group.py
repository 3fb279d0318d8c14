"""One process or many: the few collective operations the engine needs, each of them trivial in a single process.

Several processes are started by `torchrun`; the environment then holds RANK, WORLD_SIZE and LOCAL_RANK. Tensors of the model
travel on the device's own backend (NCCL between GPUs, else gloo); plain values always over gloo, so that they never wait for
what a GPU has still to compute.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from ppocr_like.errors import OcrError, PeerError, RankLost

# A process that ended is noticed at once; this long the others wait for one that lives but does not come (a frozen machine).
PATIENCE = timedelta(minutes=30)
_LOST = ("gloo", "NCCL", "onnection", "imed out", "Socket", "store->get")  # in the messages of torch's backends


def main_process() -> bool:
    """Whether this process is the one that prints and writes: the only one, or rank 0 of a launcher's."""
    return os.environ.get("RANK", "0") == "0"


def restarts() -> int:
    """How often the launcher has started the processes again (`torchrun --max-restarts`)."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


@dataclass(frozen=True)
class Ranks:
    """This process's place among `world` processes. `control`: the gloo group of plain values."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    control: Any = None

    @property
    def main(self) -> bool:
        """True in the process that writes files and prints."""
        return self.rank == 0

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Around collective work.

        Raises:
            RankLost: in the place of the backend's own error, when another process is gone.
        """
        try:
            yield
        except RuntimeError as error:
            if self.world == 1 or not any(sign in str(error) for sign in _LOST):
                raise
            raise RankLost(
                f"rank {self.rank} of {self.world} has lost another rank, which ended or can no longer be reached "
                f"({str(error).splitlines()[0][:200]}). Its own message says why, if it had time for one. Continue from the last "
                "checkpoint with -o Global.checkpoints=<run folder>; torchrun --max-restarts=N does it by itself"
            ) from error

    def rows(self, values: Sequence[float]) -> list[list[float]]:
        """Every rank's `values` (as many on each), in rank order, in float64."""
        if self.world == 1:
            return [list(values)]
        table = torch.zeros(self.world, len(values), dtype=torch.float64)
        table[self.rank] = torch.tensor(values, dtype=torch.float64)
        with self.alive():
            dist.all_reduce(table, group=self.control)
        return table.tolist()

    def sum(self, *values: float) -> list[float]:
        """Element-wise sums over all ranks, in float64."""
        if self.world == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64)
        with self.alive():
            dist.all_reduce(total, group=self.control)
        return total.tolist()

    def any(self, flag: bool) -> bool:
        """True on every rank when it is true on one."""
        return bool(flag) if self.world == 1 else self.sum(float(flag))[0] > 0

    def gather(self, value: Any) -> list[Any]:
        """Every rank's plain `value`, in rank order."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        with self.alive():
            dist.all_gather_object(values, value, group=self.control)
        return values

    def share(self, value: Any, source: int = 0) -> Any:
        """The plain `value` of rank `source`, on every rank."""
        if self.world == 1:
            return value
        values = [value if self.rank == source else None]
        with self.alive():
            dist.broadcast_object_list(values, source, group=self.control)
        return values[0]

    @contextmanager
    def together(self) -> Iterator[None]:
        """Around work without collective operations that may fail on some ranks only: then it fails on all.

        Raises:
            OcrError: on the first rank that failed, its own.
            PeerError: on the others, which say nothing.
        """
        error: OcrError | None = None
        try:
            yield
        except OcrError as caught:
            error = caught
        messages = self.gather(None if error is None else str(error))
        told = [rank for rank, message in enumerate(messages) if message is not None]
        if error is not None and (told[0] == self.rank):
            raise error
        if told:
            raise PeerError(f"rank {told[0]} stopped: {messages[told[0]]}") from error

    def said_once(self, error: OcrError) -> OcrError:
        """The error to raise when every rank meets the same one: on rank 0 it is told, on the others a PeerError stays silent."""
        return error if self.main else PeerError(str(error))

    def share_weights(self, model: torch.nn.Module) -> None:
        """Gives every rank rank 0's parameters and buffers."""
        if self.world > 1:
            with self.alive():
                for tensor in (*model.parameters(), *model.buffers()):
                    dist.broadcast(tensor.data, 0)

    def average_statistics(self, model: torch.nn.Module) -> None:
        """Makes the running statistics of batch norms equal on all ranks (their mean).

        Those of synchronised batch norms are equal already.
        """
        if self.world == 1:
            return
        kept = [
            buffer
            for module in model.modules()
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and getattr(module, "sync", None) is None
            for buffer in (module.running_mean, module.running_var)
            if buffer is not None
        ]
        if not kept:
            return
        flat = torch.cat([buffer.reshape(-1).double() for buffer in kept])  # the mean of equal numbers is then the number
        with self.alive():
            dist.all_reduce(flat)
        flat /= self.world
        parts = flat.split([buffer.numel() for buffer in kept])
        torch._foreach_copy_(kept, [part.view_as(buffer) for part, buffer in zip(parts, kept, strict=True)])


@contextmanager
def join_ranks(use_gpu: bool) -> Iterator[Ranks]:
    """Reads the launcher's environment and, when it started several processes, joins their group for the block."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Ranks()
        return
    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    backend = "nccl" if use_gpu and torch.cuda.is_available() else "gloo"
    with Ranks(rank, world, local).alive():
        # The launcher's store outlives a restart: without a name of its own, a new process could find the address of a dead one.
        store = dist.PrefixStore(f"start {restarts()}", next(rendezvous("env://", rank, world, timeout=PATIENCE))[0])
        dist.init_process_group(backend, store=store, rank=rank, world_size=world, timeout=PATIENCE)
        control = dist.new_group(backend="gloo", timeout=PATIENCE)
    try:
        yield Ranks(rank, world, local, control)
    finally:
        dist.destroy_process_group()
