"""Blocks of the transformer by which NRTR reads (Vaswani et al. 2017): normed after each addition, as PaddleOCR's.

Parameter names are PaddleOCR's (heads/rec_nrtr_head.py).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.modeling.attention import attend
from ppocr_like.modeling.recompute import Recomputable

Pair = tuple[torch.Tensor, torch.Tensor]  # keys and values, each (N, heads, L, dim / heads)


class MultiheadAttention(nn.Module):
    """Queries (N, L, dim) look at themselves, or at keys and values made by `remember`; -> (N, L, dim)."""

    def __init__(self, dim: int, heads: int, dropout: float, self_attn: bool) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"d_model {dim} must be a multiple of nhead {heads}")
        self.heads, self.dropout, self.self_attn = heads, dropout, self_attn
        if self_attn:
            self.qkv = nn.Linear(dim, 3 * dim)
        else:
            self.q = nn.Linear(dim, dim)
            self.kv = nn.Linear(dim, 2 * dim)
        self.out_proj = nn.Linear(dim, dim)

    def _split(self, x: torch.Tensor, parts: int) -> tuple[torch.Tensor, ...]:
        samples, steps, width = x.shape
        return x.reshape(samples, steps, parts, self.heads, width // parts // self.heads).permute(2, 0, 3, 1, 4).unbind(0)

    def remember(self, memory: torch.Tensor) -> Pair:
        """Keys and values of what is looked at (N, L, dim)."""
        keys, values = self._split(self.kv(memory), 2)
        return keys, values

    def _look(self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, causal: bool) -> torch.Tensor:
        drop = self.dropout if self.training else 0.0
        x = attend(queries, keys, values, drop=drop, causal=causal)
        return self.out_proj(x.transpose(1, 2).flatten(2))

    def forward(self, x: torch.Tensor, memory: Pair | None = None, causal: bool = False) -> torch.Tensor:
        if memory is None:
            queries, keys, values = self._split(self.qkv(x), 3)
        else:
            (queries,), (keys, values) = self._split(self.q(x), 1), memory
        return self._look(queries, keys, values, causal)

    def step(self, x: torch.Tensor, before: Pair | None) -> tuple[torch.Tensor, Pair]:
        """The next position (N, 1, dim) looks at itself and those before it; also their keys and values together."""
        queries, keys, values = self._split(self.qkv(x), 3)
        if before is not None:
            keys, values = torch.cat((before[0], keys), dim=2), torch.cat((before[1], values), dim=2)
        return self._look(queries, keys, values, False), (keys, values)


class Mlp(nn.Module):
    """Linear, ReLU, linear, with a dropout after each half."""

    def __init__(self, dim: int, hidden: int, drop: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)
        self.drop = nn.Dropout(drop)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.drop(self.fc2(self.drop(F.relu(self.fc1(x)))))


class TransformerBlock(Recomputable):
    """Self-attention, attention to a memory (`cross`), MLP; each added to its input, then normed."""

    def __init__(self, dim: int, heads: int, hidden: int, attention_drop: float, drop: float, cross: bool) -> None:
        super().__init__()
        self.self_attn = MultiheadAttention(dim, heads, attention_drop, self_attn=True)
        self.norm1 = nn.LayerNorm(dim, eps=1e-5)
        self.cross_attn = MultiheadAttention(dim, heads, attention_drop, self_attn=False) if cross else None
        if cross:
            self.norm2 = nn.LayerNorm(dim, eps=1e-5)
        self.mlp = Mlp(dim, hidden, drop)
        self.norm3 = nn.LayerNorm(dim, eps=1e-5)
        self.drop = nn.Dropout(drop)

    def _rest(self, x: torch.Tensor, mixed: torch.Tensor, memory: Pair | None) -> torch.Tensor:
        x = self.norm1(x + self.drop(mixed))
        if self.cross_attn is not None:
            x = self.norm2(x + self.drop(self.cross_attn(x, memory)))
        return self.norm3(x + self.drop(self.mlp(x)))

    def forward(self, x: torch.Tensor, memory: torch.Tensor | None = None, causal: bool = False) -> torch.Tensor:
        """x (N, L, dim); `memory` (N, M, dim) for a block with `cross`; `causal`: nobody looks ahead."""
        pair = None if self.cross_attn is None or memory is None else self.cross_attn.remember(memory)
        return self._rest(x, self.self_attn(x, causal=causal), pair)

    def step(self, x: torch.Tensor, before: Pair | None, memory: Pair) -> tuple[torch.Tensor, Pair]:
        """The next position (N, 1, dim), with the keys and values of those before it and of the memory."""
        mixed, seen = self.self_attn.step(x, before)
        return self._rest(x, mixed, memory), seen
