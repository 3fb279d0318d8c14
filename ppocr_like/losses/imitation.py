"""How far two networks' outputs are from each other: PaddleOCR's basic_loss and CTC logit loss. All in float32.

Of a pair the first learns. Where one is the other's model (all but DMLLoss, in which both learn from each other), what the
second gives is a constant to whoever calls; the functions themselves cut no gradient.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

ROUND_UP = 1e-10  # added before logarithms
CTC_EPS = 1e-6
CTC_TEMPERATURE = 0.5


class KLJSLoss(nn.Module):
    """How far two maps of probabilities (N, H, W) are from each other, px by px and the same either way. `eps` is added to
    numerator, denominator and ratio, as in PaddleOCR.

    Args:
        mode: `kl`: half the sum of both Kullback-Leibler terms; `js`: against their mean.
    """

    def __init__(self, mode: str = "kl") -> None:
        super().__init__()
        if mode.lower() not in ("kl", "js"):
            raise ValueError(f"mode is {mode!r}; accepted: kl, js")
        self.mode = mode.lower()

    def forward(self, p1: torch.Tensor, p2: torch.Tensor, reduction: str | None = "mean", eps: float = 1e-5) -> torch.Tensor:
        """(N,), the mean (or `sum`) over each map; with `none` or None (N, H, W)."""
        if self.mode == "kl":
            loss = p2 * ((p2 + eps) / (p1 + eps) + eps).log() + p1 * ((p1 + eps) / (p2 + eps) + eps).log()
        else:
            both = p1 + p2 + eps
            loss = p2 * ((2 * p2 + eps) / both + eps).log() + p1 * ((2 * p1 + eps) / both + eps).log()
        loss = loss * 0.5
        if reduction in (None, "none"):
            return loss
        return loss.mean(dim=(1, 2)) if reduction == "mean" else loss.sum(dim=(1, 2))


def divergence(log_student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence of log-probabilities from probabilities, summed, over the first dimension's size."""
    return (teacher * ((teacher + ROUND_UP).log() - log_student)).sum() / len(teacher)


class DMLLoss(nn.Module):
    """Deep mutual learning (Zhang et al. 2018): both learn to answer as the other does.

    Args:
        act: `softmax` (over the last dimension) or `sigmoid` of what is given; None: it is probabilities.
        use_log: mean of both divergences, a scalar (recognition); without, `KLJSLoss` of each map, (N,) (detection).
    """

    def __init__(self, act: str | None = None, use_log: bool = False) -> None:
        super().__init__()
        if act not in (None, "softmax", "sigmoid"):
            raise ValueError(f"act is {act!r}; accepted: softmax, sigmoid, null")
        self.act, self.use_log = act, use_log
        self.by_map = KLJSLoss("kl")

    def forward(self, out1: torch.Tensor, out2: torch.Tensor) -> torch.Tensor:
        first, second = self._probabilities(out1.float()), self._probabilities(out2.float())
        if not self.use_log:
            return self.by_map(first, second)
        return (divergence(first.log(), second) + divergence(second.log(), first)) / 2.0

    def _probabilities(self, out: torch.Tensor) -> torch.Tensor:
        if self.act is None:
            return out
        return (out.softmax(-1) if self.act == "softmax" else out.sigmoid()) + ROUND_UP


