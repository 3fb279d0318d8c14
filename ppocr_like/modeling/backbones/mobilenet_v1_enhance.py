"""MobileNetV1Enhance: MobileNetV1 with hard-swish, 5x5 kernels and squeeze-excite, for text lines.

PaddleOCR's backbone of PP-OCRv2 and v3 recognisers and of the PP-OCRv3 rotation classifier (rec_mv1_enhance), after
MobileNets (Howard et al. 2017) and PP-LCNet (Cui et al. 2021). Parameter names are PaddleOCR's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec, ParamAttr
from ppocr_like.modeling.depthwise import DepthwiseConv2d
from ppocr_like.modeling.init import kaiming_normal_
from ppocr_like.modeling.layers import BatchNorm2d, fast_layout, norm_act, pair
from ppocr_like.modeling.recompute import Recomputable
from ppocr_like.modeling.squeeze_excite import TORCH_SLOPE, SEModule
from ppocr_like.registry import BACKBONES

# in, out channels before scaling; stride (None: `last_conv_stride`); kernel of the depthwise convolution; squeeze-excite
BLOCKS: tuple[tuple[int, int, tuple[int, int] | None, int, bool], ...] = (
    (32, 64, (1, 1), 3, False),
    (64, 128, (1, 1), 3, False),
    (128, 128, (1, 1), 3, False),
    (128, 256, (2, 1), 3, False),
    (256, 256, (1, 1), 3, False),
    (256, 512, (2, 1), 3, False),
    *((512, 512, (1, 1), 5, False),) * 5,
    (512, 1024, (2, 1), 5, True),
    (1024, 1024, None, 5, True),
)


class ConvNormAct(nn.Module):
    """Convolution without bias, batch norm, hard-swish. The batch norm has no L2 (`ParamAttr`), as in PaddleOCR."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: tuple[int, int], depthwise: bool = False) -> None:
        super().__init__()
        self._conv: nn.Conv2d
        if depthwise:
            self._conv = DepthwiseConv2d(inputs, kernel, stride)
        else:
            self._conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self._batch_norm = BatchNorm2d(outputs)
        kaiming_normal_(self._conv.weight)

    def own_param_attrs(self) -> dict[str, ParamAttr]:
        return {"_batch_norm.weight": ParamAttr(l2=0.0), "_batch_norm.bias": ParamAttr(l2=0.0)}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return norm_act(self._batch_norm, "hardswish", self._conv(x))


class DepthwiseSeparable(Recomputable):
    """Depthwise convolution, squeeze-excite where wanted, 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int], kernel: int, squeeze_excite: bool) -> None:
        super().__init__()
        self._depthwise_conv = ConvNormAct(inputs, inputs, kernel, stride, depthwise=True)
        self._se = SEModule(inputs, slope=TORCH_SLOPE) if squeeze_excite else None
        self._pointwise_conv = ConvNormAct(inputs, outputs, 1, (1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self._depthwise_conv(x)
        if self._se is not None:
            x = self._se(x)
        return self._pointwise_conv(x)


@BACKBONES.register("MobileNetV1Enhance", task="rec")
@BACKBONES.register("MobileNetV1Enhance", task="cls")
class MobileNetV1Enhance(nn.Module):
    """Images (N, 3, H, W) -> features (N, 1024 * scale, H', W').

    Args:
        in_spec: the images.
        scale: multiplies every channel count.
        last_conv_stride: of the last block, a number or [vertical, horizontal].
        last_pool_type: "avg", or "max" as anything else means in PaddleOCR.
        last_pool_kernel_size: kernel and stride of an average pool; a max pool is always 2x2 there, and here.
    """

    def __init__(
        self,
        in_spec: FeatureSpec,
        scale: float = 0.5,
        last_conv_stride: int | Sequence[int] = 1,
        last_pool_type: str = "max",
        last_pool_kernel_size: int | Sequence[int] = (3, 2),
    ) -> None:
        super().__init__()
        if last_pool_type not in ("max", "avg"):
            raise ValueError(f"last_pool_type must be max or avg, got {last_pool_type!r}")
        if int(32 * scale) < 1:
            raise ValueError(f"scale {scale} leaves no channels; 32 * scale must be at least 1")
        last_stride = pair(last_conv_stride, "last_conv_stride")
        self.pool_type = last_pool_type
        self.pool_size = pair(last_pool_kernel_size, "last_pool_kernel_size") if last_pool_type == "avg" else (2, 2)
        self.conv1 = ConvNormAct(in_spec.channels, int(32 * scale), 3, (2, 2))
        self.block_list = nn.Sequential(
            *(
                DepthwiseSeparable(int(inputs * scale), int(outputs * scale), stride or last_stride, kernel, squeeze_excite)
                for inputs, outputs, stride, kernel, squeeze_excite in BLOCKS
            )
        )
        strides = [in_spec.stride, (2, 2), *(stride or last_stride for _, _, stride, _, _ in BLOCKS), self.pool_size]
        vertical = horizontal = 1
        for down, across in strides:
            vertical, horizontal = vertical * down, horizontal * across
        self.out_spec = FeatureSpec(int(1024 * scale), (vertical, horizontal))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.block_list(self.conv1(fast_layout(images)))
        if self.pool_type == "avg":
            return F.avg_pool2d(x, self.pool_size, self.pool_size)
        return F.max_pool2d(x, self.pool_size, self.pool_size)
