"""Squeeze-and-excite (Hu et al. 2018): a gate per channel, read from the channel's mean. Networks differ in the gate's slope."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.modeling.init import default_conv_

SLOPE = 0.2  # PaddleOCR's MobileNetV3 and RSEFPN: Paddle's old default
TORCH_SLOPE = 1 / 6  # PaddleOCR's PPLCNetV3 and MobileNetV1Enhance, and torch's hard sigmoid


def hard_sigmoid(x: torch.Tensor, slope: float = SLOPE) -> torch.Tensor:
    """min(max(slope * x + 0.5, 0), 1)."""
    return F.hardsigmoid(x if slope == TORCH_SLOPE else x * (6 * slope))


class SEModule(nn.Module):
    """Scales each channel of (N, C, H, W) by a gate in [0, 1] read from the channels' means.

    PaddleOCR's block of the same name, with its parameter names and initial values.

    Args:
        channels: C.
        reduction: the gate's hidden layer has C // reduction channels.
        slope: of the hard sigmoid.
    """

    def __init__(self, channels: int, reduction: int = 4, slope: float = SLOPE) -> None:
        super().__init__()
        if channels < reduction:
            raise ValueError(f"squeeze-and-excite divides the channels by {reduction}, but there are only {channels}")
        self.slope = slope
        self.conv1 = nn.Conv2d(channels, channels // reduction, 1)
        self.conv2 = nn.Conv2d(channels // reduction, channels, 1)
        default_conv_(self.conv1)
        default_conv_(self.conv2)

    def gate(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, 1, 1)."""
        return hard_sigmoid(self.conv2(F.relu(self.conv1(x.mean((2, 3), keepdim=True)))), self.slope)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x)
