"""A sum of batch-normed 1x1 convolutions of one input, in training, at about the price of one convolution.

Mean and variance of w x, for a linear map w, follow from mean and covariance of x: w mean(x) and w cov(x) w'. With the
statistics known, all branches are one convolution with the sum of their normalised kernels. Two to three times as fast on a
CPU as one branch after the other, and no branch's result is kept for the gradient. Equal up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ppocr_like.modeling.layers import BatchNorm2d


class _Moments(torch.autograd.Function):
    """x (N, C, H, W) -> its mean (C,) and the mean of x x' (C, C), at least in float32."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        ctx.save_for_backward(x)
        full = x if x.dtype == torch.float64 else x.float()
        channels, count = x.shape[1], x.numel() // x.shape[1]
        # oneDNN's weight gradient of a 1x1 convolution is the product that is wanted; only the kernel's shape counts.
        kernel = full.new_empty(channels, channels, 1, 1)
        product = torch.ops.aten.convolution_backward(
            full, full, kernel, None, (1, 1), (0, 0), (1, 1), False, (0, 0), 1, (False, True, False)
        )[1]
        return full.mean((0, 2, 3)), product.reshape(channels, channels) / count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        mean, second = (grad * (x.shape[1] / x.numel()) for grad in grads)
        kernel = (second + second.t())[:, :, None, None]
        return F.conv2d(x, kernel.to(x.dtype), mean.to(x.dtype))


def sums_fast(x: torch.Tensor, norms: Sequence[BatchNorm2d]) -> bool:
    """Whether `summed_branches` pays and holds: training on a CPU, every batch norm on the batch's statistics."""
    return (
        x.device.type == "cpu"
        and all(norm.training for norm in norms)
        and (x.numel() > x.shape[1] or norms[0].sync is not None)  # all processes must go the same way
        and x.dtype in (torch.float32, torch.float64, torch.bfloat16)
        and not (torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.float16)
        and torch.is_grad_enabled()
        and not torch.jit.is_tracing()
    )


def _track(norm: nn.BatchNorm2d, mean: torch.Tensor, variance: torch.Tensor, count: int) -> None:
    """Moves the running statistics as torch's batch norm does: with the unbiased variance."""
    assert norm.running_mean is not None and norm.running_var is not None
    momentum = norm.momentum or 0.0
    norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), momentum)
    norm.running_var.lerp_((variance * (count / (count - 1))).to(norm.running_var.dtype), momentum)


def summed_branches(
    x: torch.Tensor, weights: Sequence[torch.Tensor], norms: Sequence[BatchNorm2d], scale: torch.Tensor, shift: torch.Tensor
) -> torch.Tensor:
    """scale * (sum of norm(conv2d(x, weight))) + shift; the running statistics are moved.

    Args:
        x: (N, C, H, W), at least two cells per channel.
        weights: (C', C, 1, 1) each.
        norms: one per weight; one more than weights: the last one norms x itself (C' = C).
        scale, shift: (1,) or (C',).
    """
    count = x.numel() // x.shape[1]
    with torch.autocast(x.device.type, enabled=False):
        mean, second = _Moments.apply(x)
        if (sync := norms[0].sync) is not None:  # all of a network's norms are synchronised, or none
            count, (mean, second) = sync.means(count, mean, second)
        covariance = second - torch.outer(mean, mean)
        kernels = [weight.flatten(1).to(mean.dtype) for weight in weights]
        if len(norms) > len(weights):
            kernels.append(torch.eye(x.shape[1], dtype=mean.dtype))
        rows = torch.cat(kernels)
        means = (rows @ mean).split(kernels[0].shape[0])
        # Rounding could make the variance of a nearly constant channel negative.
        variances = ((rows @ covariance) * rows).sum(1).clamp(min=0.0).split(kernels[0].shape[0])
        total, bias = torch.zeros_like(kernels[0]), mean.new_zeros(kernels[0].shape[0])
        for norm, kernel, center, variance in zip(norms, kernels, means, variances, strict=True):
            gain = norm.weight * torch.rsqrt(variance + norm.eps)
            total = total + gain[:, None] * kernel
            bias = bias + norm.bias - gain * center
            with torch.no_grad():
                _track(norm, center, variance, count)
        total, bias = total * scale[:, None], bias * scale + shift
    return F.conv2d(x, total[:, :, None, None].to(x.dtype), bias.to(x.dtype))
