"""The SVTR neck: a little self-attention over the sequence between convolutions.

PaddleOCR's EncoderWithSVTR (PP-OCRv3), after SVTR (Du et al. 2022). Parameter names are PaddleOCR's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ppocr_like.modeling.attention import Attention, DropPath, Mlp
from ppocr_like.modeling.init import kaiming_uniform_, truncated_normal_linear_
from ppocr_like.modeling.layers import BatchNorm2d, norm_act
from ppocr_like.modeling.recompute import Recomputable


class ConvNormSwish(nn.Module):
    """Convolution without bias (padded to keep the size), batch norm, swish."""

    def __init__(self, inputs: int, outputs: int, kernel: Sequence[int] = (1, 1)) -> None:
        super().__init__()
        height, width = kernel
        self.conv = nn.Conv2d(inputs, outputs, (height, width), padding=(height // 2, width // 2), bias=False)
        self.norm = BatchNorm2d(outputs)
        kaiming_uniform_(self.conv.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return norm_act(self.norm, "swish", self.conv(x))


class Block(Recomputable):
    """Attention and MLP, each normed before and added to its input (what PaddleOCR calls `prenorm=False`)."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        mlp_ratio: float,
        qkv_bias: bool,
        qk_scale: float | None,
        drop: float,
        attn_drop: float,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-5)
        self.mixer = Attention(dim, num_heads, qkv_bias, qk_scale, attn_drop, drop)
        self.drop_path = DropPath(drop_path)
        self.norm2 = nn.LayerNorm(dim, eps=1e-5)
        self.mlp = Mlp(dim, int(dim * mlp_ratio), drop)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.drop_path(self.mixer(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class EncoderWithSVTR(nn.Module):
    """Features (N, C, H, W) -> (N, dims, H, W).

    Args:
        channels: C.
        dims: channels given out.
        depth: attention blocks.
        hidden_dims: width of the blocks.
        use_guide: cut the gradient to the backbone, which then learns from another head only.
        kernel_size: of the first and last but one convolution, [vertical, horizontal].
    """

    def __init__(
        self,
        channels: int,
        dims: int = 64,
        depth: int = 2,
        hidden_dims: int = 120,
        use_guide: bool = False,
        num_heads: int = 8,
        qkv_bias: bool = True,
        mlp_ratio: float = 2.0,
        drop_rate: float = 0.1,
        attn_drop_rate: float = 0.1,
        drop_path: float = 0.0,
        kernel_size: Sequence[int] = (3, 3),
        qk_scale: float | None = None,
    ) -> None:
        super().__init__()
        if hidden_dims % num_heads:
            raise ValueError(f"hidden_dims {hidden_dims} must be a multiple of num_heads {num_heads}")
        if channels < 8:
            raise ValueError(f"an svtr encoder needs at least 8 input channels, got {channels}")
        self.use_guide = use_guide
        self.out_channels = dims
        self.conv1 = ConvNormSwish(channels, channels // 8, kernel_size)
        self.conv2 = ConvNormSwish(channels // 8, hidden_dims)
        self.svtr_block = nn.ModuleList(
            Block(hidden_dims, num_heads, mlp_ratio, qkv_bias, qk_scale, drop_rate, attn_drop_rate, drop_path)
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(hidden_dims, eps=1e-6)
        self.conv3 = ConvNormSwish(hidden_dims, channels)
        self.conv4 = ConvNormSwish(2 * channels, channels // 8, kernel_size)
        self.conv1x1 = ConvNormSwish(channels // 8, dims)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                truncated_normal_linear_(module)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        if self.use_guide:
            features = features.detach()
        x = self.conv2(self.conv1(features))
        samples, channels, height, width = x.shape
        x = x.flatten(2).transpose(1, 2)
        for block in self.svtr_block:
            x = block(x)
        x = self.norm(x).transpose(1, 2).reshape(samples, channels, height, width)
        x = torch.cat((features, self.conv3(x)), dim=1)
        return self.conv1x1(self.conv4(x))
