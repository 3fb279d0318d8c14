"""Residual networks: PaddleOCR's ResNet (det_resnet) and ResNet_vd (det_resnet_vd) for detection, with its parameter names.

Their layers serve the recogniser's ResNet too, which keeps more columns.

ResNet after He et al. 2015 with the stride in the 3x3 convolution; the `vd` form after He et al. 2018 ("Bag of tricks"):
three 3x3 convolutions at the start, and shortcuts that average before their 1x1 convolution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.deform_conv import ModulatedDeformConv2d
from ppocr_like.modeling.init import default_conv_
from ppocr_like.modeling.layers import BatchNorm2d, fast_layout, norm_act, pair
from ppocr_like.modeling.recompute import Recomputable
from ppocr_like.registry import BACKBONES

DEPTHS: Mapping[int, tuple[int, int, int, int]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 12, 48, 3),
}
WIDTHS = (64, 128, 256, 512)
BOTTLENECK_FROM = 50  # layers
VD_DEFORM = 2  # groups of offsets of the vd form's deformable convolutions; the classic form has one
EXPANSION = 4  # of a bottleneck's output over its width

Pair = tuple[int, int]


class ConvNormAct(nn.Module):
    """Average pool of this size where wanted, convolution without bias, batch norm, activation.

    The convolution is a deformable one where `deform` tells the number of its groups of offsets.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int | Pair = 1,
        act: str = "relu",
        pool: Pair | None = None,
        deform: int = 0,
    ) -> None:
        super().__init__()
        self.act = act
        self.pool = pool
        self._conv: nn.Module
        if deform:
            self._conv = ModulatedDeformConv2d(inputs, outputs, kernel, pair(stride, "stride"), deform)
        else:
            self._conv = conv = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, bias=False)
            default_conv_(conv)
        self._batch_norm = BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.pool is not None:  # an odd last row or column is averaged by itself, so that sizes equal a convolution's
            x = F.avg_pool2d(x, self.pool, self.pool, ceil_mode=True)
        return norm_act(self._batch_norm, self.act, self._conv(x))


class Residual(Recomputable):
    """relu(shortcut + branch): the branch is 3x3, 3x3 or, as a bottleneck, 1x1, 3x3, 1x1.

    Args:
        inputs: channels in.
        width: channels of the branch; a bottleneck gives four times as many.
        stride: of the whole, (vertical, horizontal).
        bottleneck: which branch.
        project: whether the shortcut has a convolution (the first block of a stage).
        pooled: a strided shortcut averages as many pixels, then has stride 1 (vd).
        deform: groups of offsets of a bottleneck's 3x3 convolution where it is a deformable one, else 0.
    """

    def __init__(
        self, inputs: int, width: int, stride: Pair, bottleneck: bool, project: bool, pooled: bool, deform: int = 0
    ) -> None:
        super().__init__()
        self.bottleneck = bottleneck
        outputs = width * EXPANSION if bottleneck else width
        if bottleneck:
            self.conv0 = ConvNormAct(inputs, width, 1)
            self.conv1 = ConvNormAct(width, width, 3, stride, deform=deform)
            self.conv2 = ConvNormAct(width, outputs, 1, act="none")
        else:
            self.conv0 = ConvNormAct(inputs, width, 3, stride)
            self.conv1 = ConvNormAct(width, outputs, 3, act="none")
        step, pool = (1, stride) if pooled else (stride, None)
        self.short = ConvNormAct(inputs, outputs, 1, step, "none", pool) if project else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1(self.conv0(x))
        if self.bottleneck:
            y = self.conv2(y)
        return F.relu((x if self.short is None else self.short(x)) + y)


def check_layers(layers: int, known: Sequence[int]) -> None:
    """Raises ValueError for a number of layers that is not among `known`."""
    if layers not in known:
        raise ValueError(f"layers must be one of {', '.join(map(str, known))}, got {layers}")


def check_dcn_stage(dcn_stage: Sequence[bool] | None, layers: int) -> tuple[bool, ...]:
    """The stages with deformable convolutions, none for None.

    Raises:
        ValueError: not one entry per stage, or a network without bottlenecks, whose 3x3 convolutions they would be.
    """
    stages = (False,) * len(WIDTHS) if dcn_stage is None else tuple(dcn_stage)
    if len(stages) != len(WIDTHS):
        raise ValueError(f"dcn_stage takes {len(WIDTHS)} truth values, one per stage, got {list(stages)}")
    if any(stages) and layers < BOTTLENECK_FROM:
        raise ValueError(
            f"dcn_stage {list(stages)} asks for deformable convolutions, which only networks of {BOTTLENECK_FROM} layers and "
            f"more have; layers is {layers}: set all four to False"
        )
    return stages


def check_out_indices(out_indices: Sequence[int] | None) -> tuple[int, ...]:
    """The stages whose maps are given out, all four for None.

    Raises:
        ValueError: an index out of 0..3, none at all, or not in rising order.
    """
    indices = tuple(range(len(WIDTHS)) if out_indices is None else out_indices)
    if not indices or any(i not in range(len(WIDTHS)) for i in indices) or list(indices) != sorted(set(indices)):
        raise ValueError(f"out_indices takes rising numbers from 0 to {len(WIDTHS) - 1}, got {list(indices)}")
    return indices


