"""PPLCNetV4 for detection: PaddleOCR's rec_lcnetv4 with det=True, the backbone of PP-OCRv6's detectors.

Its layers serve the recogniser of the same name too, which has other strides. Blocks after RepViT (Wang et al. 2023,
arXiv 2307.09283): a depthwise convolution that mixes places, with branches in training, then two 1x1 convolutions that mix
channels, the two on a shortcut. `fuse()` makes plain convolutions of all. Parameter names are PaddleOCR's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec, ParamAttr
from ppocr_like.modeling.conv_norm import ConvNorm, RepDepthwise, Stride, attrs
from ppocr_like.modeling.layers import fast_layout, pair
from ppocr_like.modeling.recompute import Recomputable
from ppocr_like.modeling.squeeze_excite import TORCH_SLOPE, SEModule
from ppocr_like.registry import BACKBONES

EXPANSION = 2  # of the channels between a block's 1x1 convolutions

# The number of blocks of a stage, and those that have squeeze-excite.
DEPTHS: tuple[tuple[int, tuple[int, ...]], ...] = ((2, (0,)), (3, (1,)), (5, (1, 3)), (3, (1,)))
# Channels of the stem inside and of the four stages.
SIZES: Mapping[str, tuple[int, tuple[int, int, int, int]]] = {
    "tiny": (16, (32, 48, 64, 160)),
    "small": (24, (48, 96, 192, 384)),
    "medium": (64, (128, 256, 512, 896)),
}


def check_size(model_size: str) -> None:
    """Raises ValueError for an unknown size."""
    if model_size not in SIZES:
        raise ValueError(f"model_size must be one of {', '.join(SIZES)}, got {model_size!r}")


class Stem(nn.Module):
    """Two convolutions of stride 2 with a fork between: a pool beside two convolutions. HGNetV2 has it too.

    Args:
        inputs, inner, outputs: channels.
        stride: of the second strided convolution.
        lr_mult: rate multiplier of all parameters; batch norms have no L2.
    """

    def __init__(self, inputs: int, inner: int, outputs: int, stride: int = 2, lr_mult: float = 1.0) -> None:
        super().__init__()

        def unit(inputs: int, outputs: int, kernel: int, stride: int) -> ConvNorm:
            return ConvNorm(inputs, outputs, kernel, stride, act="relu", lr_mult=lr_mult, norm_l2=0.0)

        self.stem1 = unit(inputs, inner, 3, 2)
        self.stem2a = unit(inner, inner // 2, 2, 1)
        self.stem2b = unit(inner // 2, inner, 2, 1)
        self.stem3 = unit(2 * inner, inner, 3, stride)
        self.stem4 = unit(inner, outputs, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem1(x)
        pooled = F.max_pool2d(x, 2, 1, padding=1)[:, :, 1:, 1:]  # padded at the lower and the right edge alone
        return self.stem4(self.stem3(torch.cat((pooled, self.stem2b(self.stem2a(x))), dim=1)))


class Gate(SEModule):
    """Squeeze-excite with torch's slope, whose parameters have a rate of their own."""

    def __init__(self, channels: int, lr_mult: float) -> None:
        super().__init__(channels, slope=TORCH_SLOPE)
        self.lr_mult = lr_mult

    def own_param_attrs(self) -> dict[str, ParamAttr]:
        return attrs(self.lr_mult, None, *(name for name, _ in self.named_parameters()))


class LCNetV4Block(Recomputable):
    """Depthwise convolution, squeeze-excite where wanted, two 1x1 convolutions with GELU between.

    With stride 1 and as many outputs as inputs the depthwise convolution has branches, and a shortcut leads past the 1x1
    convolutions, whose last batch norm starts at 0.

    Args:
        inputs, outputs: channels.
        stride: of the depthwise convolution.
        squeeze_excite: whether there is one.
        se_lr_mult: its rate multiplier.
    """

    def __init__(self, inputs: int, outputs: int, stride: Stride, squeeze_excite: bool, se_lr_mult: float = 1.0) -> None:
        super().__init__()
        self.residual = inputs == outputs and stride == 1
        token: OrderedDict[str, nn.Module] = OrderedDict()
        if self.residual:
            token["rep_dw"] = RepDepthwise(inputs)
        else:
            token["dw_conv"] = ConvNorm(inputs, inputs, 3, stride, depthwise=True)
        if squeeze_excite:
            token["se"] = Gate(inputs, se_lr_mult)
        self.token_mixer = nn.Sequential(token)
        last = ConvNorm(EXPANSION * inputs, outputs, norm_weight=0.0 if self.residual else 1.0)
        channel = {"expand": ConvNorm(inputs, EXPANSION * inputs, act="gelu"), "compress": last}
        self.channel_mixer = nn.Sequential(OrderedDict(channel))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.token_mixer(x)
        return x + self.channel_mixer(x) if self.residual else self.channel_mixer(x)


def stage(inputs: int, outputs: int, stride: Stride, count: int, gates: tuple[int, ...], lr_mult: float = 1.0) -> nn.Sequential:
    """`count` blocks, the first with the stride; `gates`: those with squeeze-excite."""
    return nn.Sequential(
        *(LCNetV4Block(outputs if i else inputs, outputs, 1 if i else stride, i in gates, lr_mult) for i in range(count))
    )


@BACKBONES.register("PPLCNetV4", task="det")
class PPLCNetV4(nn.Module):
    """Images (N, C, H, W) -> four maps of strides 4, 8, 16 and 32.

    Args:
        in_spec: the images.
        det: must be True: the form with maps of four strides.
        model_size: "tiny", "small" or "medium".

    Raises:
        ValueError: an unknown size, or det False.
    """

    def __init__(self, in_spec: FeatureSpec, det: bool = False, model_size: str = "small") -> None:
        super().__init__()
        if not det:
            raise ValueError("a detector needs the form with four maps: set det: True")
        check_size(model_size)
        inner, widths = SIZES[model_size]
        self.stem = Stem(in_spec.channels, inner, widths[0])
        self.out_spec: list[FeatureSpec] = []
        stride = in_spec.stride[0] * 4, in_spec.stride[1] * 4
        channels = widths[0]
        for i, (width, (count, gates)) in enumerate(zip(widths, DEPTHS, strict=True)):
            step = pair(2 if i else 1, "stride")
            self.add_module(f"blocks_s{i + 1}", stage(channels, width, step[0], count, gates))
            channels, stride = width, (stride[0] * step[0], stride[1] * step[1])
            self.out_spec.append(FeatureSpec(width, stride))

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        x, maps = self.stem(fast_layout(images)), []
        for i in range(len(self.out_spec)):
            x = self.get_submodule(f"blocks_s{i + 1}")(x)
            maps.append(x)
        return maps
