"""PPLCNetV3 for recognition: PaddleOCR's rec_lcnetv3 without det, the backbone of PP-OCRv4 and v5 mobile recognisers.

The detector's layers with strides that keep columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones.pplcnet_v3 import LCNetV3, Stages
from ppocr_like.modeling.layers import line_pool, line_pool_spec
from ppocr_like.registry import BACKBONES

BLOCKS: Stages = {
    "blocks2": ((3, 16, 32, 1, False),),
    "blocks3": ((3, 32, 64, 1, False), (3, 64, 64, 1, False)),
    "blocks4": ((3, 64, 128, (2, 1), False), (3, 128, 128, 1, False)),
    "blocks5": ((3, 128, 256, (1, 2), False), *((5, 256, 256, 1, False),) * 4),
    "blocks6": ((5, 256, 512, (2, 1), True), (5, 512, 512, 1, True), (5, 512, 512, (2, 1), False), (5, 512, 512, 1, False)),
}


@BACKBONES.register("PPLCNetV3", task="rec")
class PPLCNetV3(LCNetV3):
    """Images (N, C, H, W) -> features (N, 512 * scale, 1, W / 8).

    Args:
        in_spec: the images.
        scale: multiplies the channel counts.
        conv_kxk_num: branches of each convolution in training.
        lr_mult_list: rate multipliers of the first convolution and of the five stages.
        lab_lr: rate multiplier of the affine numbers, on top of their stage's.
        det: must be False: the form for lines of text.

    Raises:
        ValueError: a value that makes no network, or det True.
    """

    def __init__(
        self,
        in_spec: FeatureSpec,
        scale: float = 1.0,
        conv_kxk_num: int = 4,
        lr_mult_list: Sequence[float] = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
        lab_lr: float = 0.1,
        det: bool = False,
    ) -> None:
        if det:
            raise ValueError("a recogniser needs the form with one map: set det: False")
        super().__init__(in_spec, BLOCKS, scale, conv_kxk_num, lr_mult_list, lab_lr)
        self.out_spec = line_pool_spec(self.specs["blocks6"])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return line_pool(self.stages(images)["blocks6"])
