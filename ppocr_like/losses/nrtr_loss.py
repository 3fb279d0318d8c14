"""NRTRLoss: cross-entropy of NRTR's characters, smoothed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.registry import LOSSES

SMOOTHING = 0.1  # PaddleOCR's number, spread over all other classes
PADDING = 0


@LOSSES.register()
class NRTRLoss(nn.Module):
    """outputs["gtc"] of MultiHead or ["nrtr"] of Transformer, logits (N, 1 + longest, C); batch["label"] (N, L): start,
    characters, end, padding (0); batch["length"] (N,) characters -> loss.

    The mean is over all characters of the batch with their end signs, padding left out.

    Args:
        smoothing: the wanted class has 0.9, all others share 0.1. Without, plain cross-entropy.
        ignore_index: class left out of plain cross-entropy; the smoothed one leaves out the padding, 0.
    """

    needs: tuple[str, ...] = ("label", "length")
    on_host: tuple[str, ...] = ("length",)

    def __init__(self, smoothing: bool = True, ignore_index: int = PADDING) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.ignore_index = PADDING if smoothing else ignore_index

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        logits = outputs["gtc"] if "gtc" in outputs else outputs["nrtr"]
        longest = int(batch["length"].max())
        label = batch["label"][:, 1 : 2 + longest].to(logits.device, torch.long, non_blocking=True)
        if logits.shape[:2] != label.shape:
            raise ValueError(
                f"NRTRLoss needs logits for the longest text and its end, {tuple(label.shape)}; got {tuple(logits.shape)}"
            )
        with torch.autocast(logits.device.type, enabled=False):
            scores, wanted = logits.float().flatten(0, 1), label.flatten()
            if not self.smoothing:
                return {"loss": F.cross_entropy(scores, wanted, ignore_index=self.ignore_index)}
            log_probs = scores.log_softmax(dim=1)
            hit = log_probs.gather(1, wanted[:, None])[:, 0]
            others = (log_probs.sum(dim=1) - hit) / (scores.shape[1] - 1)
            losses = -(1 - SMOOTHING) * hit - SMOOTHING * others
            counts = wanted != self.ignore_index
            return {"loss": losses.masked_fill(~counts, 0.0).sum() / counts.sum()}


@LOSSES.register()
class CELoss(NRTRLoss):
    """NRTRLoss by its name of PaddleOCR 2.x, whose padding counts as a class unless the loss is smoothed.

    Args:
        smoothing: as NRTRLoss'.
        ignore_index: class left out of plain cross-entropy; none where it is below 0.
    """

    def __init__(self, smoothing: bool = False, ignore_index: int = -1) -> None:
        super().__init__(smoothing, ignore_index)
