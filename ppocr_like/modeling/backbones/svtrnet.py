"""SVTRNet: a recogniser of tokens that mix with their neighbours first and with the whole line later.

PaddleOCR's rec_svtrnet, after SVTR (Du et al. 2022, arXiv 2205.00159). Parameter names are PaddleOCR's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones.svtr_blocks import (
    MIXERS,
    Block,
    Grid,
    PatchEmbed,
    SubSample,
    make_mixer,
    to_map,
    to_tokens,
)
from ppocr_like.modeling.init import default_conv_, truncated_normal_linear_
from ppocr_like.modeling.layers import fast_layout, pair
from ppocr_like.registry import BACKBONES

MERGING = ("Conv", "Pool", "None")
ACTIVATIONS = {"nn.GELU": "gelu", "nn.Swish": "swish", "nn.Silu": "swish", "nn.ReLU": "relu", "nn.Hardswish": "hardswish"}
NORMS = ("nn.LayerNorm",)
POSITION_STD = 0.02


def check(what: str, value: object, accepted: Sequence[object]) -> None:
    """Raises ValueError for a value that is none of these."""
    if value not in accepted:
        raise ValueError(f"{what} must be one of {', '.join(map(str, accepted))}, got {value!r}")


def rate(what: str, value: float) -> float:
    """The value, a probability below 1. Raises ValueError for another."""
    if not 0 <= value < 1:
        raise ValueError(f"{what} must be at least 0 and below 1, got {value}")
    return value


@BACKBONES.register("SVTRNet", task="rec")
class SVTRNet(nn.Module):
    """Images (N, C, H, W) of one size -> features (N, out_channels, 1, out_char_num); without the last stage (N, C', H', W').

    Without the last stage PaddleOCR gives tokens (N, H' W', C'), which its MultiHead makes this map of.

    Args:
        in_spec: the images.
        img_size: their [height, width] in px; behind a transform the size that it gives.
        embed_dim: channels of the three stages.
        depth: blocks of the three stages.
        num_heads: of the three stages' attention (groups of a Conv mixer).
        mixer: one name per block: Local (attention in a window), Global (attention to all), Conv (a grouped convolution).
        local_mixer: for each stage [height, width] of the window or kernel.
        patch_merging: Conv or Pool halve the rows between stages; None keeps them.
        mlp_ratio: width of the blocks' hidden linear layer over their channels.
        qkv_bias, qk_scale: of the attention; see `Attention`.
        drop_rate, attn_drop_rate: dropout in the blocks and of the attention's weights.
        last_drop: dropout of the last stage. As in PaddleOCR training leaves features out and evaluation scales them.
        drop_path_rate: probability that a sample skips a branch, rising from 0 at the first block to this at the last.
        norm_layer, sub_norm: nn.LayerNorm.
        epsilon: of the layer norms, but those behind the merging.
        out_channels: of the last stage.
        out_char_num: columns that the last stage gives, however wide the images are.
        block_unit: Block.
        act: nn.GELU, nn.Swish, nn.Silu, nn.ReLU or nn.Hardswish.
        last_stage: whether rows are averaged and columns pooled to `out_char_num`.
        sub_num: convolutions of stride 2 at the start, 2 or 3.
        prenorm: PaddleOCR's name with its meaning: norm(x + f(x)) when True; x + f(norm(x)) and a last norm when False.
        use_lenhead: must be False: no head here reads the predicted length.

    Raises:
        ValueError: a value that makes no network; in `forward`, images of another size.
    """

    def __init__(
        self,
        in_spec: FeatureSpec,
        img_size: Sequence[int] = (32, 100),
        embed_dim: Sequence[int] = (64, 128, 256),
        depth: Sequence[int] = (3, 6, 3),
        num_heads: Sequence[int] = (2, 4, 8),
        mixer: Sequence[str] = ("Local",) * 6 + ("Global",) * 6,
        local_mixer: Sequence[Sequence[int]] = ((7, 11), (7, 11), (7, 11)),
        patch_merging: str | None = "Conv",
        mlp_ratio: float = 4,
        qkv_bias: bool = True,
        qk_scale: float | None = None,
        drop_rate: float = 0.0,
        last_drop: float = 0.1,
        attn_drop_rate: float = 0.0,
        drop_path_rate: float = 0.1,
        norm_layer: str = "nn.LayerNorm",
        sub_norm: str = "nn.LayerNorm",
        epsilon: float = 1e-6,
        out_channels: int = 192,
        out_char_num: int = 25,
        block_unit: str = "Block",
        act: str = "nn.GELU",
        last_stage: bool = True,
        sub_num: int = 2,
        prenorm: bool = True,
        use_lenhead: bool = False,
    ) -> None:
        super().__init__()
        check_choices(norm_layer, sub_norm, block_unit, act, sub_num, use_lenhead)
        merging = "None" if patch_merging is None else patch_merging
        check_stages(embed_dim, depth, num_heads, mixer, local_mixer, merging)
        self.img_size = pair(tuple(img_size), "img_size")
        self.grid: Grid = (self.img_size[0] >> sub_num, self.img_size[1] >> sub_num)
        self.fixed_size = self.img_size
        check_size(self.img_size, sub_num, merging)
        self.patch_embed = PatchEmbed(in_spec.channels, embed_dim[0], sub_num)
        self.pos_embed = nn.Parameter(torch.zeros(1, self.grid[0] * self.grid[1], embed_dim[0]))
        self.pos_drop = nn.Dropout(rate("drop_rate", drop_rate))
        skips = torch.linspace(0, rate("drop_path_rate", drop_path_rate), sum(depth), dtype=torch.float64).tolist()
        mixing = (qkv_bias, qk_scale, rate("attn_drop_rate", attn_drop_rate), drop_rate)
        grid, first = self.grid, 0
        for stage, (dim, heads, count) in enumerate(zip(embed_dim, num_heads, depth, strict=True)):
            window, blocks = pair(tuple(local_mixer[stage]), "local_mixer"), []
            for number in range(first, first + count):
                made = make_mixer(mixer[number], dim, heads, mixing, grid, window)
                blocks.append(Block(dim, made, mlp_ratio, ACTIVATIONS[act], drop_rate, skips[number], epsilon, prenorm))
            first += count
            self.add_module(f"blocks{stage + 1}", nn.Sequential(*blocks))
            if stage < 2 and merging != "None":
                self.add_module(f"sub_sample{stage + 1}", SubSample(dim, embed_dim[stage + 1], merging, grid))
                grid = (grid[0] // 2, grid[1])
        self.last_grid = grid
        self.norm = None if prenorm else nn.LayerNorm(embed_dim[2], eps=epsilon)
        stride = in_spec.stride[0] * self.img_size[0] // grid[0], in_spec.stride[1] << sub_num
        self.out_spec = FeatureSpec(embed_dim[2], stride)
        self.last_drop = rate("last_drop", last_drop)
        self._make_last(last_stage, out_channels, out_char_num, in_spec)
        self._initial_values()

    def _make_last(self, wanted: bool, channels: int, columns: int, in_spec: FeatureSpec) -> None:
        self.last_conv: nn.Conv2d | None = None
        if not wanted:
            return
        width = self.last_grid[1]
        if not 1 <= columns <= width:
            raise ValueError(f"out_char_num must be from 1 to the {width} columns that there are, got {columns}")
        self.last_conv = nn.Conv2d(self.out_spec.channels, channels, 1, bias=False)
        self.pool: torch.Tensor
        # As a product it can be exported for any numbers of columns, too.
        self.register_buffer("pool", F.adaptive_avg_pool1d(torch.eye(width)[None], columns)[0].T, persistent=False)
        across = max(1, round(in_spec.stride[1] * self.img_size[1] / columns))
        self.out_spec = FeatureSpec(channels, (in_spec.stride[0] * self.img_size[0], across), height=1)

    def _initial_values(self) -> None:
        nn.init.trunc_normal_(self.pos_embed, 0.0, POSITION_STD, -2 * POSITION_STD, 2 * POSITION_STD)
        if self.last_conv is not None:
            default_conv_(self.last_conv)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                truncated_normal_linear_(module)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, C, H, W) -> maps (N, C', H', W')."""
        if not torch.jit.is_tracing() and tuple(images.shape[2:]) != self.img_size:
            height, width = images.shape[2:]
            raise ValueError(
                f"SVTRNet was made for images of {self.img_size[0]} x {self.img_size[1]} px (img_size), "
                f"but got {height} x {width}: let image_shape of the resize step and img_size agree"
            )
        x = self.pos_drop(to_tokens(self.patch_embed(fast_layout(images))) + self.pos_embed)
        for stage in (1, 2, 3):
            x = getattr(self, f"blocks{stage}")(x)
            if (merge := getattr(self, f"sub_sample{stage}", None)) is not None:
                x = merge(x)
        return to_map(x if self.norm is None else self.norm(x), self.last_grid)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.features(images)
        if self.last_conv is None:
            return x
        columns = self.pool @ x.mean(2).transpose(1, 2)  # (N, out_char_num, C')
        x = F.hardswish(self.last_conv(columns.transpose(1, 2).unsqueeze(2)))
        if self.last_drop == 0:
            return x
        kept = 1 - self.last_drop
        return x * torch.empty_like(x).bernoulli_(kept) if self.training else x * kept


def check_choices(norm_layer: str, sub_norm: str, block_unit: str, act: str, sub_num: int, use_lenhead: bool) -> None:
    """Raises ValueError for a value that is none of those there are."""
    check("norm_layer", norm_layer, NORMS)
    check("sub_norm", sub_norm, NORMS)
    check("block_unit", block_unit, ("Block",))
    check("act", act, tuple(ACTIVATIONS))
    check("sub_num", sub_num, (2, 3))
    check("use_lenhead", use_lenhead, (False,))


def check_stages(
    embed_dim: Sequence[int],
    depth: Sequence[int],
    num_heads: Sequence[int],
    mixer: Sequence[str],
    local_mixer: Sequence[Sequence[int]],
    merging: str,
) -> None:
    """Raises ValueError where the lists do not describe three stages that fit each other."""
    check("patch_merging", merging, MERGING)
    for what, values in (("embed_dim", embed_dim), ("depth", depth), ("num_heads", num_heads), ("local_mixer", local_mixer)):
        if len(values) != 3:
            raise ValueError(f"{what} takes one entry for each of the three stages, got {list(values)}")
    for what, numbers in (("embed_dim", embed_dim), ("num_heads", num_heads)):
        if min(numbers) < 1:
            raise ValueError(f"{what} takes numbers above 0, got {list(numbers)}")
    if min(depth) < 0 or len(mixer) != sum(depth):
        raise ValueError(f"mixer must name one mixer for each of the {sum(depth)} blocks (depth {list(depth)}), got {len(mixer)}")
    for name in mixer:
        check("mixer", name, MIXERS)
    for dim, heads in zip(embed_dim, num_heads, strict=True):
        if dim % heads:
            raise ValueError(f"embed_dim {dim} must be a multiple of its stage's num_heads {heads}")
    if merging == "None" and len(set(embed_dim)) > 1:
        raise ValueError(
            f"patch_merging None cannot change the channels: embed_dim {list(embed_dim)} must be three times the same"
        )
    first = 0
    for stage in range(3):
        kernel = pair(tuple(local_mixer[stage]), "local_mixer")
        if "Conv" in mixer[first : first + depth[stage]] and not (kernel[0] % 2 and kernel[1] % 2):
            raise ValueError(f"a Conv mixer needs odd numbers in local_mixer, or the grid would grow; got {list(kernel)}")
        first += depth[stage]


def check_size(img_size: tuple[int, int], sub_num: int, merging: str) -> None:
    """Raises ValueError for images that the convolutions and the merging cannot halve as often as they do."""
    rows = 2**sub_num * (1 if merging == "None" else 4)
    if img_size[0] % rows or img_size[1] % 2**sub_num:
        raise ValueError(f"img_size must be a multiple of [{rows}, {2**sub_num}], got {list(img_size)}")
