"""DBFPN: the feature pyramid of DB (Liao et al. 2020) and, with `use_asf`, of DB++ (Liao et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.init import default_conv_, kaiming_uniform_
from ppocr_like.modeling.necks.pyramid import LEVELS, pyramid_spec, same_size, top_down
from ppocr_like.registry import NECKS


def plain_conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """Convolution without bias that keeps the size (up to the stride), initialised as PaddleOCR's necks."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    kaiming_uniform_(conv.weight)
    return conv


class ASFBlock(nn.Module):
    """Adaptive Scale Fusion: every pixel weighs the pyramid's levels against each other.

    Args:
        channels: of the joined map.
        inner: channels in between.
    """

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, inner, 3, padding=1)
        default_conv_(self.conv)
        self.spatial_scale = nn.Sequential(plain_conv(1, 1, 3), nn.ReLU(), plain_conv(1, 1, 1), nn.Sigmoid())
        self.channel_scale = nn.Sequential(plain_conv(inner, LEVELS, 1), nn.Sigmoid())

    def forward(self, fused: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W), the levels one after the other -> the same, each level times its weight (N, 1, H, W)."""
        x = self.conv(fused)
        x = self.spatial_scale(x.mean(1, keepdim=True)) + x
        weights = self.channel_scale(x)
        parts = fused.chunk(LEVELS, dim=1)
        return torch.cat([weights[:, i : i + 1] * part for i, part in enumerate(parts)], dim=1)


@NECKS.register()
class DBFPN(nn.Module):
    """Four feature maps -> (N, out_channels, H/4, W/4); a quarter of the channels from each level, coarsest first.

    PaddleOCR's neck of the same name, with its parameter names and initial values.

    Args:
        in_spec: the backbone's levels.
        out_channels: of the result, a multiple of 4.
        use_asf: weigh the levels per pixel (DB++).
    """

    def __init__(self, in_spec: list[FeatureSpec], out_channels: int, use_asf: bool = False) -> None:
        super().__init__()
        self.out_spec = pyramid_spec(in_spec, out_channels)
        for i, level in enumerate(in_spec):
            self.add_module(f"in{i + 2}_conv", plain_conv(level.channels, out_channels, 1))
        for i in reversed(range(LEVELS)):
            self.add_module(f"p{i + 2}_conv", plain_conv(out_channels, out_channels // LEVELS, 3))
        self.asf = ASFBlock(out_channels, out_channels // 4) if use_asf else None

    def _each(self, kind: str, levels: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return [self.get_submodule(kind.format(i + 2))(level) for i, level in enumerate(levels)]

    def forward(self, levels: Sequence[torch.Tensor]) -> torch.Tensor:
        sums = top_down(self._each("in{}_conv", levels))
        fused = torch.cat(same_size(self._each("p{}_conv", sums)), dim=1)
        return fused if self.asf is None else self.asf(fused)
