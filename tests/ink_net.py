"""A detector without training, for tests: text is where it is dark. A plugin of recipes (`Global.plugins: [tests.ink_net]`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.registry import BACKBONES, HEADS


class TwoBranches(nn.Module):
    """Two convolutions added up, which `fuse` makes one."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(3, 1, 5, stride=2, padding=2)
        self.point = nn.Conv2d(3, 1, 1, stride=2)
        self.fused = False
        with torch.no_grad():
            self.wide.weight.fill_(-0.9 / 75)
            self.point.weight.fill_(-0.1 / 3)
            self.wide.bias.zero_()
            self.point.bias.zero_()

    @torch.no_grad()
    def fuse(self) -> None:
        self.wide.weight[:, :, 2:3, 2:3] += self.point.weight
        self.wide.bias += self.point.bias
        del self.point
        self.fused = True

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.wide(x) if self.fused else self.wide(x) + self.point(x)


@BACKBONES.register(task="det")
class InkBackbone(nn.Module):
    """Images (N, 3, H, W) -> [darkness (N, 1, H/2, W/2)]."""

    def __init__(self, in_spec: FeatureSpec) -> None:
        super().__init__()
        self.branches = TwoBranches()
        self.out_spec = [FeatureSpec(1, (2, 2))]

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [self.branches(x)]


@HEADS.register(task="det")
class InkHead(nn.Module):
    """Darkness -> {"maps": (N, 1, H, W) probabilities}."""

    needs: tuple[str, ...] = ()
    onnx_names = ("image", "mask")

    def __init__(self, in_spec: Sequence[FeatureSpec]) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(4.0))
        self.bias = nn.Parameter(torch.tensor(0.0))
        self.out_spec = FeatureSpec(1, (1, 1))

    def forward(self, x: list[torch.Tensor], targets: Mapping[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
        large = nn.functional.interpolate(x[0], scale_factor=2.0, mode="bilinear", align_corners=False)
        return {"maps": torch.sigmoid(self.gain * (large + self.bias))}
