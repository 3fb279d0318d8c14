"""Gradients summed over the ranks, bucket by bucket, while the backward pass is still at work on the earlier layers.

Why not torch's DistributedDataParallel (tried with torch 2.13): it prepares its sum in the forward pass, and a rank whose batch
lost all its samples has none to make. Left out, that rank joins the sum of its own next step, so that gradients of two different
steps are added without a word; `join` shadows the sums of ranks whose data are at an end, and adds the same wrong pairs when a
batch is missing in the middle. A batch of 0 samples works only where no batch norm is in the way. Freezing by samples
(`Optimizer.freeze`) changes `requires_grad` between steps, which it takes for an unfinished step and stops. And its mean over the
ranks would have to be undone, for ours weighs every rank by its samples.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist

from ppocr_like.engine.ranks.group import Ranks

BUCKET_BYTES = 25 << 20  # as torch's DistributedDataParallel: fewer messages against an earlier start
FIRST_BYTES = 1 << 20


class _Bucket:
    """Parameters whose gradients travel in one message, each in the memory layout of its parameter.

    The message ends with one mark per parameter: how many ranks have a gradient for it.
    """

    def __init__(self, parameters: list[torch.nn.Parameter]) -> None:
        self.parameters = parameters
        sizes = [p.numel() for p in parameters]
        self.flat = torch.zeros(sum(sizes) + len(parameters), dtype=parameters[0].dtype, device=parameters[0].device)
        *parts, self.marks = self.flat.split([*sizes, len(parameters)])
        self.views = [_laid_out(part, p) for part, p in zip(parts, parameters, strict=True)]
        self.missing = len(parameters)  # gradients that the backward pass has not given yet
        self.work: Any = None

    def launch(self) -> None:
        """Sends what there is."""
        pairs = [(view, p.grad) for view, p in zip(self.views, self.parameters, strict=True)]
        if all(gradient is not None for _, gradient in pairs):
            self.marks.fill_(1.0)
        else:
            self.flat.zero_()
            self.marks.copy_(torch.tensor([float(gradient is not None) for _, gradient in pairs]))
        given = [(view, gradient) for view, gradient in pairs if gradient is not None]
        if given:
            torch._foreach_copy_([view for view, _ in given], [gradient for _, gradient in given])
        self.work = dist.all_reduce(self.flat, async_op=True)

    def receive(self) -> None:
        """Puts the sums in the gradients' place. A parameter that no rank used keeps none, as in one process."""
        self.work.wait()
        self.work = None
        used = [True] * len(self.parameters)
        if any(p.grad is None for p in self.parameters):
            used = (self.marks > 0).tolist()
        for p, view, wanted in zip(self.parameters, self.views, used, strict=True):
            p.grad = view if wanted else None
        self.missing = len(self.parameters)


class GradientSum:
    """Adds up the ranks' gradients.

    `arm` before the last backward pass of a step, `finish` after it. Buckets are sent in one order on every rank, so a rank
    whose batch was empty, or which did not use a parameter, joins in `finish` with zeros: PaddleOCR's
    `find_unused_parameters` has nothing to find.

    Every rank must hold the same `requires_grad` flags.
    """

    def __init__(self, ranks: Ranks, parameters: Iterable[torch.nn.Parameter]) -> None:
        self._ranks = ranks
        self._parameters = list(dict.fromkeys(parameters)) if ranks.world > 1 else []
        self._flags: list[bool] = []
        self._buckets: list[_Bucket] = []
        self._place: dict[int, _Bucket] = {}
        self._sent = 0
        self._armed = False
        for parameter in self._parameters:
            if parameter.requires_grad:
                parameter.register_post_accumulate_grad_hook(self._ready)

    def arm(self) -> None:
        """From now on gradients are final as soon as they come."""
        if self._parameters:
            self._prepare()
            self._armed = True

    def finish(self) -> None:
        """Sends what has not been sent, and waits: every gradient is then the sum over the ranks.

        Raises:
            RankLost: another process is gone.
        """
        if not self._parameters:
            return
        self._prepare()
        self._armed = False
        with self._ranks.alive():
            for bucket in self._buckets[self._sent :]:
                bucket.launch()
            for bucket in self._buckets:
                bucket.receive()
        self._sent = 0

    def _ready(self, parameter: torch.nn.Parameter) -> None:
        if not self._armed:
            return
        bucket = self._place[id(parameter)]
        bucket.missing -= 1
        if bucket.missing < 0:
            raise RuntimeError("a gradient came twice in one backward pass; it has been sent to the other ranks already")
        while self._sent < len(self._buckets) and self._buckets[self._sent].missing == 0:
            self._buckets[self._sent].launch()
            self._sent += 1

    def _prepare(self) -> None:
        """Buckets of the parameters that train now, the last layers first: their gradients are the first to come."""
        flags = [p.requires_grad for p in self._parameters]
        if flags == self._flags:
            return
        self._flags, self._buckets = flags, []
        members: list[torch.nn.Parameter] = []
        size = 0
        for p in reversed([p for p in self._parameters if p.requires_grad]):
            limit = BUCKET_BYTES if self._buckets else FIRST_BYTES
            other = members and (members[0].dtype, members[0].device) != (p.dtype, p.device)
            if members and (other or size + p.numel() * p.element_size() > limit):
                self._buckets.append(_Bucket(members))
                members, size = [], 0
            members.append(p)
            size += p.numel() * p.element_size()
        if members:
            self._buckets.append(_Bucket(members))
        self._place = {id(p): bucket for bucket in self._buckets for p in bucket.parameters}


def _laid_out(part: torch.Tensor, parameter: torch.nn.Parameter) -> torch.Tensor:
    """`part` of a message as a tensor with the parameter's shape and, where those are dense, its strides."""
    strides = torch.empty_like(parameter).stride()  # dense ones
    return part.as_strided(parameter.shape, strides, part.storage_offset())
