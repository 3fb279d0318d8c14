"""BalancedCrossEntropyLoss: as many text pixels as others, the hardest of each. The loss of ocrs-models' detector."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.losses.det_basic import hardest
from ppocr_like.registry import LOSSES


def _hardest(losses: torch.Tensor, count: int) -> torch.Tensor:
    return losses if count >= losses.numel() else losses.topk(count, sorted=False).values


def _mean_there(losses: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
    """The loss of text pixels and others without a number that leaves the device."""
    least, most = torch.stack((positive.sum(), negative.sum())).aminmax()
    count = torch.where(least > 0, least, most)
    chosen = [
        hardest(torch.where(those, losses, 0.0).reshape(-1), torch.minimum(those.sum(), count)) for those in (positive, negative)
    ]
    taken = torch.minimum(positive.sum(), count) + torch.minimum(negative.sum(), count)
    return (chosen[0].sum() + chosen[1].sum()) / taken.clamp(min=1)


@LOSSES.register()
class BalancedCrossEntropyLoss(nn.Module):
    """outputs["maps"] (N, 1, H, W) against batch["shrink_map"] (N, H, W), where batch["shrink_mask"] is 1 -> loss.

    Mean binary cross-entropy over n text and n other pixels of the whole batch, those with the largest losses; n is the
    smaller of their numbers. A batch without text (or without anything else) gives the mean over all its pixels, where
    ocrs-models gives NaN. float32 whatever autocast says.
    """

    needs: tuple[str, ...] = ("shrink_map", "shrink_mask")

    def pictures(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What is worth looking at in training, (N, H, W) in [0, 1]: target and probability."""
        return {"shrink_map": batch["shrink_map"], "probability": outputs["maps"][:, 0]}

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        maps = outputs["maps"]
        text = batch["shrink_map"].to(maps.device, torch.float32)
        counted = batch["shrink_mask"].to(maps.device) > 0.5
        with torch.autocast(maps.device.type, enabled=False):
            losses = F.binary_cross_entropy(maps[:, 0].float(), text, reduction="none")
            if losses.device.type != "cpu":
                return {"loss": _mean_there(losses, counted & (text > 0.5), counted & (text <= 0.5))}
            positive, negative = losses[counted & (text > 0.5)], losses[counted & (text <= 0.5)]
            count = min(positive.numel(), negative.numel()) or max(positive.numel(), negative.numel())
            chosen = torch.cat((_hardest(positive, count), _hardest(negative, count)))
            return {"loss": chosen.mean() if count else losses.sum() * 0.0}
