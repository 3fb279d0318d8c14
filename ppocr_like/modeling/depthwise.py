"""Depthwise convolution whose weight gradient is fast on a CPU.

oneDNN has a fast kernel for the weight gradient of depthwise convolutions up to three columns wide (channels-last); a
5x5 kernel falls back to one that is many times slower, in bfloat16 more than the rest of the layer together. Two
five-by-three gradients give the same numbers. Forward, input gradient, other kernels and devices are torch's own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


def weight_gradient(grad: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, stride: int) -> torch.Tensor:
    """Gradient of a 5x5 depthwise convolution's weight, padding 2, horizontal stride 1.

    With `grad` moved by one column, a kernel of columns -1..1 reads columns -2..0, and moved the other way 0..2. The
    move is a change of the start address in a copy that has one pixel more at each end and zeros where a row would run
    into the next one.

    Args:
        grad: (N, C, H', W) channels-last gradient of the output.
        x: (N, C, H, W) channels-last input.
        weight: (C, 1, 5, 5); only its type counts.
        stride: vertical.

    Returns:
        (C, 1, 5, 5).
    """
    samples, channels, height, width = grad.shape
    grad = grad.permute(0, 2, 3, 1)
    size = grad.numel()
    moved = grad.new_zeros(size + 2 * channels)
    middle = moved[channels:-channels].view(samples, height, width, channels)
    kernel = weight.new_empty(channels, 1, 5, 3)

    def three_columns(start: int) -> torch.Tensor:
        view = moved[start : start + size].view(samples, height, width, channels).permute(0, 3, 1, 2)
        padding, mask = [2, 1], [False, True, False]
        return torch.ops.aten.convolution_backward(
            view, x, kernel, None, [stride, 1], padding, [1, 1], False, [0, 0], channels, mask
        )[1]

    middle.copy_(grad)
    middle[:, :, 0] = 0
    left = three_columns(2 * channels)  # columns -2, -1, 0; the last one lacks the first output column
    middle[:, :, 0] = grad[:, :, 0]
    middle[:, :, -1] = 0
    right = three_columns(0)[..., 1:]  # columns 1, 2
    edge = F.pad(x.permute(0, 2, 3, 1)[:, :, 0], (0, 0, 2, 2))  # (N, H + 4, C): the first input column
    last = stride * (height - 1) + 1
    missing = torch.stack([(edge[:, row : row + last : stride] * grad[:, :, 0]).sum((0, 1)) for row in range(5)], dim=1)
    left[:, 0, :, 2] += missing
    return torch.cat((left, right), dim=3)


class _Depthwise5x5(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, stride: int) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return F.conv2d(x, weight, None, (stride, 1), 2, 1, x.shape[1])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        x, weight = ctx.saved_tensors
        grad = grads[0].contiguous(memory_format=torch.channels_last)
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            stride, padding, mask = [ctx.stride, 1], [2, 2], [True, False, False]
            grad_x = torch.ops.aten.convolution_backward(
                grad, x, weight, None, stride, padding, [1, 1], False, [0, 0], x.shape[1], mask
            )[0]
        if ctx.needs_input_grad[1]:
            grad_weight = weight_gradient(grad, x, weight, ctx.stride)
        return grad_x, grad_weight, None


class DepthwiseConv2d(nn.Conv2d):
    """One kernel per channel, no bias, padded to keep the size; (N, C, H, W) -> (N, C, H', W')."""

    def __init__(self, channels: int, kernel: int, stride: tuple[int, int]) -> None:
        super().__init__(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)

    def _fast(self, x: torch.Tensor) -> bool:
        return (
            self.kernel_size == (5, 5)
            and self.stride[1] == 1
            and x.device.type == "cpu"
            and torch.is_grad_enabled()
            and self.weight.requires_grad
            and torch.backends.mkldnn.is_available()
            and not torch.jit.is_tracing()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self._fast(x):
            return super().forward(x)
        weight = self.weight
        if torch.is_autocast_enabled("cpu"):
            kind = torch.get_autocast_dtype("cpu")
            x, weight = x.to(kind), weight.to(kind)
        return _Depthwise5x5.apply(x.contiguous(memory_format=torch.channels_last), weight, self.stride[0])
