"""PPHGNetV2_B4: PaddleOCR's rec_pphgnetv2, the backbone of PP-OCRv5's server detector and recogniser.

PPHGNet with a forked stem and, in the later stages, 1x1 and depthwise 5x5 convolutions. Parameter names are PaddleOCR's,
with the classifier of its pretraining, which it keeps and never uses: those numbers stand in the state, so that weights come
and go whole, and nothing trains them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones.pphgnet import stage_maps
from ppocr_like.modeling.backbones.pplcnet_v4 import Stem
from ppocr_like.modeling.backbones.resnet import check_out_indices
from ppocr_like.modeling.conv_norm import ConvNorm, Stride
from ppocr_like.modeling.init import kaiming_normal_
from ppocr_like.modeling.layers import fast_layout, line_pool, line_pool_spec, pair
from ppocr_like.modeling.recompute import Recomputable
from ppocr_like.registry import BACKBONES

STEM = (32, 48)  # channels inside and after it
LAYERS = 6  # of a block
EXPAND, CLASSES = 2048, 1000  # of the classifier


@dataclass(frozen=True)
class Stage:
    """`inner` and `outputs` channels, number of blocks, whether their layers are light ones."""

    inner: int
    outputs: int
    count: int
    light: bool

    @property
    def kernel(self) -> int:
        return 5 if self.light else 3


STAGES = (Stage(48, 128, 1, False), Stage(96, 512, 1, False), Stage(192, 1024, 3, True), Stage(384, 2048, 1, True))
DET_STRIDES: tuple[Stride | None, ...] = (None, 2, 2, 2)  # None: no depthwise convolution before the blocks
REC_STRIDES: tuple[Stride | None, ...] = ((2, 1), (1, 2), (2, 1), (2, 1))


class LightLayer(nn.Module):
    """1x1 convolution and depthwise convolution, each with its batch norm; ReLU at the end."""

    def __init__(self, inputs: int, outputs: int, kernel: int, lr_mult: float) -> None:
        super().__init__()
        self.conv1 = ConvNorm(inputs, outputs, lr_mult=lr_mult, norm_l2=0.0)
        self.conv2 = ConvNorm(outputs, outputs, kernel, depthwise=True, act="relu", lr_mult=lr_mult, norm_l2=0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv2(self.conv1(x))


class HGV2Block(Recomputable):
    """A chain of layers, all results joined by two 1x1 convolutions; with `residual` x is added."""

    def __init__(self, inputs: int, wanted: Stage, residual: bool, lr_mult: float) -> None:
        super().__init__()
        self.residual = residual

        def unit(inputs: int, outputs: int, kernel: int = 1) -> ConvNorm:
            return ConvNorm(inputs, outputs, kernel, act="relu", lr_mult=lr_mult, norm_l2=0.0)

        self.layers = nn.ModuleList()
        for i in range(LAYERS):
            given = wanted.inner if i else inputs
            light = LightLayer(given, wanted.inner, wanted.kernel, lr_mult) if wanted.light else None
            self.layers.append(light or unit(given, wanted.inner, wanted.kernel))
        half = wanted.outputs // 2
        self.aggregation_squeeze_conv = unit(inputs + LAYERS * wanted.inner, half)
        self.aggregation_excitation_conv = unit(half, wanted.outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = [x]
        for layer in self.layers:
            found.append(layer(found[-1]))
        y = self.aggregation_excitation_conv(self.aggregation_squeeze_conv(torch.cat(found, dim=1)))
        return y + x if self.residual else y


class HGV2Stage(nn.Module):
    """A strided depthwise convolution where wanted, then blocks."""

    def __init__(self, inputs: int, wanted: Stage, stride: Stride | None, lr_mult: float) -> None:
        super().__init__()
        self.downsample = None
        if stride is not None:
            self.downsample = ConvNorm(inputs, inputs, 3, stride, depthwise=True, lr_mult=lr_mult, norm_l2=0.0)
        self.blocks = nn.Sequential(
            *(HGV2Block(wanted.outputs if i else inputs, wanted, i > 0, lr_mult) for i in range(wanted.count))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(x if self.downsample is None else self.downsample(x))


class Unused(nn.Module):
    """Numbers under the names `weight` and, for a linear layer, `bias`, in the layout of Paddle."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        weight = torch.empty(*shape)
        kaiming_normal_(weight)
        self.register_buffer("weight", weight)
        if len(shape) == 2:
            self.register_buffer("bias", torch.zeros(shape[1]))


