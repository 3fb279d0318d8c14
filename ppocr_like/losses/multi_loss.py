"""MultiLoss: the loss of MultiHead's branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import nn

from ppocr_like.contracts import entry_name
from ppocr_like.losses.ctc_loss import CTCLoss
from ppocr_like.losses.nrtr_loss import NRTRLoss
from ppocr_like.losses.sar_loss import SARLoss
from ppocr_like.registry import LOSSES, Part

# Of which entry of the batch each member reads its label; MultiLabelEncode gives one of SAR's two.
LABELS = {CTCLoss: "label_ctc", SARLoss: "label_sar|label_gtc", NRTRLoss: "label_gtc"}


@LOSSES.register()
class MultiLoss(nn.Module):
    """Outputs of MultiHead -> `loss` = weight_1 * CTCLoss + weight_2 * (SARLoss or NRTRLoss), and these terms under their
    names, weighted, as PaddleOCR logs them.

    Args:
        loss_config_list: CTCLoss and the guide's loss.
        weight_1: of CTCLoss.
        weight_2: of the guide's loss.
    """

    parts: ClassVar = (Part("loss_config_list", LOSSES, many=list),)

    def __init__(self, loss_config_list: Sequence[nn.Module], weight_1: float = 1.0, weight_2: float = 1.0) -> None:
        super().__init__()
        kinds = [type(loss) for loss in loss_config_list]
        names = ", ".join(kind.__name__ for kind in kinds) or "nothing"
        if not kinds or len(set(kinds)) != len(kinds) or any(kind not in LABELS for kind in kinds):
            raise ValueError(f"loss_config_list takes CTCLoss, SARLoss and NRTRLoss, each once; got {names}")
        if {SARLoss, NRTRLoss} <= set(kinds):
            raise ValueError("loss_config_list holds SARLoss and NRTRLoss, but MultiHead has one guide")
        self.guide = "sar" if SARLoss in kinds else "nrtr" if NRTRLoss in kinds else None  # whose outputs it reads
        self.members = nn.ModuleList(loss_config_list)
        self.weights = [weight_1 if kind is CTCLoss else weight_2 for kind in kinds]
        own = [need for loss in loss_config_list for need in getattr(loss, "needs", ()) if need != "label"]
        self.needs: tuple[str, ...] = tuple(dict.fromkeys([*(LABELS[kind] for kind in kinds), *own]))

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        terms: dict[str, torch.Tensor] = {}
        counts: dict[str, torch.Tensor] = {}
        for member, weight in zip(self.members, self.weights, strict=True):
            label = entry_name(LABELS[type(member)], batch)
            found = member(outputs, {**batch, "label": batch[label]} if label is not None else batch)
            terms[type(member).__name__] = found["loss"] * weight
            counts.update({name: value for name, value in found.items() if name.startswith("count/")})
        return {"loss": torch.stack([*terms.values()]).sum(), **terms, **counts}
