"""Losses of a probability map against a 0/1 map, where a mask says which pixels count. PaddleOCR's det_basic_loss.

All take `pred`, `gt`, `mask` (N, H, W), float32; sums go over the whole batch, so an image with more text weighs more.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.losses import focal_blocks

MAIN_LOSSES = ("DiceLoss", "BCELoss", "MaskL1Loss", "Euclidean", "CrossEntropy")


class DiceLoss(nn.Module):
    """1 - 2 |pred gt| / (|pred| + |gt| + eps) over the masked pixels of the batch -> scalar."""

    def __init__(self, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps

    def forward(
        self, pred: torch.Tensor, gt: torch.Tensor, mask: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        if weights is not None:
            mask = mask * weights
        inside = gt * mask
        return 1.0 - 2.0 * (pred * inside).sum() / ((pred * mask).sum() + inside.sum() + self.eps)


class MaskL1Loss(nn.Module):
    """Mean absolute difference over the masked pixels of the batch -> scalar."""

    def __init__(self, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, pred: torch.Tensor, gt: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return ((pred - gt).abs() * mask).sum() / (mask.sum() + self.eps)


class BCELoss(nn.Module):
    """Binary cross-entropy of probabilities; logarithms are cut at -100, as Paddle and torch do.

    Args:
        reduction: "none" (per pixel), "sum" or "mean"; a mask, where one is given, says which pixels the latter two count.
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in ("none", "sum", "mean"):
            raise ValueError(f"reduction must be none, sum or mean, got {reduction!r}")
        self.reduction = reduction

    def forward(self, pred: torch.Tensor, gt: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        if mask is None or self.reduction == "none":
            return F.binary_cross_entropy(pred, gt, reduction=self.reduction)
        total = (F.binary_cross_entropy(pred, gt, reduction="none") * mask).sum()
        return total if self.reduction == "sum" else total / mask.sum().clamp(min=1.0)


class MaskedFocalLoss(nn.Module):
    """Focal loss (Lin et al. 2017) of probabilities, mean over the masked pixels -> scalar.

    Args:
        alpha: weight of text pixels; the others have 1 - alpha.
        gamma: exponent of the factor (1 - p)^gamma, p the probability of the right answer.
        eps: probabilities are cut to [eps, 1 - eps]; no gradient flows beyond.
    """

    def __init__(self, alpha: float = 0.25, gamma: float = 2.0, eps: float = 1e-6) -> None:
        super().__init__()
        self.alpha, self.gamma, self.eps = alpha, gamma, eps

    def forward(self, pred: torch.Tensor, gt: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        total = focal_blocks.focal_sum if focal_blocks.fits(pred, gt, mask) else _focal_sum
        return total(pred, gt, mask, self.alpha, self.gamma, self.eps) / (mask.sum() + self.eps)


class DiceFocalLoss(nn.Module):
    """dice_weight * DiceLoss + focal_weight * MaskedFocalLoss -> scalar. Defaults are PaddleOCR's for the class; DBLoss
    hands down its own."""

    def __init__(
        self,
        dice_weight: float = 1.0,
        focal_weight: float = 1.0,
        focal_alpha: float = 0.75,
        focal_gamma: float = 2.0,
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        self.dice_weight, self.focal_weight = dice_weight, focal_weight
        self.dice_loss = DiceLoss(eps)
        self.focal_loss = MaskedFocalLoss(focal_alpha, focal_gamma, eps)

    def forward(self, pred: torch.Tensor, gt: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.dice_weight * self.dice_loss(pred, gt, mask) + self.focal_weight * self.focal_loss(pred, gt, mask)


class BalanceLoss(nn.Module):
    """A loss over all text pixels and as many of the others, the hardest ones, times `negative_ratio` -> scalar.

    With a loss that is one number for the whole map (DiceLoss, MaskL1Loss) there are no hardest pixels: the result is
    that number, whatever the ratio, up to eps, and 0 where no text pixel counts. So it is in PaddleOCR, which all of its
    recipes rely on. Without `balance_loss` it is the plain loss, with per-pixel ones the mean over the mask (PaddleOCR
    returns a map there, which its trainer cannot use). "Euclidean" and "CrossEntropy" are named in PaddleOCR but raise
    there; here they are the squared difference and the same as BCELoss.

    Args:
        balance_loss: as said.
        main_loss_type: one of DiceLoss, BCELoss, MaskL1Loss, Euclidean, CrossEntropy.
        negative_ratio: at most so many other pixels per text pixel.
        return_origin: give (loss, the main loss itself) in place of the loss.
        eps: added to the number of pixels, and handed to the main loss.
    """

    def __init__(
        self,
        balance_loss: bool = True,
        main_loss_type: str = "DiceLoss",
        negative_ratio: float = 3,
        return_origin: bool = False,
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        if main_loss_type not in MAIN_LOSSES:
            raise ValueError(f"main_loss_type is {main_loss_type!r}; accepted: {', '.join(MAIN_LOSSES)}")
        if negative_ratio < 0:
            raise ValueError(f"negative_ratio must not be negative, got {negative_ratio}")
        self.balance_loss, self.negative_ratio, self.return_origin, self.eps = balance_loss, negative_ratio, return_origin, eps
        self.loss: nn.Module
        if main_loss_type == "DiceLoss":
            self.loss = DiceLoss(eps)
        elif main_loss_type == "MaskL1Loss":
            self.loss = MaskL1Loss(eps)
        else:
            self.loss = nn.MSELoss(reduction="none") if main_loss_type == "Euclidean" else BCELoss("none")
        self.per_pixel = main_loss_type not in ("DiceLoss", "MaskL1Loss")

    def forward(
        self, pred: torch.Tensor, gt: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        loss = self.loss(pred, gt) if self.per_pixel else self.loss(pred, gt, mask)
        if self.balance_loss:
            balanced = self._hardest(loss, gt * mask, mask) if self.per_pixel else self._whole(loss, gt * mask, mask)
        else:
            balanced = (loss * mask).sum() / (mask.sum() + self.eps) if self.per_pixel else loss
        return (balanced, loss) if self.return_origin else balanced

    def _whole(self, loss: torch.Tensor, positive: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The formula below for a loss that is the same at every pixel."""
        positives = positive.sum()
        negatives = torch.minimum(mask.sum() - positives, (positives * self.negative_ratio).floor())
        return loss * (positives + negatives) / (positives.floor() + negatives.floor() + self.eps)

    def _hardest(self, loss: torch.Tensor, positive: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Sum over text pixels and the hardest others / their number. Elsewhere than on the host the numbers stay on the device:
        all other pixels are sorted there, and those behind the hardest count 0."""
        if loss.device.type != "cpu":
            return self._hardest_there(loss, positive, mask - positive)
        positives = int(positive.sum())
        count = min(int((mask - positive).sum()), int(positives * self.negative_ratio))
        total = (loss * positive).sum()
        if count > 0:
            total = total + ((mask - positive) * loss).reshape(-1).topk(count, sorted=False).values.sum()
        return total / (positives + count + self.eps)

    def _hardest_there(self, loss: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
        positives = positive.sum().floor()
        count = torch.minimum(negative.sum().floor(), (positives * self.negative_ratio).floor())
        total = (loss * positive).sum() + hardest((negative * loss).reshape(-1), count).sum()
        return total / (positives + count + self.eps)


def hardest(losses: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """The `count` (a scalar on the device) largest of `losses` (M,), at least 0, in order, and 0 in the places of the others."""
    place = torch.arange(len(losses), device=losses.device)
    return torch.where(place < count, losses.sort(descending=True).values, 0.0)


def _focal_sum(pred: torch.Tensor, gt: torch.Tensor, mask: torch.Tensor, alpha: float, gamma: float, eps: float) -> torch.Tensor:
    pred = pred.clamp(eps, 1.0 - eps)
    logit = torch.log(pred / (1.0 - pred))
    # Written out so that at a probability of exactly 0.5 the gradient is the one that Paddle's kernel gives (the two
    # kinks at logit 0 taken from different sides); everywhere else it is -log of the right answer's probability.
    entropy = torch.where(logit > 0, logit, 0.0) - logit * gt + torch.where(logit >= 0, -logit, logit).exp().log1p()
    right = torch.where(gt > 0.5, pred, 1.0 - pred)
    weight = torch.where(gt > 0.5, alpha, 1.0 - alpha)
    return (weight * (1.0 - right) ** gamma * entropy * mask).sum()
