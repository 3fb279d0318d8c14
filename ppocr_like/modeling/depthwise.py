"""Depthwise convolution whose gradients are fast on a CPU.

oneDNN's fast kernel for the weight gradient of depthwise convolutions (channels-last) takes at most three columns, and no
more kernel rows than the image has. A 5x5 kernel falls back to one that is many times slower, in bfloat16 slower than the
rest of the network together; two gradients of five rows by three columns give the same numbers. In bfloat16 the input
gradient of a convolution with a stride is slow too, and faster by way of float32. All the rest is torch's own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

Pair = tuple[int, int]
ONEDNN = torch.backends.mkldnn.is_available()  # asked once: torch.compile cannot trace the question


def gradient_of(
    grad: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, stride: Pair, padding: Pair, of_input: bool
) -> torch.Tensor:
    """torch's own gradient of a depthwise convolution, of its input or its weight."""
    result = torch.ops.aten.convolution_backward(
        grad, x, weight, None, stride, padding, (1, 1), False, (0, 0), x.shape[1], (of_input, not of_input, False)
    )
    return result[0 if of_input else 1]


def _five_by_three(grad: torch.Tensor, x: torch.Tensor, stride: int) -> torch.Tensor:
    """Weight gradient (C, 1, 5, 3) for padding (2, 1); `grad` and `x` (N, H, W, C) contiguous."""
    kernel = grad.new_empty(grad.shape[3], 1, 5, 3)  # only its shape counts
    return gradient_of(grad.permute(0, 3, 1, 2), x.permute(0, 3, 1, 2), kernel, (stride, 1), (2, 1), of_input=False)


def _every_column(grad: torch.Tensor, x: torch.Tensor, stride: int) -> torch.Tensor:
    """Weight gradient (C, 1, 5, 5) for horizontal stride 1.

    With `grad` moved by one column, a kernel of columns -1..1 reads columns -2..0, and moved the other way 0..2. The
    move is a change of the start address in a copy that has one pixel more at each end and zeros where a row would run
    into the next one.
    """
    channels, size = grad.shape[3], grad.numel()
    moved = grad.new_empty(size + 2 * channels)
    moved[:channels] = 0
    moved[-channels:] = 0
    middle = moved[channels:-channels].view(grad.shape)
    middle.copy_(grad)
    middle[:, :, 0] = 0
    left = _five_by_three(moved[2 * channels :].view(grad.shape), x, stride)  # column 0 lacks the first output column
    middle[:, :, 0] = grad[:, :, 0]
    middle[:, :, -1] = 0
    right = _five_by_three(moved[: -2 * channels].view(grad.shape), x, stride)
    edge = F.pad(x[:, :, 0], (0, 0, 2, 2))  # (N, H + 4, C): the first input column
    last = stride * (grad.shape[1] - 1) + 1
    missing = [(edge[:, row : row + last : stride] * grad[:, :, 0]).sum((0, 1)) for row in range(5)]
    left[:, 0, :, 2] += torch.stack(missing, dim=1)
    return torch.cat((left, right[..., 1:]), dim=3)


def _every_second_column(grad: torch.Tensor, x: torch.Tensor, stride: int) -> torch.Tensor:
    """Weight gradient (C, 1, 5, 5) for horizontal stride 2: kernel columns -2, 0, 2 read the even columns, -1, 1 the odd."""
    shape = (x.shape[0], x.shape[1], grad.shape[2], x.shape[3])
    even = x[:, :, 0::2].contiguous()
    odd = x.new_zeros(shape)
    odd[:, :, : x.shape[2] // 2] = x[:, :, 1::2]
    result = grad.new_empty(x.shape[3], 1, 5, 5)
    result[..., 0::2] = _five_by_three(grad, even, stride)
    result[..., 1::2] = _five_by_three(grad, odd, stride)[..., :2]
    return result


def weight_gradient(grad: torch.Tensor, x: torch.Tensor, stride: Pair) -> torch.Tensor:
    """Gradient of a 5x5 depthwise convolution's weight, padding 2.

    Args:
        grad: (N, C, H', W') channels-last gradient of the output.
        x: (N, C, H, W) channels-last input.
        stride: (vertical, horizontal), horizontal 1 or 2.

    Returns:
        (C, 1, 5, 5).
    """
    grad, x = grad.permute(0, 2, 3, 1), x.permute(0, 2, 3, 1)
    if x.shape[1] < 5:  # rows of zeros add nothing, and give the fast kernel the five rows it wants
        grad = F.pad(grad, (0, 0, 0, 0, 0, 4 // stride[0] + 1 - grad.shape[1]))
        x = F.pad(x, (0, 0, 0, 0, 0, 5 - x.shape[1]))
    return _every_column(grad, x, stride[0]) if stride[1] == 1 else _every_second_column(grad, x, stride[0])


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, stride: Pair) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return F.conv2d(x, weight, None, stride, weight.shape[2] // 2, 1, x.shape[1])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        x, weight = ctx.saved_tensors
        grad = grads[0].contiguous(memory_format=torch.channels_last)
        padding = (weight.shape[2] // 2, weight.shape[2] // 2)
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            if grad.dtype == torch.bfloat16 and ctx.stride != (1, 1):
                # The values of x do not count, its type and shape do.
                full = torch.empty_like(x, dtype=torch.float32)
                grad_x = gradient_of(grad.float(), full, weight.float(), ctx.stride, padding, of_input=True).to(grad.dtype)
            else:
                grad_x = gradient_of(grad, x, weight, ctx.stride, padding, of_input=True)
        if ctx.needs_input_grad[1]:
            if weight.shape[2] == 5:
                grad_weight = weight_gradient(grad, x, ctx.stride)
            else:
                grad_weight = gradient_of(grad, x, weight, ctx.stride, padding, of_input=False)
        return grad_x, grad_weight, None


class DepthwiseConv2d(nn.Conv2d):
    """One kernel per channel, no bias, padded to keep the size; (N, C, H, W) -> (N, C, H', W')."""

    def __init__(self, channels: int, kernel: int, stride: tuple[int, int]) -> None:
        super().__init__(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)
        self.listed: torch.dtype | None = None  # under autocast: the type to compute in, where it is not autocast's own

    def _fits(self, x: torch.Tensor) -> bool:
        """Whether there are gradients of this module's own for its form and the map's size."""
        return self.kernel_size in ((3, 3), (5, 5)) and self.stride[0] in (1, 2) and self.stride[1] in (1, 2)

    def _run(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """With these gradients; x channels last, both of one type."""
        return _Depthwise.apply(x, weight, (self.stride[0], self.stride[1]))

    def _own_gradient(self, x: torch.Tensor) -> bool:
        """Whether the gradients of this module pay and hold for this input."""
        return (
            self._fits(x)
            and x.device.type == "cpu"
            and torch.is_grad_enabled()
            and (x.requires_grad or self.weight.requires_grad)
            and ONEDNN
            and not torch.jit.is_tracing()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self._own_gradient(x):
            return super().forward(x)
        weight = self.weight
        if torch.is_autocast_enabled("cpu"):
            kind = self.listed or torch.get_autocast_dtype("cpu")
            if kind == torch.float16:  # oneDNN has it on few processors; torch knows which
                return super().forward(x)
            x, weight = x.to(kind), weight.to(kind)
        return self._run(x.contiguous(memory_format=torch.channels_last), weight)
