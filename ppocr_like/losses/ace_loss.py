"""ACELoss (Xie et al. 2019, "Aggregation Cross-Entropy"): how often each character stands in a line, wherever it stands."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ppocr_like.registry import LOSSES


@LOSSES.register()
class ACELoss(nn.Module):
    """outputs["ctc"] logits (N, T, C); batch["length"] (N,), batch["label_ace"] (N, C) how often each class stands in the text
    -> loss.

    PaddleOCR's ACELoss, made for a CombinedLoss beside CTCLoss: the cross-entropy of the softmax' mean over the steps, through
    a second softmax, with the classes' shares of the T steps; the blank has those that the text leaves. The mean over the
    batch; PaddleOCR gives one value for each sample, and so does `paddle_exact`.

    Args:
        paddle_exact: see above.
    """

    needs: tuple[str, ...] = ("length", "label_ace")

    def __init__(self, paddle_exact: bool = False) -> None:
        super().__init__()
        self.paddle_exact = paddle_exact

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        logits = outputs["ctc"]
        samples, steps, classes = logits.shape
        counts = batch["label_ace"].to(logits.device, torch.float32, non_blocking=True)
        if tuple(counts.shape) != (samples, classes):
            raise ValueError(
                f"ACELoss needs label_ace of shape {(samples, classes)}, a count for each class; got {tuple(counts.shape)}"
            )
        with torch.autocast(logits.device.type, enabled=False):
            found = logits.float().softmax(dim=2).mean(dim=1)
            blanks = steps - batch["length"].to(logits.device, torch.float32, non_blocking=True).reshape(samples, 1)
            wanted = torch.cat((blanks, counts[:, 1:]), dim=1) / steps
            losses = -(wanted * found.log_softmax(dim=1)).sum(dim=1, keepdim=True)
        loss = losses if self.paddle_exact else losses.mean()
        return {"loss": loss, "loss_ace": losses}
