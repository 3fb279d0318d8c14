"""Depthwise convolution of a large or a dilated kernel whose gradients are fast on a CPU.

oneDNN's fast weight gradient takes at most three kernel columns (see `modeling.depthwise`): a larger kernel is made of groups
of three, each read from a map moved to its side. A dilated convolution is a plain one on every d-th row and column: the map is
cut into d x d maps beside each other. The backward pass of 9 x 9 takes half the time in float32, a seventh in bfloat16.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ppocr_like.modeling.depthwise import DepthwiseConv2d, gradient_of

COLUMNS = 3  # of a kernel that the fast weight gradient takes


def apart(x: torch.Tensor, step: int) -> torch.Tensor:
    """(N, H, W, C) -> (N step step, H / step, W / step, C): every step-th row and column from each start; zeros fill up."""
    if step == 1:
        return x
    batch, height, width, channels = x.shape
    x = F.pad(x, (0, 0, 0, -width % step, 0, -height % step))
    cells = x.reshape(batch, x.shape[1] // step, step, x.shape[2] // step, step, channels)
    return cells.permute(0, 2, 4, 1, 3, 5).reshape(batch * step * step, x.shape[1] // step, x.shape[2] // step, channels)


def together(x: torch.Tensor, step: int, height: int, width: int) -> torch.Tensor:
    """The reverse of `apart` for a map of this size."""
    if step == 1:
        return x
    batch, rows, columns, channels = x.shape[0] // step**2, *x.shape[1:]
    cells = x.reshape(batch, step, step, rows, columns, channels).permute(0, 3, 1, 4, 2, 5)
    return cells.reshape(batch, rows * step, columns * step, channels)[:, :height, :width]


def weight_gradient(grad: torch.Tensor, x: torch.Tensor, kernel: int) -> torch.Tensor:
    """(C, 1, kernel, kernel) of a plain depthwise convolution of stride 1 that keeps the size; both (N, H, W, C) contiguous."""
    half, found, done = kernel // 2, [], 0
    shape = grad.new_empty(x.shape[3], 1, kernel, COLUMNS)  # only its shape counts
    while done < kernel:
        start = min(done, kernel - COLUMNS)
        moved = F.pad(x, (0, 0, half - start, start + COLUMNS - 1 - half))
        images = moved.permute(0, 3, 1, 2)
        part = gradient_of(grad.permute(0, 3, 1, 2), images, shape, (1, 1), (half, 0), of_input=False)
        found.append(part[..., done - start :])
        done = start + COLUMNS
    return torch.cat(found, dim=3)


class _LargeDepthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, dilation: int) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.dilation = dilation
        return F.conv2d(x, weight, None, 1, dilation * (weight.shape[2] // 2), dilation, x.shape[1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        x, weight = ctx.saved_tensors
        height, width, half = x.shape[2], x.shape[3], weight.shape[2] // 2
        grad = apart(grads[0].contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1), ctx.dilation)
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            images = grad.permute(0, 3, 1, 2)  # the input's values do not count, its type and shape do
            parts = gradient_of(images, images, weight, (1, 1), (half, half), of_input=True).permute(0, 2, 3, 1)
            grad_x = together(parts, ctx.dilation, height, width).permute(0, 3, 1, 2)
        if ctx.needs_input_grad[1]:
            grad_weight = weight_gradient(grad, apart(x.permute(0, 2, 3, 1), ctx.dilation), weight.shape[2])
        return grad_x, grad_weight, None


class LargeDepthwiseConv2d(DepthwiseConv2d):
    """One kernel per channel, stride 1, no bias, padded to keep the size; (N, C, H, W) -> the same.

    Args:
        channels: C.
        kernel: an odd size.
        dilation: distance of the kernel's taps, px.
    """

    def __init__(self, channels: int, kernel: int, dilation: int = 1) -> None:
        super().__init__(channels, kernel, (1, 1))
        self.dilation = (dilation, dilation)
        self.padding = (dilation * (kernel // 2), dilation * (kernel // 2))

    def _fits(self, x: torch.Tensor) -> bool:
        # Smaller maps have fewer rows than the kernel, which the fast way does not take; they cost little.
        kernel, step = self.kernel_size[0], self.dilation[0]
        return kernel % 2 == 1 and min(x.shape[2], x.shape[3]) // step >= max(kernel, COLUMNS)

    def _run(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return _LargeDepthwise.apply(x, weight, self.dilation[0])
