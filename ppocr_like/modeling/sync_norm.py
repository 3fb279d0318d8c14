"""Batch norm over the batch of all processes (PaddleOCR's `Global.use_sync_bn`).

On GPUs torch's own SyncBatchNorm does it. On a CPU, where torch has none, each process sends mean, variance and number of its
values per channel, and on the way back the two sums that the gradient needs: one small message each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.nn.modules._functions import SyncBatchNorm as TorchSync


class NormSync:
    """What the batch norms of one network share: the processes, and whether this one's values count.

    Args:
        group: the processes; None: all of them.
    """

    def __init__(self, group: Any = None) -> None:
        self.group = group if group is not None else dist.group.WORLD
        self.world = dist.get_world_size(group)
        self.muted = False
        # Never compiled. Not decorators: these import torch's compiler, two processor seconds and 70 MB, with the module.
        self.normalise = torch.compiler.disable(self._normalise)
        self.means = torch.compiler.disable(self._means)

    def __deepcopy__(self, memo: dict[int, Any]) -> NormSync:
        return self

    @contextmanager
    def muting(self, muted: bool) -> Iterator[None]:
        """Within it, if `muted`, this process takes part without adding anything: its batch is a stand-in for none."""
        self.muted = muted
        try:
            yield
        finally:
            self.muted = False

    def _normalise(self, norm: nn.BatchNorm2d, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """`norm` in training on x (N, C, ...), with this weight and bias in the place of its own; the running statistics move.

        Raises:
            ValueError: one value per channel over all processes.
        """
        momentum = norm.momentum or 0.0
        if x.device.type == "cpu":
            return _Normalise.apply(x, weight, bias, norm.running_mean, norm.running_var, norm.eps, momentum, self)
        state = (norm.running_mean, norm.running_var)
        if not self.muted:
            return TorchSync.apply(x, weight, bias, *state, norm.eps, momentum, self.group, self.world)
        # torch's counts a batch of no samples as none; in float32, as the statistics of the others.
        nothing = TorchSync.apply(x[:0].float(), weight, bias, *state, norm.eps, momentum, self.group, self.world)
        return torch.cat([F.batch_norm(x, *state, weight, bias, False, momentum, norm.eps), nothing.to(x.dtype)])

    def _means(self, count: int, *means: torch.Tensor) -> tuple[int, tuple[torch.Tensor, ...]]:
        """Means over `count` values of this process -> the number of values of all processes and the means over these."""
        *joined, total = _Means.apply(self, 0 if self.muted else count, *means)
        return int(total), tuple(joined)


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        running_mean: torch.Tensor,
        running_var: torch.Tensor,
        eps: float,
        momentum: float,
        sync: NormSync,
    ) -> torch.Tensor:
        channels = x.shape[1]
        own = torch.zeros(2 * channels + 1, dtype=torch.float64)
        if not sync.muted:
            mean, variance = torch.batch_norm_update_stats(x, None, None, 0.0)  # the biased variance
            own[:channels], own[channels:-1], own[-1] = mean, variance, x.numel() // channels
        rows = [torch.empty_like(own) for _ in range(sync.world)]
        dist.all_gather(rows, own, group=sync.group)
        table = torch.stack(rows)
        means, variances, counts = table[:, :channels], table[:, channels:-1], table[:, -1:]
        total = float(counts.sum())
        if total <= 1:
            raise ValueError(f"expected more than 1 value per channel when training, got {tuple(x.shape)} over all processes")
        mean = (means * counts).sum(0) / total
        variance = ((variances + (means - mean) ** 2) * counts).sum(0) / total  # exact, and no difference of large squares
        running_mean.lerp_(mean.to(running_mean.dtype), momentum)
        running_var.lerp_((variance * (total / (total - 1))).to(running_var.dtype), momentum)
        mean, variance = mean.to(weight.dtype), variance.to(weight.dtype)
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.eps, ctx.sync, ctx.total, ctx.muted = eps, sync, total, sync.muted
        return torch.native_batch_norm(x, weight, bias, mean, variance, False, 0.0, eps)[0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight, mean, variance = ctx.saved_tensors
        dy = grads[0].to(x.dtype)
        layout = torch.channels_last if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last) else None
        dy = dy.contiguous(memory_format=layout) if layout else dy.contiguous()
        # With given statistics the kernel's gradients of weight and bias are the sums of dy * (x - mean) / deviation and of dy.
        _, by_weight, by_bias = torch.ops.aten.native_batch_norm_backward(
            dy, x, weight, mean, variance, None, None, False, ctx.eps, [False, True, True]
        )
        inverse = torch.rsqrt(variance + ctx.eps)
        gain = weight * inverse
        sums = torch.stack([by_weight, by_bias]).double()
        if ctx.muted:
            sums.zero_()
        dist.all_reduce(sums, group=ctx.sync.group)
        if ctx.muted:  # its values are in no statistics
            return dy * _per_channel(gain, x), by_weight, by_bias, *(None,) * 5
        along, level = (sums / ctx.total).to(weight.dtype)
        slope = -gain * along * inverse
        dx = torch.addcmul(_per_channel(-gain * level - slope * mean, x), dy, _per_channel(gain, x))
        return dx.addcmul_(x, _per_channel(slope, x)), by_weight, by_bias, *(None,) * 5


class _Means(torch.autograd.Function):
    """Means over a process' own values -> means over all values, and the number of these."""

    @staticmethod
    def forward(ctx: Any, sync: NormSync, count: int, *means: torch.Tensor) -> tuple[torch.Tensor, ...]:
        flat = torch.cat([mean.reshape(-1).double() * count for mean in means] + [torch.tensor([float(count)]).double()])
        dist.all_reduce(flat, group=sync.group)
        total = flat[-1]
        ctx.sync, ctx.share = sync, count / float(total)
        joined = _like(flat[:-1] / total, means)
        ctx.mark_non_differentiable(total)
        return (*joined, total)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        flat = torch.cat([grad.reshape(-1).double() for grad in grads[:-1]])
        dist.all_reduce(flat, group=ctx.sync.group)
        return None, None, *_like(flat * ctx.share, grads[:-1])


def _like(flat: torch.Tensor, wanted: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
    parts = flat.split([tensor.numel() for tensor in wanted])
    return [part.view(tensor.shape).to(tensor.dtype) for part, tensor in zip(parts, wanted, strict=True)]


def _per_channel(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return values.to(x.dtype).view(1, -1, *(1,) * (x.dim() - 2))


def synchronise(model: nn.Module, sync: NormSync) -> int:
    """Lets all batch norms of `model` take their statistics over the processes of `sync`; returns how many there are.

    Also torch's own kinds, as a plugin's network may hold them. In evaluation, and where they are frozen, nothing changes.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        if not hasattr(type(norm), "sync"):
            norm.forward = _Forward(norm, sync)  # type: ignore[method-assign, assignment]
        norm.sync = sync  # type: ignore[assignment]
    return len(norms)


class _Forward:
    """The forward pass of a torch batch norm that is synchronised."""

    def __init__(self, norm: Any, sync: NormSync) -> None:
        self.norm, self.sync = norm, sync

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        norm = self.norm
        if not norm.training or norm.running_mean is None:
            return type(norm).forward(norm, x)
        weight = norm.weight if norm.weight is not None else torch.ones_like(norm.running_mean)
        bias = norm.bias if norm.bias is not None else torch.zeros_like(norm.running_mean)
        return self.sync.normalise(norm, x, weight, bias)
