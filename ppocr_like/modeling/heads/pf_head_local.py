"""PFHeadLocal: DBHead whose probabilities are refined at full resolution, the head of PP-OCRv4's server detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.conv_norm import ConvNorm
from ppocr_like.modeling.heads.db_head import DBHead, first_convolutions
from ppocr_like.modeling.init import default_conv_
from ppocr_like.registry import HEADS


class LocalModule(nn.Module):
    """Probabilities (N, 1, H, W) and features (N, C, H/2, W/2) -> logits (N, 1, H, W) of the refined probabilities."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.last_3 = ConvNorm(channels + 1, inner, 3, act="relu")
        self.last_1 = nn.Conv2d(inner, 1, 1)
        default_conv_(self.last_1)

    def forward(self, probability: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        large = F.interpolate(features, scale_factor=2.0, mode="nearest")
        return self.last_1(self.last_3(torch.cat((probability.to(large.dtype), large), dim=1)))


@HEADS.register()
class PFHeadLocal(DBHead):
    """Features (N, C, H/4, W/4) -> in evaluation {"maps"} (N, 1, H, W), the mean of DB's probabilities and the refined ones.

    In training (N, 3, H, W) `maps` = refined probability, threshold, binary map of DB's own probability; `distance_maps`
    (N, 1, H, W) is the first of these and `cbn_maps` the last one, under the names that PaddleOCR gives them; DBLoss then
    adds `loss_cbn`. float32 under autocast too. Parameter names and initial values are PaddleOCR's.

    Args:
        in_spec: the neck's map.
        k, kernel_list, fix_nan: see `DBHead`.
        mode: "large" (C/4 channels in the refinement) or "small" (C/8).
    """

    def __init__(
        self,
        in_spec: FeatureSpec,
        k: int = 50,
        mode: str = "small",
        kernel_list: Sequence[int] = (3, 2, 2),
        fix_nan: bool = False,
    ) -> None:
        super().__init__(in_spec, k, kernel_list, fix_nan)
        if mode not in ("large", "small"):
            raise ValueError(f"mode must be large or small, got {mode!r}")
        if list(kernel_list[1:]) != [2, 2]:
            raise ValueError(f"PFHeadLocal needs transposed kernels of 2, else its two maps differ in size; got {kernel_list}")
        if in_spec.channels < 8:
            raise ValueError(f"PFHeadLocal needs at least 8 channels, got {in_spec.channels}")
        self.cbn_layer = LocalModule(in_spec.channels // 4, in_spec.channels // (4 if mode == "large" else 8))

    def forward(
        self, features: torch.Tensor | Mapping[str, torch.Tensor], targets: Mapping[str, torch.Tensor] | None = None
    ) -> dict[str, torch.Tensor]:
        x = features if isinstance(features, torch.Tensor) else features["fuse"]
        if not self.training:
            inner = self.binarize.features(x)
            base = self.binarize.conv3(inner).float().sigmoid()
            return {"maps": 0.5 * (base + self.cbn_layer(base, inner).float().sigmoid())}
        first, second = first_convolutions(x, self.binarize, self.thresh)
        inner = self.binarize.after_first(first)
        base = self.binarize.conv3(inner).float().sigmoid()
        refined = self.cbn_layer(base, inner).float().sigmoid()
        threshold = self.thresh.conv3(self.thresh.after_first(second)).float().sigmoid()
        binary = self.step_function(base, threshold)
        return {"maps": torch.cat((refined, threshold, binary), dim=1), "distance_maps": refined, "cbn_maps": binary}
