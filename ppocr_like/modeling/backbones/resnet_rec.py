"""The residual network of PaddleOCR's CRNN, Rosetta and STAR-Net recipes: rec_resnet_vd, with its parameter names.

The detector's ResNet_vd with strides that keep columns.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones.resnet import DEPTHS, WIDTHS, ConvNormAct, Stages, check_layers, vd_name
from ppocr_like.modeling.layers import fast_layout
from ppocr_like.registry import BACKBONES

LAST_STAGE = (len(WIDTHS) - 1,)


@BACKBONES.register("ResNet", task="rec")
class ResNet(Stages):
    """Images (N, C, H, W) -> features (N, C', H / 32, W / 4), so 32 px high images give a sequence.

    Args:
        in_spec: the images.
        layers: 18, 34, 50, 101, 152 or 200.

    Raises:
        ValueError: an unknown number of layers.
    """

    def __init__(self, in_spec: FeatureSpec, layers: int = 50) -> None:
        check_layers(layers, list(DEPTHS))
        stride = in_spec.stride[0] * 2, in_spec.stride[1] * 2
        super().__init__(stride, layers, LAST_STAGE, vd=True, name=vd_name, step=(2, 1))
        self.conv1_1 = ConvNormAct(in_spec.channels, 32, 3)
        self.conv1_2 = ConvNormAct(32, 32, 3)
        self.conv1_3 = ConvNormAct(32, WIDTHS[0], 3)
        last = self.specs[-1]
        self.out_spec = FeatureSpec(last.channels, (last.stride[0] * 2, last.stride[1] * 2))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.conv1_3(self.conv1_2(self.conv1_1(fast_layout(images))))
        return F.max_pool2d(self.stages(F.max_pool2d(x, 3, 2, 1))[-1], 2)
