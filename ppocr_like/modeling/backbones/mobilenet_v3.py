"""MobileNetV3 for detection (Howard et al. 2019): PaddleOCR's det_mobilenet_v3, with its parameter names.

Its layers serve the recogniser of the same name too, which has other strides.
"""

from __future__ import annotations

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.depthwise import DepthwiseConv2d
from ppocr_like.modeling.init import default_conv_
from ppocr_like.modeling.layers import BatchNorm2d, fast_layout, make_divisible, norm_act, pair
from ppocr_like.modeling.recompute import Recomputable
from ppocr_like.modeling.squeeze_excite import SEModule
from ppocr_like.registry import BACKBONES

DIVISOR = 8
STEM = 16  # channels of the first convolution before scaling
SCALES = (0.35, 0.5, 0.75, 1.0, 1.25)  # PaddleOCR has weights for these and takes no others
FIRST_TO_SPLIT = {"large": 3, "small": 1}  # from this block on every stride of 2 starts a new stage
LAST = {"large": 960, "small": 576}  # channels of the last convolution before scaling

Block = tuple[int, int, int, bool, str, int]

# kernel, channels within, channels out (both before scaling), squeeze-excite, activation, stride: tables 1 and 2 of the paper
BLOCKS: dict[str, tuple[Block, ...]] = {
    "large": (
        (3, 16, 16, False, "relu", 1),
        (3, 64, 24, False, "relu", 2),
        (3, 72, 24, False, "relu", 1),
        (5, 72, 40, True, "relu", 2),
        (5, 120, 40, True, "relu", 1),
        (5, 120, 40, True, "relu", 1),
        (3, 240, 80, False, "hardswish", 2),
        (3, 200, 80, False, "hardswish", 1),
        (3, 184, 80, False, "hardswish", 1),
        (3, 184, 80, False, "hardswish", 1),
        (3, 480, 112, True, "hardswish", 1),
        (3, 672, 112, True, "hardswish", 1),
        (5, 672, 160, True, "hardswish", 2),
        (5, 960, 160, True, "hardswish", 1),
        (5, 960, 160, True, "hardswish", 1),
    ),
    "small": (
        (3, 16, 16, True, "relu", 2),
        (3, 72, 24, False, "relu", 2),
        (3, 88, 24, False, "relu", 1),
        (5, 96, 40, True, "hardswish", 2),
        (5, 240, 40, True, "hardswish", 1),
        (5, 240, 40, True, "hardswish", 1),
        (5, 120, 48, True, "hardswish", 1),
        (5, 144, 48, True, "hardswish", 1),
        (5, 288, 96, True, "hardswish", 2),
        (5, 576, 96, True, "hardswish", 1),
        (5, 576, 96, True, "hardswish", 1),
    ),
}


class ConvNormAct(nn.Module):
    """Convolution without bias, batch norm, activation (a name in `layers.ACTIVATIONS`)."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int | tuple[int, int], act: str, depthwise: bool = False
    ) -> None:
        super().__init__()
        self.act = act
        self.conv: nn.Conv2d
        if depthwise:
            self.conv = DepthwiseConv2d(inputs, kernel, pair(stride, "stride"))
        else:
            self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.bn = BatchNorm2d(outputs)
        default_conv_(self.conv)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return norm_act(self.bn, self.act, self.conv(x))


class InvertedResidual(Recomputable):
    """1x1 convolution to more channels, depthwise convolution, squeeze-excite where wanted, 1x1 convolution to fewer.

    With a stride of 1 and as many outputs as inputs the input is added; not where the stride is a pair, be it of ones: so in
    PaddleOCR, and weights go by it.
    """

    def __init__(
        self,
        inputs: int,
        within: int,
        outputs: int,
        kernel: int,
        stride: int | tuple[int, int],
        squeeze_excite: bool,
        act: str,
    ) -> None:
        super().__init__()
        self.shortcut = stride == 1 and inputs == outputs
        self.expand_conv = ConvNormAct(inputs, within, 1, 1, act)
        self.bottleneck_conv = ConvNormAct(within, within, kernel, stride, act, depthwise=True)
        self.mid_se = SEModule(within) if squeeze_excite else None
        self.linear_conv = ConvNormAct(within, outputs, 1, 1, "none")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bottleneck_conv(self.expand_conv(x))
        if self.mid_se is not None:
            y = self.mid_se(y)
        y = self.linear_conv(y)
        return x + y if self.shortcut else y


def check_size(model_name: str, scale: float) -> None:
    """Raises ValueError for a size that has no table."""
    if model_name not in BLOCKS:
        raise ValueError(f"model_name must be one of {', '.join(BLOCKS)}, got {model_name!r}")
    if scale not in SCALES:
        raise ValueError(f"scale must be one of {', '.join(map(str, SCALES))}, got {scale}")


@BACKBONES.register("MobileNetV3", task="det")
class MobileNetV3(nn.Module):
    """Images (N, C, H, W) -> four maps of strides 4, 8, 16 and 32.

    Args:
        in_spec: the images.
        model_name: large or small.
        scale: multiplies the channel counts: one of `SCALES`.
        disable_se: leaves out all squeeze-excite layers.

    Raises:
        ValueError: an unknown model_name or scale.
    """

    def __init__(self, in_spec: FeatureSpec, model_name: str = "large", scale: float = 0.5, disable_se: bool = False) -> None:
        super().__init__()
        check_size(model_name, scale)
        channels = make_divisible(STEM * scale, DIVISOR)
        self.conv = ConvNormAct(in_spec.channels, channels, 3, 2, "hardswish")
        stride = in_spec.stride[0] * 2, in_spec.stride[1] * 2
        self.out_spec: list[FeatureSpec] = []
        stage: list[nn.Module] = []
        for number, (kernel, within, outputs, squeeze_excite, act, step) in enumerate(BLOCKS[model_name]):
            if step == 2 and number >= FIRST_TO_SPLIT[model_name]:
                self._close(stage, FeatureSpec(channels, stride))
                stage = []
            wide, narrow = make_divisible(within * scale, DIVISOR), make_divisible(outputs * scale, DIVISOR)
            stage.append(InvertedResidual(channels, wide, narrow, kernel, step, squeeze_excite and not disable_se, act))
            channels, stride = narrow, (stride[0] * step, stride[1] * step)
        last = make_divisible(LAST[model_name] * scale, DIVISOR)
        stage.append(ConvNormAct(channels, last, 1, 1, "hardswish"))
        self._close(stage, FeatureSpec(last, stride))

    def _close(self, stage: list[nn.Module], spec: FeatureSpec) -> None:
        self.add_module(f"stage{len(self.out_spec)}", nn.Sequential(*stage))
        self.out_spec.append(spec)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        x = self.conv(fast_layout(images))
        maps = []
        for number in range(len(self.out_spec)):
            x = getattr(self, f"stage{number}")(x)
            maps.append(x)
        return maps
