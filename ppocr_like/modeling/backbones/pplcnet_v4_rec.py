"""PPLCNetV4 for recognition: PaddleOCR's rec_lcnetv4 without det, the backbone of PP-OCRv6's recognisers.

The detector's blocks with strides that keep columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones.pplcnet_v4 import Stem, check_size, stage
from ppocr_like.modeling.conv_norm import ConvNorm, Stride
from ppocr_like.modeling.layers import fast_layout, line_pool, line_pool_spec, pair
from ppocr_like.registry import BACKBONES

NAMES = ("blocks2", "blocks3", "blocks4", "blocks5")


@dataclass(frozen=True)
class Stage:
    """`outputs` channels, `stride` and number of blocks; which of these have squeeze-excite."""

    outputs: int
    stride: Stride
    count: int
    gates: tuple[int, ...] = ()


# The stem's channels inside, then the stages called `NAMES`.
SIZES: Mapping[str, tuple[int, tuple[Stage, ...]]] = {
    "tiny": (24, (Stage(48, 1, 1, (0,)), Stage(48, 1, 1), Stage(96, (2, 1), 3, (1,)), Stage(160, (2, 1), 4, (1,)))),
    "small": (48, (Stage(96, 1, 1, (0,)), Stage(96, 1, 2), Stage(192, (2, 1), 7, (1, 3, 5)), Stage(384, (2, 1), 3, (1,)))),
    "medium": (
        64,
        (Stage(128, 1, 1, (0,)), Stage(256, 1, 3, (2,)), Stage(512, (2, 1), 7, (1, 3, 5)), Stage(768, (2, 1), 3, (1,))),
    ),
}


@BACKBONES.register("PPLCNetV4", task="rec")
class PPLCNetV4(nn.Module):
    """Images (N, C, H, W) -> features (N, 160, 384 or 768, 1, W / 8).

    Args:
        in_spec: the images.
        det: must be False: the form for lines of text.
        model_size: "tiny", "small" or "medium".
        lr_mult_list: rate multipliers of the stem and of five stages (the last is empty). As in PaddleOCR, those of the
            stages reach only their squeeze-excite layers, and that of the stem does not reach the tiny size's.

    Raises:
        ValueError: an unknown size, bad lr_mult_list, or det True.
    """

    def __init__(
        self,
        in_spec: FeatureSpec,
        det: bool = False,
        model_size: str = "small",
        lr_mult_list: Sequence[float] = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    ) -> None:
        super().__init__()
        if det:
            raise ValueError("a recogniser needs the form with one map: set det: False")
        check_size(model_size)
        if len(lr_mult_list) != 2 + len(NAMES) or min(lr_mult_list) < 0:
            raise ValueError(f"lr_mult_list takes {2 + len(NAMES)} numbers, none negative, got {list(lr_mult_list)}")
        inner, stages = SIZES[model_size]
        channels = stages[0].outputs
        self.conv1: nn.Module
        if model_size == "tiny":
            first, second = ConvNorm(in_spec.channels, inner, 3, 2), ConvNorm(inner, channels, 3, 2)
            self.conv1 = nn.Sequential(first, nn.GELU(), second)
        else:
            self.conv1 = Stem(in_spec.channels, inner, channels, lr_mult=lr_mult_list[0])
        stride = in_spec.stride[0] * 4, in_spec.stride[1] * 4
        for name, wanted, lr_mult in zip(NAMES, stages, lr_mult_list[1:], strict=False):
            step = pair(wanted.stride, "stride")
            made = stage(channels, wanted.outputs, wanted.stride, wanted.count, wanted.gates, lr_mult)
            self.add_module(name, made)
            channels, stride = wanted.outputs, (stride[0] * step[0], stride[1] * step[1])
        self.out_spec = line_pool_spec(FeatureSpec(channels, stride))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.conv1(fast_layout(images))
        for name in NAMES:
            x = self.get_submodule(name)(x)
        return line_pool(x)
