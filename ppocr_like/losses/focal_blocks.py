"""The focal loss of a probability map on a processor: sum and gradient in blocks of pixels that stay in its cache.

Written with ordinary operators it takes some sixty passes over maps that are larger than the cache, half of them backwards, and
the choices by booleans among them are slow. The sum is the same up to rounding; its last bits depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

BLOCK = 1 << 15  # pixels for each thread: the least for which PyTorch shares an operator's work


def fits(pred: torch.Tensor, gt: torch.Tensor, mask: torch.Tensor) -> bool:
    """Whether `focal_sum` takes these maps: on the CPU, in float32, targets without a gradient, nothing that is compiled."""
    maps = pred, gt, mask
    plain = all(one.device.type == "cpu" and one.dtype == torch.float32 and type(one) is torch.Tensor for one in maps)
    same = pred.dim() == 3 and pred.shape == gt.shape == mask.shape
    return plain and same and not (gt.requires_grad or mask.requires_grad) and not torch.compiler.is_compiling()


def focal_sum(pred: torch.Tensor, gt: torch.Tensor, mask: torch.Tensor, alpha: float, gamma: float, eps: float) -> torch.Tensor:
    """Sum of `det_basic.MaskedFocalLoss` over the masked pixels of maps (N, H, W) that `fits` -> scalar."""
    total: torch.Tensor = _FocalSum.apply(pred, gt, mask, alpha, gamma, eps)  # type: ignore[no-untyped-call]
    return total


class _FocalSum(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, pred: torch.Tensor, gt: torch.Tensor, mask: torch.Tensor, alpha: float, gamma: float, eps: float
    ) -> torch.Tensor:
        slope = torch.empty(pred.shape) if ctx.needs_input_grad[0] else None
        sums = [_block(*part, alpha, gamma, eps) for part in _blocks(pred, gt, mask, slope)]
        ctx.slope = slope
        return torch.stack(sums).sum() if sums else pred.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return ctx.slope * grads[0], None, None, None, None, None


def _blocks(
    pred: torch.Tensor, gt: torch.Tensor, mask: torch.Tensor, slope: torch.Tensor | None
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]]:
    """The same pixels of each map (M,), block after block."""
    step = BLOCK * torch.get_num_threads()
    for number in range(len(pred)):
        rows = [whole[number].reshape(-1) for whole in (pred, gt, mask)]
        wanted = None if slope is None else slope[number].view(-1)
        for start in range(0, len(rows[0]), step):
            one, text, counted = (row[start : start + step] for row in rows)
            yield one, text, counted, None if wanted is None else wanted[start : start + step]


def _block(
    pred: torch.Tensor,
    gt: torch.Tensor,
    mask: torch.Tensor,
    slope: torch.Tensor | None,
    alpha: float,
    gamma: float,
    eps: float,
) -> torch.Tensor:
    """A block's sum; its gradient is put into `slope`. Comparisons are kept as floats."""
    text = gt.clone().gt_(0.5)
    other = 1.0 - text
    known = pred.clamp(eps, 1.0 - eps)
    rest = 1.0 - known
    entropy = known.log().mul_(gt).addcmul_(rest.log(), 1.0 - gt).neg_()
    wrong = (1.0 - rest).mul_(other).addcmul_(rest, text)  # 1 - p of the right answer
    weight = other.mul(1.0 - alpha).add_(text, alpha=alpha).mul_(mask)
    weight.mul_(_power(wrong, gamma - 1.0))
    total = torch.mul(weight, wrong).mul_(entropy).sum()
    if slope is None:
        return total
    # d entropy / d logit is known - gt; at a probability of exactly 0.5 it is 1 less, as in the written-out form.
    bent = torch.sub(known, gt).sub_(known.clone().eq_(0.5))
    bent.mul_(wrong).div_(rest.mul_(known)).addcmul_(entropy, other.sub_(text), value=gamma).mul_(weight)
    torch.mul(bent, known.eq_(pred), out=slope)  # no gradient beyond the cut
    return total


def _power(values: torch.Tensor, exponent: float) -> torch.Tensor:
    """`values ** exponent`; PP-OCRv6's 1.5 without the slow general power."""
    return values * values.sqrt() if exponent == 1.5 else values.pow(exponent)