def after_stem(in_spec: FeatureSpec) -> Pair:
    """Stride behind a convolution and a pool of stride 2."""
    return in_spec.stride[0] * 4, in_spec.stride[1] * 4


def vd_name(stage: int, block: int) -> str:
    return f"bb_{stage}_{block}"


class Stages(nn.Module):
    """The four stages of a residual network after its stem.

    Args:
        stride: of what the stem gives.
        layers: a key of `DEPTHS`.
        out_indices: stages whose maps are given out.
        vd: the shortcuts of the vd form.
        name: (stage, block) -> the block's attribute name.
        step: stride of the second, third and fourth stage, (vertical, horizontal).
        deform: for each stage the groups of offsets of its deformable convolutions, 0 for plain ones.
    """

    def __init__(
        self,
        stride: Pair,
        layers: int,
        out_indices: tuple[int, ...],
        vd: bool,
        name: Callable[[int, int], str],
        step: Pair = (2, 2),
        deform: Sequence[int] = (0, 0, 0, 0),
    ) -> None:
        super().__init__()
        self.out_indices = out_indices
        self.specs: list[FeatureSpec] = []
        self._names: list[list[str]] = []
        bottleneck = layers >= BOTTLENECK_FROM
        channels = WIDTHS[0]
        # Stages after the last one asked for would be parameters that no loss reaches.
        for stage in range(max(out_indices) + 1):
            self._names.append([])
            for block in range(DEPTHS[layers][stage]):
                own = step if block == 0 and stage > 0 else (1, 1)
                pooled = vd and stage > 0
                made = Residual(channels, WIDTHS[stage], own, bottleneck, block == 0, pooled, deform[stage])
                self.add_module(name(stage, block), made)
                self._names[stage].append(name(stage, block))
                channels = WIDTHS[stage] * (EXPANSION if bottleneck else 1)
                stride = (stride[0] * own[0], stride[1] * own[1])
            if stage in out_indices:
                self.specs.append(FeatureSpec(channels, stride))

    def stages(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The chosen stages' maps for what the stem gives."""
        maps = []
        for stage, names in enumerate(self._names):
            for name in names:
                x = getattr(self, name)(x)
            if stage in self.out_indices:
                maps.append(x)
        return maps


@BACKBONES.register("ResNet_vd", task="det")
class ResNetVd(Stages):
    """Images (N, C, H, W) -> maps of strides 4, 8, 16 and 32 (those of `out_indices`).

    Args:
        in_spec: the images.
        layers: 18, 34, 50, 101, 152 or 200.
        dcn_stage: for each of the four stages, whether its 3x3 convolutions are deformable ones (from 50 layers on).
        out_indices: stages whose maps are given out; all four when None.

    Raises:
        ValueError: an unknown number of layers, bad dcn_stage or out_indices.
    """

    def __init__(
        self,
        in_spec: FeatureSpec,
        layers: int = 50,
        dcn_stage: Sequence[bool] | None = None,
        out_indices: Sequence[int] | None = None,
    ) -> None:
        check_layers(layers, list(DEPTHS))
        deform = [VD_DEFORM * stage for stage in check_dcn_stage(dcn_stage, layers)]
        super().__init__(after_stem(in_spec), layers, check_out_indices(out_indices), vd=True, name=vd_name, deform=deform)
        self.out_spec = self.specs
        self.conv1_1 = ConvNormAct(in_spec.channels, 32, 3, 2)
        self.conv1_2 = ConvNormAct(32, 32, 3)
        self.conv1_3 = ConvNormAct(32, WIDTHS[0], 3)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        x = self.conv1_3(self.conv1_2(self.conv1_1(fast_layout(images))))
        return self.stages(F.max_pool2d(x, 3, 2, 1))


def classic_name(layers: int) -> Callable[[int, int], str]:
    """(stage, block) -> the name of old: res2a, res2b ...; the long stage of the deep ones counts res4b1, res4b2 ..."""

    def name(stage: int, block: int) -> str:
        if layers > BOTTLENECK_FROM and stage == 2:
            return f"res{stage + 2}{'a' if block == 0 else f'b{block}'}"
        return f"res{stage + 2}{chr(ord('a') + block)}"

    return name


@BACKBONES.register("ResNet", task="det")
class ResNet(Stages):
    """Images (N, C, H, W) -> maps of strides 4, 8, 16 and 32 (those of `out_indices`).

    Args:
        in_spec: the images.
        layers: 18, 34, 50, 101 or 152.
        out_indices: stages whose maps are given out; all four when None.
        dcn_stage: for each of the four stages, whether its 3x3 convolutions are deformable ones (from 50 layers on).

    Raises:
        ValueError: an unknown number of layers, bad dcn_stage or out_indices.
    """

    def __init__(
        self,
        in_spec: FeatureSpec,
        layers: int = 50,
        out_indices: Sequence[int] | None = None,
        dcn_stage: Sequence[bool] | None = None,
    ) -> None:
        check_layers(layers, [known for known in DEPTHS if known <= 152])
        deform, name = [int(stage) for stage in check_dcn_stage(dcn_stage, layers)], classic_name(layers)
        super().__init__(after_stem(in_spec), layers, check_out_indices(out_indices), vd=False, name=name, deform=deform)
        self.out_spec = self.specs
        self.conv = ConvNormAct(in_spec.channels, WIDTHS[0], 7, 2)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        return self.stages(F.max_pool2d(self.conv(fast_layout(images)), 3, 2, 1))
