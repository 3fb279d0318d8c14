"""A recogniser so small that it learns a handful of lines by heart in seconds: each strip of the line by itself."""

from __future__ import annotations

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.registry import BACKBONES

WIDTH, STEP = 12, 4  # px: of a strip, and from one to the next


@BACKBONES.register()
class ColumnBackbone(nn.Module):
    """(N, C, H, W) -> (N, channels, 1, about W / STEP): three layers over strips as high as the line."""

    def __init__(self, in_spec: FeatureSpec, height: int = 32, channels: int = 96) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(in_spec.channels, channels, (height, WIDTH), (height, STEP), (0, WIDTH // 2)), *_norm_act(channels)),
            *(nn.Conv2d(channels, channels, (1, 3), padding=(0, 1), bias=False), *_norm_act(channels)),
            *(nn.Conv2d(channels, channels, (1, 3), padding=(0, 1), bias=False), *_norm_act(channels)),
        )
        self.out_spec = FeatureSpec(channels, (height, STEP), 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images)


def _norm_act(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(channels), nn.SiLU()
