"""RepLKPAN: LKPAN with large depthwise kernels in place of full ones, the neck of PP-OCRv6's medium detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.fuse import batch_norm_kernel, convolution_like
from ppocr_like.modeling.large_kernel import DilatedReparam
from ppocr_like.modeling.layers import BatchNorm2d
from ppocr_like.modeling.necks.db_fpn import plain_conv
from ppocr_like.modeling.necks.lk_pan import PathAggregation
from ppocr_like.modeling.necks.pyramid import with_auxiliary
from ppocr_like.registry import NECKS


class DilatedReparamConv(nn.Module):
    """Large depthwise kernel with its branches, 1x1 convolution, batch norm; PaddleOCR's parameter names."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.dw = DilatedReparam(inputs, kernel)
        self.pw = plain_conv(inputs, outputs, 1)
        self.bn: BatchNorm2d | None = BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.pw(self.dw(x))
        return y if self.bn is None else self.bn(y)

    @torch.no_grad()
    def fuse(self) -> None:
        """Takes the batch norm into the 1x1 convolution (see `modeling.fuse`); a second call changes nothing."""
        if self.bn is not None:
            self.pw = convolution_like(self.pw, *batch_norm_kernel(self.pw.weight, self.bn))
            self.bn = None


@NECKS.register()
class RepLKPAN(PathAggregation):
    """Four feature maps -> (N, out_channels, H/4, W/4); a quarter of the channels from each level, coarsest first.

    In training a mapping: `fuse` is that map, `aux_p4`, `aux_p3`, `aux_p2` are the sums down the pyramid (N, out_channels,
    H/16, ...), which DBHead's auxiliary branches read. PaddleOCR's neck of the same name, with its parameter names and
    initial values.

    Args:
        in_spec: the backbone's levels.
        out_channels: of the result, a multiple of 4.
        mode: "large", the only form there is.
        intracl: an IntraCL block behind each level.
    """

    def __init__(self, in_spec: list[FeatureSpec], out_channels: int, mode: str = "large", intracl: bool = False) -> None:
        if mode.lower() != "large":
            raise ValueError(f"RepLKPAN has one form, mode: large; got {mode!r}")
        super().__init__(in_spec, out_channels, DilatedReparamConv, intracl)

    def forward(self, levels: Sequence[torch.Tensor]) -> torch.Tensor | Mapping[str, torch.Tensor]:
        sums = self.down(levels)
        return with_auxiliary(self.up(sums), sums) if self.training else self.up(sums)
