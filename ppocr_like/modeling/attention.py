"""What attention blocks are made of: stochastic depth, multi-head self-attention over all steps, two linear layers."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.modeling.layers import ACTIVATIONS


def attend(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    mask: torch.Tensor | None = None,
    *,
    drop: float = 0.0,
    scale: float | None = None,
    causal: bool = False,
) -> torch.Tensor:
    """softmax(scale * q k^T + mask) v; q (N, heads, T, D), k and v (N, heads, S, D) -> (N, heads, T, D).

    In bfloat16 and float16 a CPU computes it in float32 all the same: the gradient of torch's kernel is two to five times
    slower there in lower precision, and less exact.

    Args:
        mask: (T, S), added to the scores.
        drop: dropout of the weights.
        scale: None for 1 / sqrt(D).
        causal: no step sees a later one.
    """
    kind = q.dtype
    if q.device.type != "cpu" or kind not in (torch.bfloat16, torch.float16):
        return F.scaled_dot_product_attention(q, k, v, mask, drop, causal, scale=scale)
    if mask is not None:
        mask = mask.float()
    with torch.autocast("cpu", enabled=False):
        return F.scaled_dot_product_attention(q.float(), k.float(), v.float(), mask, drop, causal, scale=scale).to(kind)


class DropPath(nn.Module):
    """Leaves out the whole branch for a sample with probability `p` while training (stochastic depth)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.p == 0.0:
            return x
        keep = torch.empty((x.shape[0],) + (1,) * (x.ndim - 1), dtype=x.dtype, device=x.device).bernoulli_(1 - self.p)
        return x * keep.div_(1 - self.p)


class Attention(nn.Module):
    """Multi-head self-attention; (N, T, C) -> (N, T, C).

    Args:
        dim: C.
        num_heads: C is a multiple of it.
        qkv_bias: whether queries, keys and values have biases.
        qk_scale: of the products of queries and keys; None for 1 / sqrt(C / num_heads).
        attn_drop, proj_drop: dropout of the attention's weights and of what is given out.
    """

    def __init__(
        self, dim: int, num_heads: int, qkv_bias: bool, qk_scale: float | None, attn_drop: float, proj_drop: float
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.scale = qk_scale or (dim // num_heads) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.attn_drop = attn_drop
        self.proj = nn.Linear(dim, dim)
        self.proj_drop = nn.Dropout(proj_drop)

    def mix(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """(N, heads, T, C / heads) each -> the same."""
        drop = self.attn_drop if self.training else 0.0
        return attend(q, k, v, drop=drop, scale=self.scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        samples, steps, dim = x.shape
        heads = self.qkv(x).reshape(samples, steps, 3, self.num_heads, dim // self.num_heads).permute(2, 0, 3, 1, 4)
        x = self.mix(heads[0], heads[1], heads[2])
        return self.proj_drop(self.proj(x.transpose(1, 2).reshape(samples, steps, dim)))


class Mlp(nn.Module):
    """Linear, activation (a name in `layers.ACTIVATIONS`), linear, with a dropout after each half."""

    def __init__(self, dim: int, hidden: int, drop: float, act: str = "swish") -> None:
        super().__init__()
        self.act = act
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)
        self.drop = nn.Dropout(drop)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.drop(self.fc2(self.drop(ACTIVATIONS[self.act](self.fc1(x)))))