class HGNetV2(nn.Module):
    """Stem and stages.

    Args:
        in_spec: the images.
        strides: of the stages from the first on; those without one are left out.
        fork_stride: of the stem's last 3x3 convolution.
        lr_mult_list: rate multipliers of the stem and of the four stages.

    Raises:
        ValueError: bad lr_mult_list.
    """

    def __init__(
        self, in_spec: FeatureSpec, strides: Sequence[Stride | None], fork_stride: int, lr_mult_list: Sequence[float]
    ) -> None:
        super().__init__()
        if len(lr_mult_list) != 1 + len(STAGES) or min(lr_mult_list) < 0:
            raise ValueError(f"lr_mult_list takes {1 + len(STAGES)} numbers, none negative, got {list(lr_mult_list)}")
        self.stem = Stem(in_spec.channels, *STEM, fork_stride, lr_mult_list[0])
        stride = in_spec.stride[0] * 2 * fork_stride, in_spec.stride[1] * 2 * fork_stride
        self.specs: list[FeatureSpec] = []
        made, channels = [], STEM[-1]
        for wanted, own, lr_mult in zip(STAGES, strides, lr_mult_list[1:], strict=False):
            made.append(HGV2Stage(channels, wanted, own, lr_mult))
            step = pair(own or 1, "stride")
            channels, stride = wanted.outputs, (stride[0] * step[0], stride[1] * step[1])
            self.specs.append(FeatureSpec(channels, stride))
        self.stages = nn.ModuleList(made)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                kaiming_normal_(module.weight)
        self.last_conv = Unused((EXPAND, STAGES[-1].outputs, 1, 1))


@BACKBONES.register("PPHGNetV2_B4", task="det")
class PPHGNetV2B4(HGNetV2):
    """Images (N, C, H, W) -> maps of strides 4, 8, 16 and 32 (those of `out_indices`).

    Args:
        in_spec: the images.
        det: must be True: the form with maps of four strides.
        lr_mult_list: rate multipliers of the stem and of the four stages.
        out_indices: stages whose maps are given out; all four when None.

    Raises:
        ValueError: det False, bad lr_mult_list or out_indices.
    """

    def __init__(
        self,
        in_spec: FeatureSpec,
        det: bool = False,
        lr_mult_list: Sequence[float] = (1.0, 1.0, 1.0, 1.0, 1.0),
        out_indices: Sequence[int] | None = None,
    ) -> None:
        if not det:
            raise ValueError("a detector needs the form with four maps: set det: True")
        self.out_indices = check_out_indices(out_indices)
        # Stages after the last one asked for would be parameters that no loss reaches.
        super().__init__(in_spec, DET_STRIDES[: self.out_indices[-1] + 1], 2, lr_mult_list)
        self.out_spec = [self.specs[i] for i in self.out_indices]

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        maps = stage_maps(self.stages, self.stem(fast_layout(images)))
        return [maps[i] for i in self.out_indices]


@BACKBONES.register("PPHGNetV2_B4", task="rec")
class PPHGNetV2B4Rec(HGNetV2):
    """Images (N, C, H, W) -> features (N, 2048, 1, W / 8).

    Args:
        in_spec: the images.
        det: must be False: the form for lines of text.
        text_rec: False: the form of PaddleOCR without the pool and with a stem of stride 4: (N, 2048, H / 32, W / 8).
        lr_mult_list: rate multipliers of the stem and of the four stages.

    Raises:
        ValueError: det True, bad lr_mult_list.
    """

    def __init__(
        self,
        in_spec: FeatureSpec,
        det: bool = False,
        text_rec: bool = False,
        lr_mult_list: Sequence[float] = (1.0, 1.0, 1.0, 1.0, 1.0),
    ) -> None:
        if det:
            raise ValueError("a recogniser needs the form with one map: set det: False")
        super().__init__(in_spec, REC_STRIDES, 1 if text_rec else 2, lr_mult_list)
        self.text_rec = text_rec
        self.out_spec = line_pool_spec(self.specs[-1]) if text_rec else self.specs[-1]
        self.fc = Unused((EXPAND, CLASSES))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = stage_maps(self.stages, self.stem(fast_layout(images)))[-1]
        return line_pool(x) if self.text_rec else x
