"""LKPAN: a path aggregation network with 9x9 kernels, the neck of PP-OCRv3 to v5's server detectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.init import default_conv_
from ppocr_like.modeling.layers import BatchNorm2d
from ppocr_like.modeling.necks.db_fpn import plain_conv
from ppocr_like.modeling.necks.intracl import IntraCLBlock
from ppocr_like.modeling.necks.pyramid import LEVELS, pyramid_spec, same_size, top_down
from ppocr_like.registry import NECKS

KERNEL = 9
EXPANSION = 4  # of the channels between the 1x1 convolutions of DSConv


class DSConv(nn.Module):
    """Depthwise convolution, two 1x1 convolutions with ReLU between, and a 1x1 shortcut where the channels change."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        inner = EXPANSION * inputs
        self.conv1 = nn.Conv2d(inputs, inputs, kernel, padding=kernel // 2, groups=inputs, bias=False)
        self.bn1 = BatchNorm2d(inputs)
        self.conv2 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.bn2 = BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.conv_end = nn.Conv2d(inputs, outputs, 1, bias=False) if inputs != outputs else None
        for layer in self.children():
            if isinstance(layer, nn.Conv2d):
                default_conv_(layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv3(F.relu(self.bn2(self.conv2(self.bn1(self.conv1(x)))), inplace=True))
        return y if self.conv_end is None else y + self.conv_end(x)


class PathAggregation(nn.Module):
    """Down the pyramid by sums, up again by convolutions of stride 2, PaddleOCR's parameter names.

    Args:
        in_spec: the backbone's levels.
        out_channels: of the result, a multiple of 4.
        layer: (inputs, outputs, kernel) -> what follows each way.
        intracl: an IntraCL block behind each level.
    """

    def __init__(
        self, in_spec: list[FeatureSpec], out_channels: int, layer: Callable[[int, int, int], nn.Module], intracl: bool
    ) -> None:
        super().__init__()
        self.out_spec = pyramid_spec(in_spec, out_channels)
        quarter = out_channels // LEVELS
        self.ins_conv = nn.ModuleList(plain_conv(level.channels, out_channels, 1) for level in in_spec)
        self.inp_conv = nn.ModuleList(layer(out_channels, quarter, KERNEL) for _ in range(LEVELS))
        self.pan_head_conv = nn.ModuleList(plain_conv(quarter, quarter, 3, 2) for _ in range(LEVELS - 1))
        self.pan_lat_conv = nn.ModuleList(layer(quarter, quarter, KERNEL) for _ in range(LEVELS))
        self.intracl = intracl
        if intracl:
            for i in range(LEVELS):
                self.add_module(f"incl{i + 1}", IntraCLBlock(quarter, reduce_factor=2))

    def down(self, levels: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The sums on the way down (N, out_channels, H / 2^i, W / 2^i), fine to coarse."""
        return top_down([conv(level) for conv, level in zip(self.ins_conv, levels, strict=True)])

    def up(self, sums: Sequence[torch.Tensor]) -> torch.Tensor:
        """What `down` gives -> (N, out_channels, H, W)."""
        parts = [conv(level) for conv, level in zip(self.inp_conv, sums, strict=True)]
        ups = parts[:1]
        for part, conv in zip(parts[1:], self.pan_head_conv, strict=True):
            ups.append(part + conv(ups[-1]))
        parts = [conv(up) for conv, up in zip(self.pan_lat_conv, ups, strict=True)]
        if self.intracl:
            parts = [self.get_submodule(f"incl{i + 1}")(part) for i, part in enumerate(parts)]
        return torch.cat(same_size(parts), dim=1)


@NECKS.register()
class LKPAN(PathAggregation):
    """Four feature maps -> (N, out_channels, H/4, W/4); a quarter of the channels from each level, coarsest first.

    PaddleOCR's neck of the same name, with its parameter names and initial values.

    Args:
        in_spec: the backbone's levels.
        out_channels: of the result, a multiple of 4.
        mode: "large" (full 9x9 convolutions) or "lite" (depthwise ones).
        intracl: an IntraCL block behind each level.
    """

    def __init__(self, in_spec: list[FeatureSpec], out_channels: int, mode: str = "large", intracl: bool = False) -> None:
        if mode.lower() not in ("large", "lite"):
            raise ValueError(f"mode must be large or lite, got {mode!r}")
        super().__init__(in_spec, out_channels, plain_conv if mode.lower() == "large" else DSConv, intracl)

    def forward(self, levels: Sequence[torch.Tensor]) -> torch.Tensor:
        return self.up(self.down(levels))
