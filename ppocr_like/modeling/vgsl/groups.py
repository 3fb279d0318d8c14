"""Lines of like width run together: less padding is computed, and each line gives the same.

A batch whose lines are of very different width is mostly padding. On a processor that is time: the lines are parted into groups,
each as wide as its own longest line. The parts are chosen so that the area, with what a group costs by itself, is least.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional as F

GROUP_ROWS = 1.5  # rows of a group's width that a group costs by itself: the steps of its recurrent layers
Net = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor | None]]


def in_groups(net: Net, images: torch.Tensor, widths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What `net` gives for images (N, C, H, W) with `widths` (N,) px each, group by group.

    Returns:
        (features (N, C', H', W'), with 0 where a group is narrower than the widest; columns of each line).
    """
    parts = groups_of(widths.tolist())
    if len(parts) == 1:
        features, lengths = net(images, widths)
        assert lengths is not None  # a network that is told widths gives lengths
        return features, lengths
    made: list[torch.Tensor] = []
    columns: list[torch.Tensor] = []
    for number, rows in enumerate(parts):
        at = torch.tensor(rows, device=images.device)
        own = widths[at]
        width = images.shape[3] if number == 0 else int(own.max())  # the first, with the widest, says the width of all
        features, lengths = net(images[..., :width][at], own)
        assert lengths is not None
        made.append(F.pad(features, (0, made[0].shape[3] - features.shape[3])) if made else features)
        columns.append(lengths)
    back = torch.tensor([row for rows in parts for row in rows], device=images.device).argsort()
    return torch.cat(made)[back], torch.cat(columns)[back]


def groups_of(widths: list[int]) -> list[list[int]]:
    """Rows in groups of like width, the widest first.

    Dynamic programming over the rows in order of width: `best[n]` is the least cost of the n narrowest.
    """
    order = sorted(range(len(widths)), key=lambda row: (widths[row], row))
    best, begin = [0.0], [0]
    for end in range(1, len(order) + 1):
        width = widths[order[end - 1]]
        costs = [best[start] + (end - start + GROUP_ROWS) * width for start in range(end)]
        cheapest = min(range(end), key=costs.__getitem__)
        best.append(costs[cheapest])
        begin.append(cheapest)
    found, end = [], len(order)
    while end:
        found.append(order[begin[end] : end])
        end = begin[end]
    return found
