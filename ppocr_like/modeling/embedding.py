"""Embeddings as Paddle looks them up, and its sine table of positions."""

from __future__ import annotations

import math

import torch
from torch import nn

POSITIONS = 5000  # rows of PaddleOCR's table, which stands in its weights


def lookup(embedding: nn.Embedding, ids: torch.Tensor) -> torch.Tensor:
    """Rows of the table; zeros for the padding whatever its row holds, as in Paddle (torch gives the row)."""
    rows = embedding(ids)
    if embedding.padding_idx is None:
        return rows
    return rows.masked_fill((ids == embedding.padding_idx)[..., None], 0.0)


class ScaledEmbedding(nn.Module):
    """Class indices (N, L) -> (N, L, dim), times sqrt(dim) where `scale`."""

    def __init__(self, classes: int, dim: int, padding: int, scale: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, dim, padding_idx=padding)
        nn.init.normal_(self.embedding.weight, 0.0, dim**-0.5)
        self.factor = math.sqrt(dim) if scale else 1.0

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return lookup(self.embedding, ids) * self.factor


class PositionalEncoding(nn.Module):
    """Adds sines and cosines of the position (Vaswani et al. 2017) to (N, L, dim), then dropout.

    The table `pe` (5000, 1, dim) is part of the state, as in PaddleOCR's weights.
    """

    pe: torch.Tensor

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        place = torch.arange(POSITIONS, dtype=torch.float32)[:, None]
        angle = place * torch.exp(torch.arange(0, dim, 2, dtype=torch.float32) * (-math.log(10000.0) / dim))
        table = torch.zeros(POSITIONS, dim)
        table[:, 0::2] = angle.sin()
        table[:, 1::2] = angle.cos()[:, : dim // 2]
        self.register_buffer("pe", table[:, None])

    def forward(self, x: torch.Tensor, start: int = 0) -> torch.Tensor:
        """`start`: position of the first of the L."""
        return self.dropout(x + self.pe[start : start + x.shape[1], 0].to(x.dtype))
