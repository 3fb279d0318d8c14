"""What the detection necks share: checks of the backbone's levels, the way down the pyramid, the common map."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec

LEVELS = 4  # c2 to c5: 1/4, 1/8, 1/16 and 1/32 of the image


def pyramid_spec(in_spec: Sequence[FeatureSpec], out_channels: int) -> FeatureSpec:
    """The common map's spec: `out_channels` at the finest level.

    Raises:
        ValueError: not four levels that halve from one to the next, or channels that four parts cannot share.
    """
    levels = list(in_spec) if isinstance(in_spec, Sequence) else [in_spec]
    strides = [level.stride for level in levels]
    if len(levels) != LEVELS or any((2 * v, 2 * h) != below for (v, h), below in itertools.pairwise(strides)):
        raise ValueError(
            f"a detection neck reads {LEVELS} feature maps, each half as large as the one before; "
            f"the backbone gives {len(levels)} with strides {strides}: take one made for detection"
        )
    if out_channels < LEVELS or out_channels % LEVELS:
        raise ValueError(f"out_channels is {out_channels}, but must be a multiple of {LEVELS}: each level gives a quarter")
    return FeatureSpec(out_channels, levels[0].stride)


def enlarge(x: torch.Tensor, scale: int) -> torch.Tensor:
    """Each cell of x (N, C, H, W) as a square of `scale` cells: (N, C, scale H, scale W)."""
    return F.interpolate(x, scale_factor=float(scale), mode="nearest")


def top_down(levels: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """To each level, fine to coarse, the sum of those above it is added; all (N, C, H / 2^i, W / 2^i)."""
    sums = [levels[-1]]
    for level in reversed(levels[:-1]):
        sums.append(level + enlarge(sums[-1], 2))
    return sums[::-1]


def same_size(levels: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The levels (fine to coarse) at the finest one's size, coarsest first: the order in which PaddleOCR joins them."""
    return [enlarge(level, 2**i) if i else level for i, level in enumerate(levels)][::-1]


def with_auxiliary(fused: torch.Tensor, sums: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
    """What DBHead's auxiliary branches read beside the common map: the three finest of the sums (`top_down`)."""
    return {"fuse": fused, "aux_p4": sums[2], "aux_p3": sums[1], "aux_p2": sums[0]}
