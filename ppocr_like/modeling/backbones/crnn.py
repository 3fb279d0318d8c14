"""CRNN: the convolutions of ocrs-models' recogniser, after Shi et al. 2015 (arXiv 1507.05717)."""

from __future__ import annotations

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.layers import BatchNorm2d, fast_layout
from ppocr_like.registry import BACKBONES

WIDTHS = (32, 64, 128, 128, 128, 128, 128)


def conv(inputs: int, outputs: int, normed: bool) -> list[nn.Module]:
    """3x3 convolution, batch norm where wanted (the convolution then has no bias), ReLU."""
    norm: list[nn.Module] = [BatchNorm2d(outputs)] if normed else []
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=not normed), *norm, nn.ReLU(inplace=True)]


@BACKBONES.register("CRNN", task="rec")
class CRNN(nn.Module):
    """Images (N, C, H, W) -> features (N, 128, 1, W / 4 + 1) for heights from 48 to 111 px.

    As the recogniser of ocrs-models with its numbers of parameters and torch's initial values; a `SequenceEncoder` of type
    gru with hidden_size 256 and a `CTCHead` complete it. It was made for gray images of 64 px in [-0.5, 0.5]: `ToGray`, and
    mean [0.5], std [1.0]. The state's names are those of ocrs-models.

    Args:
        in_spec: the images.
    """

    def __init__(self, in_spec: FeatureSpec) -> None:
        super().__init__()
        c1, c2, c3, c4, c5, c6, c7 = WIDTHS
        self.conv = nn.Sequential(
            *conv(in_spec.channels, c1, False),
            nn.MaxPool2d(2),
            *conv(c1, c2, True),
            nn.MaxPool2d(2),
            *conv(c2, c3, False),
            *conv(c3, c4, True),
            nn.MaxPool2d((2, 1)),
            *conv(c4, c5, False),
            *conv(c5, c6, True),
            nn.MaxPool2d((2, 1)),
            nn.Conv2d(c6, c7, 2, padding=1, bias=False),  # an even kernel: one row and one column more
            BatchNorm2d(c7),
            nn.AvgPool2d((4, 1)),
        )
        self.out_spec = FeatureSpec(c7, (in_spec.stride[0] * 64, in_spec.stride[1] * 4))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.conv(fast_layout(images))
