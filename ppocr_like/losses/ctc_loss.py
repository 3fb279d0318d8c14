"""CTCLoss (Graves et al. 2006): sums over all alignments of a text with the output steps."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.registry import LOSSES


@LOSSES.register()
class CTCLoss(nn.Module):
    """outputs["ctc"] logits (N, T, C); batch["label"] (N, L) class indices, batch["length"] (N,) -> loss.

    Of a network that tells outputs["lengths"] (N,) only each sample's own steps count.
    As PaddleOCR's CTCLoss (warp-ctc): blank 0, log-softmax inside, all T steps count otherwise, plain mean over the batch of each
    sample's negative log likelihood (not divided by its length), float32 whatever autocast says. A target that needs
    more steps than there are has loss 0 and gradient 0 and stays in the mean; `count/infeasible` counts such targets.

    Args:
        use_focal_loss: multiplies each sample's loss l by (1 - exp(-l))^2, which is differentiated too.
    """

    needs: tuple[str, ...] = ("label", "length")
    on_host: tuple[str, ...] = ("length",)

    def __init__(self, use_focal_loss: bool = False) -> None:
        super().__init__()
        self.use_focal_loss = use_focal_loss

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        logits = outputs["ctc"]
        samples, steps, _ = logits.shape
        label = batch["label"].to(torch.long)
        length = batch["length"].to(torch.long).reshape(samples)
        own = outputs.get("lengths")
        lasting = torch.full((samples,), steps, dtype=torch.long) if own is None else own.to("cpu", torch.long)
        with torch.autocast(logits.device.type, enabled=False):
            log_probs = logits.float().log_softmax(dim=2).transpose(0, 1)
            # log_probs' device decides the kernel: the lengths may stand on the CPU for all of them.
            losses = F.ctc_loss(
                log_probs,
                label.to(logits.device, non_blocking=True),
                lasting,
                length.cpu(),
                blank=0,
                reduction="none",
                zero_infinity=True,
            )
            if self.use_focal_loss:
                losses = losses * (1.0 - torch.exp(-losses)) ** 2
        return {"loss": losses.mean(), "count/infeasible": infeasible(label, length, steps if own is None else own).sum()}


def infeasible(label: torch.Tensor, length: torch.Tensor, steps: int | torch.Tensor) -> torch.Tensor:
    """Which targets CTC cannot fit into `steps`: a target needs a step per character and a blank between equal neighbours.

    Args:
        label: (N, L) class indices; what lies behind `length` is not read.
        length: (N,).
        steps: output steps, of all or (N,) of each.

    Returns:
        (N,) bool.
    """
    if isinstance(steps, torch.Tensor):
        steps = steps.to(label.device, non_blocking=True)
    length = length.to(label.device, non_blocking=True)
    if label.shape[1] < 2:
        return length > steps
    place = torch.arange(1, label.shape[1], device=label.device)
    repeats = ((label[:, 1:] == label[:, :-1]) & (place < length[:, None])).sum(1)
    return length + repeats > steps
