"""CombinedLoss: several losses, each with its weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from ppocr_like.registry import LOSSES, Part


@dataclass(frozen=True)
class Weighted:
    """A loss and its factor in the sum."""

    loss: nn.Module
    weight: float


@LOSSES.register()
class CombinedLoss(nn.Module):
    """Outputs -> `loss`, the weighted sum of its members', and their parts, weighted.

    A member's value for each sample enters by its mean, so that every weight means what it says. PaddleOCR adds such a vector
    to the others' numbers and sums it up, which multiplies all others' gradients by the batch size; `paddle_exact` does the
    same.

    Args:
        loss_config_list: losses, each with its `weight` among its arguments.
        paddle_exact: see above.
    """

    parts: ClassVar = (Part("loss_config_list", LOSSES, many=list, beside=Weighted),)

    def __init__(self, loss_config_list: Sequence[Weighted], paddle_exact: bool = False) -> None:
        super().__init__()
        if not loss_config_list:
            raise ValueError("loss_config_list is empty; give at least one loss: - CTCLoss: {weight: 1.0}")
        self.members = nn.ModuleList(member.loss for member in loss_config_list)
        self.member_weights = [member.weight for member in loss_config_list]
        self.paddle_exact = paddle_exact
        self.needs: tuple[str, ...] = tuple(
            dict.fromkeys(need for member in self.members for need in getattr(member, "needs", ()))
        )
        self.model_names: tuple[str, ...] = tuple(
            dict.fromkeys(name for member in self.members for name in getattr(member, "model_names", ()))
        )

    def pictures(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What the members offer to look at."""
        offered: dict[str, torch.Tensor] = {}
        for member in self.members:
            if callable(make := getattr(member, "pictures", None)):
                offered.update(make(outputs, batch))
        return offered

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        parts: dict[str, torch.Tensor] = {}
        terms: list[torch.Tensor] = []
        for member, weight in zip(self.members, self.member_weights, strict=True):
            found = member(outputs, batch)
            terms.append(found["loss"] * weight)
            own = {name: value for name, value in found.items() if name != "loss"} or {type(member).__name__: found["loss"]}
            for name, value in own.items():
                parts[name] = value if name.startswith("count/") else value.mean() * weight
        if self.paddle_exact:
            loss = sum(terms[1:], terms[0]).sum()
        else:
            loss = torch.stack([term.mean() for term in terms]).sum()
        return {"loss": loss, **parts}
