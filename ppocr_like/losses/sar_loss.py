"""SARLoss: cross-entropy of SAR's characters."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.registry import LOSSES

PADDLE_PADDING = 92  # PaddleOCR's default, the padding of its dictionary of 90 characters


@LOSSES.register()
class SARLoss(nn.Module):
    """outputs["sar"] logits (N, L, C); batch["label"] (N, L): start, characters, end, padding -> loss.

    Logits [:, i] stand for label[:, i + 1]. The mean is over all characters of the batch, padding left out.

    Args:
        ignore_index: class of the padding. null: the character set's.
        sar_classes: classes of the labels, the padding the last of them. PaddleOCR overwrites `ignore_index` by it.
    """

    needs: tuple[str, ...] = ("label",)

    def __init__(self, ignore_index: int | None = None, sar_classes: int | None = None) -> None:
        super().__init__()
        if sar_classes is not None and ignore_index not in (None, sar_classes - 1):
            raise ValueError(
                f"ignore_index is {ignore_index}, but the padding of this character set is {sar_classes - 1}; leave it out"
            )
        padding = PADDLE_PADDING if sar_classes is None else sar_classes - 1
        self.ignore_index = padding if ignore_index is None else ignore_index

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        logits, label = outputs["sar"], batch["label"].to(outputs["sar"].device, torch.long, non_blocking=True)
        if logits.shape[:2] != label.shape:
            raise ValueError(f"SARLoss needs as many logits as labels; got {tuple(logits.shape)} and {tuple(label.shape)}")
        # The last logits would stand for what follows the label's end.
        with torch.autocast(logits.device.type, enabled=False):
            loss = F.cross_entropy(logits[:, :-1].float().flatten(0, 1), label[:, 1:].flatten(), ignore_index=self.ignore_index)
        return {"loss": loss}
