"""MobileNetV3 for lines of text: PaddleOCR's rec_mobilenet_v3, with its parameter names.

The detector's layers with strides that keep columns, in one chain.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones.mobilenet_v3 import (
    BLOCKS,
    DIVISOR,
    LAST,
    STEM,
    ConvNormAct,
    InvertedResidual,
    check_size,
)
from ppocr_like.modeling.layers import fast_layout, make_divisible
from ppocr_like.registry import BACKBONES

# The blocks that `large_stride` and `small_stride` speak of. The others have none, also where the detector has one.
STRIDED = {"large": (0, 1, 3, 12), "small": (0, 1, 3, 8)}


@BACKBONES.register("MobileNetV3", task="rec")
@BACKBONES.register("MobileNetV3", task="cls")
class MobileNetV3(nn.Module):
    """Images (N, C, H, W) -> features (N, C', H', W'); with the default strides 32 px high images give a sequence.

    Args:
        in_spec: the images.
        model_name: large or small.
        scale: multiplies the channel counts: 0.35, 0.5, 0.75, 1.0 or 1.25.
        large_stride: of the large network, the vertical strides of four blocks; the first one's is horizontal, too.
            None for [1, 2, 2, 2].
        small_stride: of the small network, the vertical strides of four blocks. None for [2, 2, 2, 2].
        disable_se: leaves out all squeeze-excite layers.

    Raises:
        ValueError: an unknown model_name or scale, strides that are not four whole numbers, strides of the other network.
    """

    def __init__(
        self,
        in_spec: FeatureSpec,
        model_name: str = "small",
        scale: float = 0.5,
        large_stride: Sequence[int] | None = None,
        small_stride: Sequence[int] | None = None,
        disable_se: bool = False,
    ) -> None:
        super().__init__()
        check_size(model_name, scale)
        if model_name == "large":
            vertical = check_strides("large_stride", (1, 2, 2, 2) if large_stride is None else large_stride)
            other, unread = "small_stride", small_stride
        else:
            vertical = check_strides("small_stride", (2, 2, 2, 2) if small_stride is None else small_stride)
            other, unread = "large_stride", large_stride
        if unread is not None:
            raise ValueError(f"{other} {list(unread)} is of no use: model_name is {model_name}")
        strides: dict[int, int | tuple[int, int]] = {
            block: (stride, 1) for block, stride in zip(STRIDED[model_name], vertical, strict=True)
        }
        if model_name == "large":
            strides[0] = vertical[0]
        channels = make_divisible(STEM * scale, DIVISOR)
        self.conv1 = ConvNormAct(in_spec.channels, channels, 3, 2, "hardswish")
        blocks = []
        for number, (kernel, within, outputs, squeeze_excite, act, _) in enumerate(BLOCKS[model_name]):
            wide, narrow = make_divisible(within * scale, DIVISOR), make_divisible(outputs * scale, DIVISOR)
            excite = squeeze_excite and not disable_se
            blocks.append(InvertedResidual(channels, wide, narrow, kernel, strides.get(number, 1), excite, act))
            channels = narrow
        self.blocks = nn.Sequential(*blocks)
        last = make_divisible(LAST[model_name] * scale, DIVISOR)
        self.conv2 = ConvNormAct(channels, last, 1, 1, "hardswish")
        down, across = in_spec.stride[0] * 4, in_spec.stride[1] * 4  # the first convolution and the pool
        for stride in strides.values():
            vertically, horizontally = (stride, stride) if isinstance(stride, int) else stride
            down, across = down * vertically, across * horizontally
        self.out_spec = FeatureSpec(last, (down, across))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return F.max_pool2d(self.conv2(self.blocks(self.conv1(fast_layout(images)))), 2)


def check_strides(what: str, strides: Sequence[int]) -> tuple[int, ...]:
    """The strides as a tuple.

    Raises:
        ValueError: not four whole numbers above 0.
    """
    if len(strides) != 4 or not all(isinstance(stride, int) and stride > 0 for stride in strides):
        raise ValueError(f"{what} takes four whole numbers above 0, got {list(strides)}")
    return tuple(strides)
