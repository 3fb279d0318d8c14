"""ClsLoss: cross-entropy of whole images."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.registry import LOSSES


@LOSSES.register()
class ClsLoss(nn.Module):
    """outputs["cls"] logits (N, C); batch["label"] (N,) class numbers -> loss, the mean over the batch. PaddleOCR's ClsLoss."""

    needs: tuple[str, ...] = ("label",)

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        logits = outputs["cls"]
        with torch.autocast(logits.device.type, enabled=False):
            label = batch["label"].to(logits.device, torch.long, non_blocking=True)
            return {"loss": F.cross_entropy(logits.float(), label.reshape(-1))}
