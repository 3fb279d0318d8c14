"""The transposed convolution that doubles a map (kernel 2, stride 2), fast in training on a CPU.

Its windows do not overlap: it is a 1x1 convolution to four times the channels, whose results are laid beside each other.
oneDNN's gradient of the transposed form takes two to four times as long as those of the 1x1 form with the copy that it needs.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


def as_plain_convolution(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """conv_transpose2d(x, weight, bias, stride=2) for kernels of 2.

    Args:
        x: (N, C, H, W), fastest in channels-last layout.
        weight: (C, C', 2, 2).
        bias: (C',) or None.

    Returns:
        (N, C', 2 H, 2 W), channels last.
    """
    batch, channels, height, width = x.shape
    outputs = weight.shape[1]
    kernel = weight.permute(2, 3, 1, 0).reshape(4 * outputs, channels, 1, 1)
    y = F.conv2d(x, kernel, None if bias is None else bias.repeat(4))
    cells = y.permute(0, 2, 3, 1).reshape(batch, height, width, 2, 2, outputs)
    return cells.transpose(2, 3).reshape(batch, 2 * height, 2 * width, outputs).permute(0, 3, 1, 2)


class TransposedConv2d(nn.ConvTranspose2d):
    """Transposed convolution (N, C, H, W) -> (N, C', stride H + kernel - stride, ...), the fast way where there is one."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__(inputs, outputs, kernel, stride)

    def forward(self, x: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        doubling = self.kernel_size == (2, 2) and self.stride == (2, 2) and output_size is None
        if doubling and x.device.type == "cpu" and torch.is_grad_enabled() and not torch.jit.is_tracing():
            return as_plain_convolution(x, self.weight, self.bias)
        return super().forward(x, output_size)
