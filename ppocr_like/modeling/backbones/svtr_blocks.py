"""What SVTRNet is made of: mixing of tokens by attention or convolution, the first convolutions, merging of rows.

After SVTR (Du et al. 2022, arXiv 2205.00159) and PaddleOCR's rec_svtrnet, with its parameter names. Tokens are (N, T, C),
row by row of a grid of (height, width) cells.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.modeling.attention import Attention, DropPath, Mlp, attend
from ppocr_like.modeling.init import default_conv_, kaiming_normal_, kaiming_uniform_
from ppocr_like.modeling.layers import BatchNorm2d, norm_act
from ppocr_like.modeling.recompute import Recomputable

Grid = tuple[int, int]

MIXERS = ("Local", "Global", "Conv")
MERGE_POOL = (3, 5)  # kernel of the pools that merge rows in place of a convolution


def to_map(tokens: torch.Tensor, grid: Grid) -> torch.Tensor:
    """(N, T, C) -> (N, C, height, width), channels last, without a copy."""
    return tokens.reshape(-1, grid[0], grid[1], tokens.shape[2]).permute(0, 3, 1, 2)


def to_tokens(maps: torch.Tensor) -> torch.Tensor:
    """(N, C, height, width) -> (N, T, C), without a copy where it is channels last."""
    return maps.permute(0, 2, 3, 1).flatten(1, 2)


def reach(query: int, window: int, cells: int) -> tuple[int, int]:
    """The cells (first, last + 1) of a row or column of `cells` that a window around cell `query` covers."""
    return max(query - window // 2, 0), min(query - window // 2 + window, cells)


def window_mask(grid: Grid, window: Grid) -> torch.Tensor:
    """(T, T) booleans: which tokens (columns) each token (rows) attends to: those in a window around it."""
    height, width = grid
    seen = torch.zeros(height, width, height, width, dtype=torch.bool)
    for y in range(height):
        top, bottom = reach(y, window[0], height)
        for x in range(width):
            left, right = reach(x, window[1], width)
            seen[y, x, top:bottom, left:right] = True
    return seen.reshape(height * width, height * width)


class LocalAttention(Attention):
    """Attention in which each token sees a window of the grid around it."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        qkv_bias: bool,
        qk_scale: float | None,
        attn_drop: float,
        proj_drop: float,
        grid: Grid,
        window: Grid,
    ) -> None:
        super().__init__(dim, num_heads, qkv_bias, qk_scale, attn_drop, proj_drop)
        self.mask: torch.Tensor
        hidden = torch.zeros(grid[0] * grid[1], grid[0] * grid[1]).masked_fill_(~window_mask(grid, window), float("-inf"))
        self.register_buffer("mask", hidden, persistent=False)

    def mix(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        drop = self.attn_drop if self.training else 0.0
        mask = self.mask.to(q.dtype)
        return attend(q, k, v, mask, drop=drop, scale=self.scale)


class ConvMixer(nn.Module):
    """A grouped convolution over the grid; (N, T, C) -> (N, T, C)."""

    def __init__(self, dim: int, groups: int, grid: Grid, kernel: Grid) -> None:
        super().__init__()
        self.grid = grid
        self.local_mixer = nn.Conv2d(dim, dim, kernel, padding=(kernel[0] // 2, kernel[1] // 2), groups=groups)
        default_conv_(self.local_mixer)
        kaiming_normal_(self.local_mixer.weight)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return to_tokens(self.local_mixer(to_map(tokens, self.grid)))


def make_mixer(
    kind: str, dim: int, heads: int, attention: tuple[bool, float | None, float, float], grid: Grid, window: Grid
) -> nn.Module:
    """A mixer of tokens (N, T, C) by its name in `MIXERS`.

    Args:
        kind: the name.
        dim: C.
        heads: of attention, or groups of a convolution.
        attention: qkv_bias, qk_scale, attn_drop and proj_drop of `Attention`.
        grid: the tokens' grid.
        window: size of the window or kernel.
    """
    if kind == "Conv":
        return ConvMixer(dim, heads, grid, window)
    if kind == "Local":
        return LocalAttention(dim, heads, *attention, grid, window)
    return Attention(dim, heads, *attention)


class Block(Recomputable):
    """A mixer and two linear layers, each with a shortcut and a layer norm.

    Args:
        dim: C.
        mixer: takes and gives (N, T, C).
        mlp_ratio: width of the hidden linear layer over C.
        act: a name in `layers.ACTIVATIONS`.
        drop: dropout of the linear layers.
        drop_path: probability that a sample skips a branch in training.
        epsilon: of the layer norms.
        prenorm: PaddleOCR's name with its meaning: norm(x + f(x)) when True, x + f(norm(x)) when False.
    """

    def __init__(
        self,
        dim: int,
        mixer: nn.Module,
        mlp_ratio: float,
        act: str,
        drop: float,
        drop_path: float,
        epsilon: float,
        prenorm: bool,
    ) -> None:
        super().__init__()
        self.prenorm = prenorm
        self.norm1 = nn.LayerNorm(dim, eps=epsilon)
        self.mixer = mixer
        self.drop_path = DropPath(drop_path)
        self.norm2 = nn.LayerNorm(dim, eps=epsilon)
        self.mlp = Mlp(dim, int(dim * mlp_ratio), drop, act)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.prenorm:
            x = self.norm1(x + self.drop_path(self.mixer(x)))
            return self.norm2(x + self.drop_path(self.mlp(x)))
        x = x + self.drop_path(self.mixer(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class ConvNormAct(nn.Module):
    """3x3 convolution of stride 2 with a bias, batch norm, GELU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, 2, 1)
        self.norm = BatchNorm2d(outputs)
        default_conv_(self.conv)
        kaiming_uniform_(self.conv.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return norm_act(self.norm, "gelu", self.conv(x))


class PatchEmbed(nn.Module):
    """Images (N, C, H, W) -> maps (N, dim, H / 2^count, W / 2^count), by `count` convolutions."""

    def __init__(self, channels: int, dim: int, count: int) -> None:
        super().__init__()
        widths = [channels, *(dim // 2**step for step in range(count - 1, -1, -1))]
        self.proj = nn.Sequential(*(ConvNormAct(*pair) for pair in itertools.pairwise(widths)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.proj(images)


class SubSample(nn.Module):
    """Halves the rows of the grid: (N, T, C) -> (N, T / 2, C').

    Args:
        inputs, outputs: channels.
        kind: "Conv", a 3x3 convolution, or "Pool", the mean of an average and a max pool and a linear layer.
        grid: of the tokens it takes.
    """

    def __init__(self, inputs: int, outputs: int, kind: str, grid: Grid) -> None:
        super().__init__()
        self.kind = kind
        self.grid = grid
        if kind == "Pool":
            self.proj = nn.Linear(inputs, outputs)
        else:
            self.conv = nn.Conv2d(inputs, outputs, 3, (2, 1), 1)
            default_conv_(self.conv)
            kaiming_normal_(self.conv.weight)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = to_map(tokens, self.grid)
        if self.kind == "Pool":
            padding = (MERGE_POOL[0] // 2, MERGE_POOL[1] // 2)
            mean = F.avg_pool2d(x, MERGE_POOL, (2, 1), padding, count_include_pad=False)
            return self.norm(self.proj(to_tokens((mean + F.max_pool2d(x, MERGE_POOL, (2, 1), padding)) * 0.5)))
        return self.norm(to_tokens(self.conv(x)))
