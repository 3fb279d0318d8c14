"""UNet: the light U-Net (Ronneberger et al. 2015, arXiv 1505.04597) with which ocrs-models finds words."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.depthwise import DepthwiseConv2d
from ppocr_like.modeling.layers import BatchNorm2d, fast_layout, norm_act
from ppocr_like.modeling.recompute import Recomputable
from ppocr_like.registry import BACKBONES

WIDTHS = (8, 16, 32, 32, 64, 128, 256)  # ocrs-models: an eighth of the paper's, and two levels more


class SeparableConv(Recomputable):
    """3x3 depthwise and 1x1 convolution, batch norm, ReLU; the size stays."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = DepthwiseConv2d(inputs, 3, (1, 1))
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm = BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return norm_act(self.norm, "relu", self.pointwise(self.depthwise(x)))


def two_convs(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(SeparableConv(inputs, outputs), SeparableConv(outputs, outputs))


class Up(nn.Module):
    """Doubles the coarser map, joins it with the finer one and works on both."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(coarse, fine, 3, stride=2)
        self.merge = two_convs(2 * fine, fine)

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        """(N, C', H // 2, W // 2) and (N, C, H, W) -> (N, C, H, W)."""
        large = self.enlarge(coarse)[:, :, : fine.shape[2], : fine.shape[3]]  # one or no row and column too many
        return self.merge(torch.cat((large, fine), dim=1))


@BACKBONES.register("UNet", task="det")
class UNet(nn.Module):
    """Images (N, C, H, W) of any size from 2^(levels - 1) px -> one map (N, widths[0], H, W).

    As the detector of ocrs-models, with torch's initial values. It was made for gray images in [-0.5, 0.5]: `ToGray`, then
    `NormalizeImage` with mean [0.5] and std [1.0].

    Args:
        in_spec: the images.
        widths: channels of each level, finest first; between two levels the map is halved.
    """

    def __init__(self, in_spec: FeatureSpec, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        if len(widths) < 2 or min(widths) < 1:
            raise ValueError(f"widths must name at least two levels of at least one channel, got {list(widths)}")
        pairs = list(itertools.pairwise(widths))
        self.first = two_convs(in_spec.channels, widths[0])
        self.downs = nn.ModuleList(two_convs(fine, coarse) for fine, coarse in pairs)
        self.ups = nn.ModuleList(Up(coarse, fine) for fine, coarse in reversed(pairs))
        self.out_spec = FeatureSpec(widths[0], in_spec.stride)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        levels = [self.first(fast_layout(images))]
        for down in self.downs:
            levels.append(F.max_pool2d(down(levels[-1]), 2))
        x = levels.pop()
        for up in self.ups:
            x = up(x, levels.pop())
        return x
