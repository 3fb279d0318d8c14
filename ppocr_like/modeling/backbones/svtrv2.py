"""SVTRv2: convolutions mix neighbouring cells in the first stages, attention all cells in the last ones; any image size.

PaddleOCR's rec_svtrv2, after SVTRv2 (Du et al. 2024, arXiv 2411.15858). Parameter names are PaddleOCR's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.attention import Attention, DropPath, Mlp
from ppocr_like.modeling.backbones.svtr_blocks import ConvNormAct, to_tokens
from ppocr_like.modeling.init import default_conv_, kaiming_normal_, truncated_normal_linear_
from ppocr_like.modeling.layers import fast_layout, pair
from ppocr_like.modeling.recompute import Recomputable
from ppocr_like.registry import BACKBONES

MIXERS = ("Conv", "Global")
KERNEL = 5  # of a Conv mixer
PATCH = 4  # px of a cell of the first stage
POOLED_COLUMNS = 2  # that `use_pool` joins


def from_tokens(tokens: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """(N, T, C) -> (N, C, H, W) with the rows and columns of `like`, channels last, without a copy."""
    return tokens.reshape(tokens.shape[0], like.shape[2], like.shape[3], tokens.shape[2]).permute(0, 3, 1, 2)


class AddPosition(nn.Module):
    """Adds a learned vector for each place of maps (N, C, H, W) up to a size."""

    def __init__(self, size: tuple[int, int], channels: int) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.zeros(1, channels, *size))
        nn.init.trunc_normal_(self.pos_embed, 0.0, 0.02, -0.04, 0.04)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        known = self.pos_embed.shape[2:]
        if x.shape[2] > known[0] or x.shape[3] > known[1]:
            raise ValueError(
                f"use_pos_embed knows {known[0] * PATCH} x {known[1] * PATCH} px (max_sz), but the images have "
                f"{x.shape[2] * PATCH} x {x.shape[3] * PATCH}"
            )
        return x + self.pos_embed[:, :, : x.shape[2], : x.shape[3]]


class Patches(nn.Module):
    """Images (N, C, H, W) -> maps (N, dim, H / 4, W / 4), by two convolutions."""

    def __init__(self, channels: int, dim: int, positions: tuple[int, int] | None) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvNormAct(channels, dim // 2), ConvNormAct(dim // 2, dim)]
        if positions is not None:
            layers.append(AddPosition(positions, dim))
        self.patch_embed = nn.Sequential(*layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.patch_embed(images)


class Block(Recomputable):
    """A mixer and two linear layers on maps (N, C, H, W), each with a shortcut and the layer norm behind it.

    Args:
        dim: C.
        kind: Conv, a grouped 5x5 convolution, or Global, attention.
        heads: of the attention, or groups of the convolution.
        mlp_ratio: width of the hidden linear layer over C.
        attention: qkv_bias, qk_scale, dropout of the attention's weights and of what it gives.
        drop: dropout of the linear layers.
        drop_path: probability that a sample skips a branch in training.
        eps: of the layer norms.
    """

    def __init__(
        self,
        dim: int,
        kind: str,
        heads: int,
        mlp_ratio: float,
        attention: tuple[bool, float | None, float, float],
        drop: float,
        drop_path: float,
        eps: float,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.mixer: nn.Conv2d | Attention
        if kind == "Conv":
            self.mixer = nn.Conv2d(dim, dim, KERNEL, padding=KERNEL // 2, groups=heads)
            default_conv_(self.mixer)
            kaiming_normal_(self.mixer.weight)
        else:
            self.mixer = Attention(dim, heads, *attention)
        self.drop_path = DropPath(drop_path)
        self.norm2 = nn.LayerNorm(dim, eps=eps)
        self.mlp = Mlp(dim, int(dim * mlp_ratio), drop, "gelu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = to_tokens(x)
        mixed = self.mixer(tokens) if isinstance(self.mixer, Attention) else to_tokens(self.mixer(x))
        tokens = self.norm1(tokens + self.drop_path(mixed))
        return from_tokens(self.norm2(tokens + self.drop_path(self.mlp(tokens))), x)


class DownSample(nn.Module):
    """3x3 convolution of a stride, layer norm; (N, C, H, W) -> (N, C', H', W')."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.norm = nn.LayerNorm(outputs)
        default_conv_(self.conv)
        kaiming_normal_(self.conv.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        return from_tokens(self.norm(to_tokens(x)), x)


class Stage(nn.Module):
    """Blocks, and what halves the map behind them. PaddleOCR counts the change from maps to tokens as a block, too."""

    def __init__(self, kinds: Sequence[str], blocks: Sequence[Block], downsample: nn.Module | None) -> None:
        super().__init__()
        convolutions = kinds.count("Conv")
        layers: list[nn.Module] = list(blocks)
        if 0 < convolutions < len(kinds):
            layers.insert(convolutions, nn.Identity())
        self.blocks = nn.Sequential(*layers)
        self.downsample = downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(x)
        return x if self.downsample is None else self.downsample(x)


class LastStage(nn.Module):
    """The mean over rows, a linear layer, hard swish, dropout; (N, C, H, W) -> (N, C', 1, W)."""

    def __init__(self, inputs: int, outputs: int, drop: float) -> None:
        super().__init__()
        self.last_conv = nn.Linear(inputs, outputs, bias=False)
        self.drop = drop

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.hardswish(self.last_conv(x.mean(2).transpose(1, 2))).transpose(1, 2).unsqueeze(2)
        if self.drop == 0:
            return x
        kept = 1 - self.drop  # training leaves features out, evaluation scales them, as in PaddleOCR
        return x * torch.empty_like(x).bernoulli_(kept) if self.training else x * kept


class OutPool(nn.Module):
    """The mean over all rows and two columns; (N, C, H, W) -> (N, C, 1, W / 2)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(x.mean(2, keepdim=True), (1, POOLED_COLUMNS))


@BACKBONES.register("SVTRv2", task="rec")
class SVTRv2(nn.Module):
    """Images (N, C, H, W) -> features (N, C', H', W'); with `use_pool` or `last_stage` of height 1.

    Without both PaddleOCR gives tokens (N, H' W', C'), which its MultiHead makes this map of.

    Args:
        in_spec: the images.
        max_sz: [height, width] px up to which `use_pos_embed` knows the places.
        out_channels: of the last stage.
        depths, dims, num_heads: blocks, channels and attention heads (groups of a Conv mixer) of each stage.
        mixer: for each stage one name per block: Conv, then Global.
        use_pos_embed: whether learned positions are added to the first map.
        sub_k: for each stage the stride [down, right] of the convolution behind it; the last stage has none.
        mlp_ratio: width of the blocks' hidden linear layer over their channels.
        qkv_bias, qk_scale: of the attention; see `Attention`.
        drop_rate, attn_drop_rate: dropout in the blocks and of the attention's weights (PaddleOCR does not read them).
        last_drop: dropout of the last stage.
        drop_path_rate: probability that a sample skips a branch, rising from 0 at the first block to this at the last.
        last_stage: whether rows are averaged and a linear layer to `out_channels` follows.
        eps: of the blocks' layer norms.
        use_pool: whether all rows and two columns are averaged.
        feat2d: that a map is given, which is so in any case.

    Raises:
        ValueError: a value that makes no network.
    """

    def __init__(
        self,
        in_spec: FeatureSpec,
        max_sz: Sequence[int] = (32, 128),
        out_channels: int = 192,
        depths: Sequence[int] = (3, 6, 3),
        dims: Sequence[int] = (64, 128, 256),
        mixer: Sequence[Sequence[str]] = (("Conv",) * 3, ("Conv",) * 3 + ("Global",) * 3, ("Global",) * 3),
        use_pos_embed: bool = False,
        sub_k: Sequence[Sequence[int]] = ((1, 1), (2, 1), (1, 1)),
        num_heads: Sequence[int] = (2, 4, 8),
        mlp_ratio: float = 4,
        qkv_bias: bool = True,
        qk_scale: float | None = None,
        drop_rate: float = 0.0,
        last_drop: float = 0.1,
        attn_drop_rate: float = 0.0,
        drop_path_rate: float = 0.1,
        last_stage: bool = False,
        eps: float = 1e-6,
        use_pool: bool = False,
        feat2d: bool = False,
    ) -> None:
        super().__init__()
        rates = {
            "drop_rate": drop_rate,
            "last_drop": last_drop,
            "attn_drop_rate": attn_drop_rate,
            "drop_path_rate": drop_path_rate,
        }
        check(depths, dims, num_heads, mixer, sub_k, rates)
        size = pair(tuple(max_sz), "max_sz")
        self.widest = size[1] if use_pos_embed else None
        self.pope = Patches(in_spec.channels, dims[0], (size[0] // PATCH, size[1] // PATCH) if use_pos_embed else None)
        skips = iter(torch.linspace(0, drop_path_rate, sum(depths), dtype=torch.float64).tolist())
        attention = (qkv_bias, qk_scale, attn_drop_rate, drop_rate)
        stride = [in_spec.stride[0] * PATCH, in_spec.stride[1] * PATCH]
        stages: list[nn.Module] = []
        for number, (kinds, dim, heads) in enumerate(zip(mixer, dims, num_heads, strict=True)):
            blocks = [Block(dim, kind, heads, mlp_ratio, attention, drop_rate, next(skips), eps) for kind in kinds]
            down = None
            if number < len(dims) - 1:
                step = pair(tuple(sub_k[number]), "sub_k")
                stride = [stride[0] * step[0], stride[1] * step[1]]
                down = DownSample(dim, dims[number + 1], step)
            stages.append(Stage(list(kinds), blocks, down))
        channels, height = dims[-1], None
        if last_stage:
            stages.append(LastStage(channels, out_channels, last_drop))
            channels, height = out_channels, 1
        if use_pool:
            stages.append(OutPool())
            stride[1], height = stride[1] * POOLED_COLUMNS, 1
        self.stages = nn.ModuleList(stages)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                truncated_normal_linear_(module)
        self.out_spec = FeatureSpec(channels, (stride[0], stride[1]), height)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.pope(fast_layout(images))
        for stage in self.stages:
            x = stage(x)
        return x


def check(
    depths: Sequence[int],
    dims: Sequence[int],
    num_heads: Sequence[int],
    mixer: Sequence[Sequence[str]],
    sub_k: Sequence[Sequence[int]],
    rates: dict[str, float],
) -> None:
    """Raises ValueError where the lists do not describe stages that fit each other, or a rate is no probability below 1."""
    lists: dict[str, Sequence[object]] = {"dims": dims, "num_heads": num_heads, "mixer": mixer}
    for what, values in lists.items():
        if not depths or len(values) != len(depths):
            raise ValueError(f"{what} takes one entry for each of the {len(depths)} stages that depths lists, got {list(values)}")
    if len(sub_k) < len(depths) - 1:
        raise ValueError(f"sub_k takes a stride for each stage but the last, got {list(sub_k)} for {len(depths)} stages")
    for depth, dim, heads, kinds in zip(depths, dims, num_heads, mixer, strict=True):
        if len(kinds) != depth or any(kind not in MIXERS for kind in kinds):
            raise ValueError(f"mixer must name {depth} mixers (depths), each {' or '.join(MIXERS)}; got {list(kinds)}")
        if list(kinds) != sorted(kinds):
            raise ValueError(f"mixer must name a stage's Conv blocks before its Global ones, got {list(kinds)}")
        if heads < 1 or dim < heads or dim % heads:
            raise ValueError(f"dims {dim} must be a multiple of its stage's num_heads {heads}")
    for what, rate in rates.items():
        if not 0 <= rate < 1:
            raise ValueError(f"{what} must be at least 0 and below 1, got {rate}")
