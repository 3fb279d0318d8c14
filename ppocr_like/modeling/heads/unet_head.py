"""UNetHead: a map at full size to text probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.registry import HEADS


@HEADS.register("UNetHead", task="det")
class UNetHead(nn.Module):
    """Features (N, C, H, W) -> {"maps": (N, 1, H, W)} probabilities, in training and evaluation; float32 under autocast.

    Args:
        in_spec: the features, at the size of the image.
    """

    needs: tuple[str, ...] = ()
    onnx_names = ("image", "mask")  # of the graph's input and output, as in ocrs-models

    def __init__(self, in_spec: FeatureSpec) -> None:
        super().__init__()
        if isinstance(in_spec, Sequence):
            raise ValueError("UNetHead reads one map at the image's size, but the backbone gives several: take UNet")
        if in_spec.stride != (1, 1):
            raise ValueError(
                f"UNetHead reads a map at the image's size, but the one it gets has stride {in_spec.stride}: take UNet"
            )
        self.conv = nn.Conv2d(in_spec.channels, 1, 1)
        self.out_spec = FeatureSpec(1)

    def forward(self, features: torch.Tensor, targets: Mapping[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
        return {"maps": self.conv(features).float().sigmoid()}
