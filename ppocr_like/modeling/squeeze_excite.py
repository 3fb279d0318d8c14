"""Squeeze-and-excite (Hu et al. 2018) with the hard sigmoid of PaddleOCR's detectors."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.modeling.init import default_conv_


def hard_sigmoid(x: torch.Tensor) -> torch.Tensor:
    """min(max(0.2 x + 0.5, 0), 1). The slope is PaddleOCR's for these blocks; torch's own hard sigmoid has 1/6."""
    return (0.2 * x + 0.5).clamp(0.0, 1.0)


class SEModule(nn.Module):
    """Scales each channel of (N, C, H, W) by a gate in [0, 1] read from the channels' means.

    PaddleOCR's block of the same name (det_mobilenet_v3), with its parameter names and initial values.

    Args:
        channels: C.
        reduction: the gate's hidden layer has C // reduction channels.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels // reduction, 1)
        self.conv2 = nn.Conv2d(channels // reduction, channels, 1)
        default_conv_(self.conv1)
        default_conv_(self.conv2)

    def gate(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, 1, 1)."""
        return hard_sigmoid(self.conv2(F.relu(self.conv1(x.mean((2, 3), keepdim=True)))))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x)
