"""PPHGNet: PaddleOCR's rec_hgnet, the backbone of PP-OCRv4's server detector and recogniser.

Blocks join the results of a chain of 3x3 convolutions, as VoVNet does (Lee et al. 2019), and gate the channels by effective
squeeze-excite (Lee and Park 2020): one 1x1 convolution of the means. Parameter names are PaddleOCR's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones.resnet import check_out_indices
from ppocr_like.modeling.conv_norm import ConvNorm, Stride
from ppocr_like.modeling.init import kaiming_normal_
from ppocr_like.modeling.layers import fast_layout, line_pool, line_pool_spec, pair
from ppocr_like.modeling.recompute import Recomputable
from ppocr_like.registry import BACKBONES

STEM = (64, 64, 128)  # channels of the first convolutions
LAYERS = 6  # convolutions of a block


@dataclass(frozen=True)
class Stage:
    """`inner` and `outputs` channels, number of blocks, stride of the depthwise convolution before them (None: there is none)."""

    inner: int
    outputs: int
    count: int
    stride: Stride | None


WIDTHS = ((128, 256, 1), (160, 512, 1), (192, 768, 2), (224, 1024, 1))  # inner, outputs, blocks
DET_STAGES = tuple(Stage(*widths, stride) for widths, stride in zip(WIDTHS, (None, 2, 2, 2), strict=True))
REC_STAGES = tuple(Stage(*widths, stride) for widths, stride in zip(WIDTHS, ((2, 1), (1, 2), (2, 1), (2, 1)), strict=True))


def unit(inputs: int, outputs: int, kernel: int, stride: Stride = 1, act: str = "relu", depthwise: bool = False) -> ConvNorm:
    """Convolution, batch norm without L2, ReLU; a Kaiming start."""
    made = ConvNorm(inputs, outputs, kernel, stride, depthwise, act, norm_l2=0.0)
    kaiming_normal_(made.convolution.weight)
    return made


class ChannelGate(nn.Module):
    """x (N, C, H, W) times a gate per channel: a sigmoid of a linear map of the channels' means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)
        kaiming_normal_(self.conv.weight)
        assert self.conv.bias is not None
        nn.init.zeros_(self.conv.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.conv(x.mean((2, 3), keepdim=True)).sigmoid()


class HGBlock(Recomputable):
    """A chain of 3x3 convolutions, all results joined by a 1x1 convolution, gated; with `residual` x is added."""

    def __init__(self, inputs: int, inner: int, outputs: int, residual: bool) -> None:
        super().__init__()
        self.residual = residual
        self.layers = nn.ModuleList(unit(inner if i else inputs, inner, 3) for i in range(LAYERS))
        self.aggregation_conv = unit(inputs + LAYERS * inner, outputs, 1)
        self.att = ChannelGate(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = [x]
        for layer in self.layers:
            found.append(layer(found[-1]))
        y = self.att(self.aggregation_conv(torch.cat(found, dim=1)))
        return y + x if self.residual else y


class HGStage(nn.Module):
    """A strided depthwise convolution where wanted, then blocks."""

    def __init__(self, inputs: int, wanted: Stage) -> None:
        super().__init__()
        self.downsample = None
        if wanted.stride is not None:
            self.downsample = unit(inputs, inputs, 3, wanted.stride, act="none", depthwise=True)
        self.blocks = nn.Sequential(
            *(HGBlock(wanted.outputs if i else inputs, wanted.inner, wanted.outputs, i > 0) for i in range(wanted.count))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(x if self.downsample is None else self.downsample(x))


def stage_maps(stages: Iterable[nn.Module], x: torch.Tensor) -> list[torch.Tensor]:
    """What each of the stages makes of the one before."""
    maps = []
    for stage in stages:
        x = stage(x)
        maps.append(x)
    return maps


class HGNet(nn.Module):
    """The first convolutions and the stages.

    Args:
        in_spec: the images.
        stages: a table such as `DET_STAGES`.
        stride: of what the stages read.
    """

    def __init__(self, in_spec: FeatureSpec, stages: Sequence[Stage], stride: tuple[int, int]) -> None:
        super().__init__()
        sizes = (in_spec.channels, *STEM)
        self.stem = nn.Sequential(*(unit(sizes[i], sizes[i + 1], 3, 1 if i else 2) for i in range(len(STEM))))
        self.specs: list[FeatureSpec] = []
        made, channels = [], STEM[-1]
        for wanted in stages:
            made.append(HGStage(channels, wanted))
            step = pair(wanted.stride or 1, "stride")
            channels, stride = wanted.outputs, (stride[0] * step[0], stride[1] * step[1])
            self.specs.append(FeatureSpec(channels, stride))
        self.stages = nn.ModuleList(made)


@BACKBONES.register("PPHGNet_small", task="det")
class PPHGNetSmall(HGNet):
    """Images (N, C, H, W) -> maps of strides 4, 8, 16 and 32 (those of `out_indices`).

    Args:
        in_spec: the images.
        det: must be True: the form with maps of four strides.
        out_indices: stages whose maps are given out; all four when None.

    Raises:
        ValueError: det False, bad out_indices.
    """

    def __init__(self, in_spec: FeatureSpec, det: bool = False, out_indices: Sequence[int] | None = None) -> None:
        if not det:
            raise ValueError("a detector needs the form with four maps: set det: True")
        self.out_indices = check_out_indices(out_indices)
        super().__init__(in_spec, DET_STAGES[: self.out_indices[-1] + 1], (in_spec.stride[0] * 4, in_spec.stride[1] * 4))
        self.out_spec = [self.specs[i] for i in self.out_indices]

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        maps = stage_maps(self.stages, F.max_pool2d(self.stem(fast_layout(images)), 3, 2, 1))
        return [maps[i] for i in self.out_indices]


@BACKBONES.register("PPHGNet_small", task="rec")
class PPHGNetSmallRec(HGNet):
    """Images (N, C, H, W) -> features (N, 1024, 1, W / 8).

    Args:
        in_spec: the images.
        det: must be False: the form for lines of text.

    Raises:
        ValueError: det True.
    """

    def __init__(self, in_spec: FeatureSpec, det: bool = False) -> None:
        if det:
            raise ValueError("a recogniser needs the form with one map: set det: False")
        super().__init__(in_spec, REC_STAGES, (in_spec.stride[0] * 2, in_spec.stride[1] * 2))
        self.out_spec = line_pool_spec(self.specs[-1])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return line_pool(stage_maps(self.stages, self.stem(fast_layout(images)))[-1])
