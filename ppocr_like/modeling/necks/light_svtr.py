"""The light SVTR neck of PP-OCRv6: self-attention over a narrow map, with a 1x1 convolution as shortcut.

PaddleOCR's EncoderWithLightSVTR. Parameter names are PaddleOCR's.
"""

from __future__ import annotations

import torch
from torch import nn

from ppocr_like.modeling.init import kaiming_normal_, truncated_normal_linear_
from ppocr_like.modeling.layers import BatchNorm2d, norm_act
from ppocr_like.modeling.necks.svtr import Block, ConvNormSwish


class ColumnConv(nn.Sequential):
    """A depthwise convolution along each row, batch norm, swish; the convolution is named 0 and the norm 1."""

    def __init__(self, channels: int, kernel: int) -> None:
        conv = nn.Conv2d(channels, channels, (1, kernel), padding=(0, kernel // 2), groups=channels, bias=False)
        super().__init__(conv, BatchNorm2d(channels))
        kaiming_normal_(conv.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return norm_act(self[1], "swish", self[0](x))


class EncoderWithLightSVTR(nn.Module):
    """Features (N, C, H, W) -> (N, dims, H, W).

    Args:
        channels: C.
        dims: channels given out, width of the blocks; a multiple of num_heads.
        depth: attention blocks.
        local_kernel: columns, an odd number, that are mixed before the attention.
        use_guide: cut the gradient to the backbone, which then learns from another head only.
        num_heads, qkv_bias, mlp_ratio, drop_rate, attn_drop_rate, drop_path, qk_scale: of the blocks; see `Block`.

    Raises:
        ValueError: dims and num_heads, or local_kernel, make no network.
    """

    def __init__(
        self,
        channels: int,
        dims: int = 64,
        depth: int = 1,
        num_heads: int = 8,
        qkv_bias: bool = True,
        mlp_ratio: float = 4.0,
        drop_rate: float = 0.1,
        attn_drop_rate: float = 0.1,
        drop_path: float = 0.0,
        qk_scale: float | None = None,
        local_kernel: int = 7,
        use_guide: bool = False,
    ) -> None:
        super().__init__()
        if dims % num_heads:
            raise ValueError(f"dims {dims} must be a multiple of num_heads {num_heads}")
        if local_kernel < 1 or local_kernel % 2 == 0:
            raise ValueError(f"local_kernel must be an odd number, or the sequence would grow; got {local_kernel}")
        self.use_guide = use_guide
        self.out_channels = dims
        self.conv_reduce = ConvNormSwish(channels, dims)
        self.local_conv = ColumnConv(dims, local_kernel)
        self.svtr_block = nn.ModuleList(
            Block(dims, num_heads, mlp_ratio, qkv_bias, qk_scale, drop_rate, attn_drop_rate, drop_path) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(dims, eps=1e-6)
        self.skip_conv = ConvNormSwish(channels, dims)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                truncated_normal_linear_(module)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        if self.use_guide:
            features = features.detach()
        x = self.conv_reduce(features)
        x = x + self.local_conv(x)
        samples, channels, height, width = x.shape
        x = x.flatten(2).transpose(1, 2)
        for block in self.svtr_block:
            x = block(x)
        x = self.norm(x).transpose(1, 2).reshape(samples, channels, height, width)
        return x + self.skip_conv(features)
