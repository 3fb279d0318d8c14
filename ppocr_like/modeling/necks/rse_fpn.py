"""RSEFPN: a feature pyramid with residual squeeze-and-excite, the neck of PP-OCRv3 to v5's mobile detectors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.necks.db_fpn import plain_conv
from ppocr_like.modeling.necks.intracl import IntraCLBlock
from ppocr_like.modeling.necks.pyramid import LEVELS, pyramid_spec, same_size, top_down
from ppocr_like.modeling.squeeze_excite import SEModule
from ppocr_like.registry import NECKS


def squeezed(block: SEModule, x: torch.Tensor, shortcut: bool) -> torch.Tensor:
    """Squeeze-and-excite of x (N, C, H, W), plus x with the shortcut: one pass over the map in place of two."""
    gate = block.gate(x)
    return x * (1.0 + gate if shortcut else gate)


def quarter_of(out_channels: int) -> int:
    """Channels of one level. Raises ValueError where squeeze-and-excite cannot divide them."""
    if out_channels < 4 * LEVELS:
        raise ValueError(f"out_channels is {out_channels}; squeeze-and-excite needs at least {4 * LEVELS}")
    return out_channels // LEVELS


class RSELayer(nn.Module):
    """Convolution and squeeze-and-excite, with a shortcut around the latter: y = conv(x); y + gate y."""

    def __init__(self, inputs: int, outputs: int, kernel: int, shortcut: bool) -> None:
        super().__init__()
        self.in_conv = plain_conv(inputs, outputs, kernel)
        self.se_block = SEModule(outputs)
        self.shortcut = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return squeezed(self.se_block, self.in_conv(x), self.shortcut)


@NECKS.register()
class RSEFPN(nn.Module):
    """Four feature maps -> (N, out_channels, H/4, W/4); a quarter of the channels from each level, coarsest first.

    PaddleOCR's neck of the same name, with its parameter names and initial values.

    Args:
        in_spec: the backbone's levels.
        out_channels: of the result, a multiple of 4.
        shortcut: around the squeeze-and-excite blocks.
        intracl: an IntraCL block behind each level.
    """

    def __init__(self, in_spec: list[FeatureSpec], out_channels: int, shortcut: bool = True, intracl: bool = False) -> None:
        super().__init__()
        self.out_spec = pyramid_spec(in_spec, out_channels)
        quarter = quarter_of(out_channels)
        self.intracl = intracl
        if intracl:
            for i in range(LEVELS):
                self.add_module(f"incl{i + 1}", IntraCLBlock(quarter, reduce_factor=2))
        self.ins_conv = nn.ModuleList(RSELayer(level.channels, out_channels, 1, shortcut) for level in in_spec)
        self.inp_conv = nn.ModuleList(RSELayer(out_channels, quarter, 3, shortcut) for _ in range(LEVELS))

    def forward(self, levels: Sequence[torch.Tensor]) -> torch.Tensor:
        sums = top_down([conv(level) for conv, level in zip(self.ins_conv, levels, strict=True)])
        parts = [conv(level) for conv, level in zip(self.inp_conv, sums, strict=True)]
        if self.intracl:
            parts = [self.get_submodule(f"incl{i + 1}")(part) for i, part in enumerate(parts)]
        return torch.cat(same_size(parts), dim=1)
