"""RepSVTR: the backbone of PaddleOCR's RepSVTR recogniser and detector, a RepViT (Wang et al. 2023, arXiv 2307.09283).

PaddleOCR's rec_repvit, with its parameter names. `fuse()` makes plain convolutions of all branches and batch norms.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.conv_norm import ConvNorm, RepDepthwise, Stride
from ppocr_like.modeling.init import default_conv_
from ppocr_like.modeling.layers import fast_layout, line_pool, make_divisible, pair
from ppocr_like.modeling.recompute import Recomputable
from ppocr_like.registry import BACKBONES

Row = tuple[int, bool, Stride]

# channels, squeeze-excite and stride of each block
REC_BLOCKS: tuple[Row, ...] = (
    (96, True, 1),
    *((96, False, 1),) * 2,
    (192, False, (2, 1)),
    *((192, True, 1), (192, False, 1)) * 3,
    (384, False, (2, 1)),
    (384, True, 1),
    (384, False, 1),
)
DET_BLOCKS: tuple[Row, ...] = (
    (48, True, 1),
    (48, False, 1),
    (96, False, 2),
    (96, True, 1),
    (96, False, 1),
    (192, False, 2),
    *((192, True, 1), (192, False, 1)) * 2,
    (384, False, 2),
    (384, True, 1),
    (384, False, 1),
)
POOLED_COLUMNS = 2  # by `layers.line_pool`


class Unit(ConvNorm):
    CONV = "c"


class Gate(nn.Module):
    """Squeeze-excite with a sigmoid: x (N, C, H, W) times a gate per channel; about C / 4 channels inside."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = make_divisible(channels / 4, 8)
        self.fc1 = nn.Conv2d(channels, inner, 1)
        self.fc2 = nn.Conv2d(inner, channels, 1)
        default_conv_(self.fc1)
        default_conv_(self.fc2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))).sigmoid()


class Residual(nn.Module):
    """x + m(x)."""

    def __init__(self, m: nn.Module) -> None:
        super().__init__()
        self.m = m

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.m(x)


class RepVitBlock(Recomputable):
    """What mixes places: a depthwise convolution (strided, or with branches) and the gate; what mixes channels: two 1x1
    convolutions on a shortcut, the last batch norm at 0 at the start.

    Args:
        inputs, outputs: channels; equal where the stride is 1.
        squeeze_excite: whether there is a gate.
        stride: of the depthwise convolution.
    """

    def __init__(self, inputs: int, outputs: int, squeeze_excite: bool, stride: Stride) -> None:
        super().__init__()
        gate = Gate(inputs) if squeeze_excite else nn.Identity()
        if stride == 1:
            self.token_mixer = nn.Sequential(RepDepthwise(inputs, bias=True, unit=Unit), gate)
        else:
            self.token_mixer = nn.Sequential(Unit(inputs, inputs, 3, stride, depthwise=True), gate, Unit(inputs, outputs))
        widen, narrow = Unit(outputs, 2 * outputs), Unit(2 * outputs, outputs, norm_weight=0.0)
        self.channel_mixer = Residual(nn.Sequential(widen, nn.GELU(), narrow))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.channel_mixer(self.token_mixer(x))


class RepVit(nn.Module):
    """Two strided convolutions, then blocks.

    Args:
        in_spec: the images.
        blocks: a table such as `REC_BLOCKS`.
    """

    def __init__(self, in_spec: FeatureSpec, blocks: Sequence[Row]) -> None:
        super().__init__()
        channels = blocks[0][0]
        first = Unit(in_spec.channels, channels // 2, 3, 2), nn.GELU(), Unit(channels // 2, channels, 3, 2)
        layers: list[nn.Module] = [nn.Sequential(*first)]
        stride = in_spec.stride[0] * 4, in_spec.stride[1] * 4
        self.specs = [FeatureSpec(channels, stride)]
        for outputs, squeeze_excite, own in blocks:
            layers.append(RepVitBlock(channels, outputs, squeeze_excite, own))
            step = pair(own, "stride")
            channels, stride = outputs, (stride[0] * step[0], stride[1] * step[1])
            self.specs.append(FeatureSpec(channels, stride))
        self.features = nn.ModuleList(layers)


@BACKBONES.register("RepSVTR", task="rec")
class RepSVTR(RepVit):
    """Images (N, C, H, W) -> features (N, 384, 1, W / 8).

    Args:
        in_spec: the images.
    """

    def __init__(self, in_spec: FeatureSpec) -> None:
        super().__init__(in_spec, REC_BLOCKS)
        last = self.specs[-1]
        self.out_spec = FeatureSpec(last.channels, (last.stride[0], last.stride[1] * POOLED_COLUMNS), height=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = fast_layout(images)
        for layer in self.features:
            x = layer(x)
        return line_pool(x)


@BACKBONES.register("RepSVTR_det", task="det")
class RepSVTRDet(RepVit):
    """Images (N, C, H, W) -> maps of strides 4, 8, 16 and 32 (those of `out_indices`).

    Args:
        in_spec: the images.
        out_indices: layers whose maps are given out, rising; 0 is the two convolutions at the start, 13 the last block.

    Raises:
        ValueError: bad out_indices.
    """

    def __init__(self, in_spec: FeatureSpec, out_indices: Sequence[int] = (2, 5, 10, 13)) -> None:
        known, indices = range(1 + len(DET_BLOCKS)), list(out_indices)
        if not indices or any(i not in known for i in indices) or indices != sorted(set(indices)):
            raise ValueError(f"out_indices takes rising numbers from 0 to {known[-1]}, got {indices}")
        # Layers after the last one asked for would be parameters that no loss reaches.
        super().__init__(in_spec, DET_BLOCKS[: indices[-1]] if indices[-1] else DET_BLOCKS[:1])
        self.out_indices = tuple(indices)
        self.out_spec = [self.specs[i] for i in indices]

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        x, maps = fast_layout(images), []
        for layer in self.features:
            x = layer(x)
            maps.append(x)
        return [maps[i] for i in self.out_indices]
