"""IntraCL: a collaborative learning block that sees along text lines (I3CL, Du et al. 2022), as PaddleOCR has it."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.modeling.fuse import convolution_like
from ppocr_like.modeling.init import default_conv_
from ppocr_like.modeling.layers import BatchNorm2d, norm_act

KERNELS = (7, 5, 3)  # one after the other, each as square, column and row


class IntraCLBlock(nn.Module):
    """(N, C, H, W) -> the same size; the result of three stages with square, upright and flat kernels is added to x.

    Parameter names are PaddleOCR's.

    Args:
        channels: C.
        reduce_factor: the stages work on C // reduce_factor channels.
    """

    def __init__(self, channels: int = 96, reduce_factor: int = 4) -> None:
        super().__init__()
        inner = channels // reduce_factor
        self.conv1x1_reduce_channel = nn.Conv2d(channels, inner, 1)
        self.conv1x1_return_channel = nn.Conv2d(inner, channels, 1)
        for size in KERNELS:
            self.add_module(f"v_layer_{size}x1", nn.Conv2d(inner, inner, (size, 1), padding=(size // 2, 0)))
            self.add_module(f"q_layer_1x{size}", nn.Conv2d(inner, inner, (1, size), padding=(0, size // 2)))
            self.add_module(f"c_layer_{size}x{size}", nn.Conv2d(inner, inner, size, padding=size // 2))
        self.bn = BatchNorm2d(channels)
        self.fused: nn.ModuleList | None = None
        for layer in self.children():
            if isinstance(layer, nn.Conv2d):
                default_conv_(layer)

    def _conv(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        conv = self.get_submodule(name)
        assert isinstance(conv, nn.Conv2d) and conv.bias is not None
        return conv.weight, conv.bias

    def _kernel(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight (C', C', size, size) and bias of the three convolutions of a stage as one: column and row added to the
        square's middle, which gives the same sums in a third of the passes over the map."""
        square, column, row = map(self._conv, (f"c_layer_{size}x{size}", f"v_layer_{size}x1", f"q_layer_1x{size}"))
        half = size // 2
        weight = square[0] + F.pad(column[0], (half, half)) + F.pad(row[0], (0, 0, half, half))
        return weight, square[1] + column[1] + row[1]

    @torch.no_grad()
    def fuse(self) -> None:
        """Keeps each stage's one kernel instead of its three (see `modeling.fuse`); a second call changes nothing."""
        if self.fused is not None:
            return
        stages = []
        for size in KERNELS:
            square = self.get_submodule(f"c_layer_{size}x{size}")
            assert isinstance(square, nn.Conv2d)
            stages.append(convolution_like(square, *self._kernel(size)))
        for size in KERNELS:
            for name in (f"v_layer_{size}x1", f"q_layer_1x{size}", f"c_layer_{size}x{size}"):
                delattr(self, name)
        self.fused = nn.ModuleList(stages)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1x1_reduce_channel(x)
        for number, size in enumerate(KERNELS):
            y = F.conv2d(y, *self._kernel(size), padding=size // 2) if self.fused is None else self.fused[number](y)
        return x + norm_act(self.bn, "relu", self.conv1x1_return_channel(y))