class KLDivLoss(nn.Module):
    """Divergence of the student's softmax from the teacher's (N, T, C) -> scalar: the sum over the batch's size, or, where `mask`
    (N * T) says which positions count, their mean."""

    def forward(self, student: torch.Tensor, teacher: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        log_student, wanted = student.float().log_softmax(-1), teacher.float().softmax(-1)
        if mask is None:
            return divergence(log_student, wanted)
        each = (wanted * ((wanted + ROUND_UP).log() - log_student)).flatten(0, 1).sum(1)
        return masked_mean(each, mask)


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of the values (M,) where `mask` (M,) is true; 0 where it is nowhere."""
    return values.masked_fill(~mask, 0.0).sum() / mask.sum().clamp(min=1)


class DKDLoss(nn.Module):
    """Decoupled knowledge distillation (Zhao et al. 2022) of logits (N, T, C) -> scalar: alpha * how sure one is of the right
    class + beta * how the rest is shared out among the others, both times the temperature's square.

    Args:
        temperature: softens both softmaxes.
        alpha, beta: weights.
    """

    def __init__(self, temperature: float = 1.0, alpha: float = 1.0, beta: float = 1.0) -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"temperature is {temperature}; more than 0 is needed")
        self.temperature, self.alpha, self.beta = temperature, alpha, beta

    def forward(
        self, student: torch.Tensor, teacher: torch.Tensor, target: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """`target` (N * T) right classes, `mask` (N * T) positions that count (None: all)."""
        learner, master = (logits.float().flatten(0, 1) / self.temperature for logits in (student, teacher))
        right = F.one_hot(target.reshape(-1).long(), learner.shape[-1]).to(learner.dtype)
        sure = torch.stack([(p * right).sum(1) for p in (learner.softmax(1), master.softmax(1))])
        rest = torch.stack([(p * (1 - right)).sum(1) for p in (learner.softmax(1), master.softmax(1))])
        pair = torch.stack([sure, rest], dim=2)  # (student and teacher, N * T, right and rest)
        of_target = self._divergence(pair[0].log(), pair[1])
        hidden = 1000.0 * right
        of_others = self._divergence((learner - hidden).log_softmax(1), (master - hidden).softmax(1))
        counts = torch.ones_like(of_target, dtype=torch.bool) if mask is None else mask.reshape(-1)
        share = masked_mean(of_target, counts), masked_mean(of_others, counts)
        return (self.alpha * share[0] + self.beta * share[1]) * self.temperature**2

    @staticmethod
    def _divergence(log_student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        return (teacher * ((teacher + ROUND_UP).log() - log_student)).sum(1)


class DistanceLoss(nn.Module):
    """Distance of two tensors of one shape -> scalar.

    Args:
        mode: `l1`, `l2` (squared) or `smooth_l1`.
        reduction: `mean` or `sum`.
    """

    def __init__(self, mode: str = "l2", reduction: str = "mean") -> None:
        super().__init__()
        if mode not in ("l1", "l2", "smooth_l1"):
            raise ValueError(f"mode is {mode!r}; accepted: l1, l2, smooth_l1")
        if reduction not in ("mean", "sum"):
            raise ValueError(f"reduction is {reduction!r}; accepted: mean, sum")
        self.mode, self.reduction = mode, reduction

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if x.shape != y.shape:
            raise ValueError(f"a distance needs tensors of one shape; got {tuple(x.shape)} and {tuple(y.shape)}")
        function = {"l1": F.l1_loss, "l2": F.mse_loss, "smooth_l1": F.smooth_l1_loss}[self.mode]
        return function(x.float(), y.float(), reduction=self.reduction)


class CTCLogitsLoss(nn.Module):
    """CTC logits (N, T, C): divergence of the mean over all steps of the student's softmax from that of the teacher's -> scalar.

    Which characters are seen counts, not at which step. The blank's logit is negated first, so that blanks do not decide;
    the temperature is 0.5. As in PaddleOCR's KLCTCLogits (mode `mean`), the mode that its recipes use.

    Args:
        reduction: `mean` over the batch, or `sum`.
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in ("mean", "sum"):
            raise ValueError(f"reduction is {reduction!r}; accepted: mean, sum")
        self.reduction = reduction

    def forward(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        sign = torch.ones(student.shape[-1], device=student.device)
        sign[0] = -1.0
        seen, wanted = ((x.float() * sign / CTC_TEMPERATURE).softmax(-1).mean(1) for x in (student, teacher))
        loss = (wanted * ((wanted + CTC_EPS) / (seen + CTC_EPS) + CTC_EPS).log()).sum()
        return loss / len(student) if self.reduction == "mean" else loss
