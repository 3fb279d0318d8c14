"""RepLKFPN: RSEFPN with large depthwise kernels, the neck of PP-OCRv6's tiny and small detectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.large_kernel import DilatedReparam
from ppocr_like.modeling.necks.db_fpn import plain_conv
from ppocr_like.modeling.necks.intracl import IntraCLBlock
from ppocr_like.modeling.necks.pyramid import LEVELS, pyramid_spec, same_size, top_down, with_auxiliary
from ppocr_like.modeling.necks.rse_fpn import RSELayer, quarter_of, squeezed
from ppocr_like.modeling.squeeze_excite import SEModule
from ppocr_like.registry import NECKS


@NECKS.register()
class RepLKFPN(nn.Module):
    """Four feature maps -> (N, out_channels, H/4, W/4); a quarter of the channels from each level, coarsest first.

    In training a mapping: `fuse` is that map, `aux_p4`, `aux_p3`, `aux_p2` are the sums down the pyramid (N, out_channels,
    H/16, ...), which DBHead's auxiliary branches read. PaddleOCR's neck of the same name, with its parameter names and
    initial values.

    Args:
        in_spec: the backbone's levels.
        out_channels: of the result, a multiple of 4.
        shortcut: around the squeeze-and-excite blocks.
        dilated_kernel_size: of the depthwise convolutions: 5, 7, 9, 11 or 13.
        intracl: an IntraCL block behind each level.
    """

    def __init__(
        self,
        in_spec: list[FeatureSpec],
        out_channels: int,
        shortcut: bool = True,
        dilated_kernel_size: int = 7,
        intracl: bool = False,
    ) -> None:
        super().__init__()
        self.out_spec = pyramid_spec(in_spec, out_channels)
        quarter = quarter_of(out_channels)
        self.shortcut = shortcut
        self.intracl = intracl
        if intracl:
            for i in range(LEVELS):
                self.add_module(f"incl{i + 1}", IntraCLBlock(quarter, reduce_factor=2))
        self.ins_conv = nn.ModuleList(RSELayer(level.channels, out_channels, 1, shortcut) for level in in_spec)
        self.inp_conv_dw = nn.ModuleList(DilatedReparam(out_channels, dilated_kernel_size) for _ in range(LEVELS))
        self.inp_conv_pw = nn.ModuleList(plain_conv(out_channels, quarter, 1) for _ in range(LEVELS))
        self.inp_conv_se = nn.ModuleList(SEModule(quarter) for _ in range(LEVELS))

    def _part(self, i: int, x: torch.Tensor) -> torch.Tensor:
        gate = self.inp_conv_se[i]
        assert isinstance(gate, SEModule)
        y = squeezed(gate, self.inp_conv_pw[i](self.inp_conv_dw[i](x)), self.shortcut)
        return self.get_submodule(f"incl{i + 1}")(y) if self.intracl else y

    def forward(self, levels: Sequence[torch.Tensor]) -> torch.Tensor | Mapping[str, torch.Tensor]:
        sums = top_down([conv(level) for conv, level in zip(self.ins_conv, levels, strict=True)])
        fused = torch.cat(same_size([self._part(i, level) for i, level in enumerate(sums)]), dim=1)
        return with_auxiliary(fused, sums) if self.training else fused
