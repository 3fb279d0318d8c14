"""DBLoss: the loss of Differentiable Binarization (Liao et al. 2020) with every main loss that PaddleOCR has had."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ppocr_like.losses.det_basic import MAIN_LOSSES, BalanceLoss, DiceFocalLoss, DiceLoss, MaskL1Loss
from ppocr_like.registry import LOSSES


@LOSSES.register()
class DBLoss(nn.Module):
    """outputs["maps"] (N, 3, H, W) and the four target maps (N, H, W) -> loss and its parts, as in PaddleOCR.

    loss = alpha * main(probability, shrink map) + beta * L1(threshold, threshold map, where its mask is 1)
    + dice(binary, shrink map). With PFHeadLocal's `cbn_maps` also main(cbn_maps, shrink map), `loss_cbn`; with the
    auxiliary branches' `aux_maps_p*` the same three terms again, `loss_aux_maps_p*`, times their weight.

    Every term is taken over the pixels of the whole batch at once, as PaddleOCR does, not per image and then averaged:
    an image without text adds little. float32 whatever autocast says.

    Args:
        balance_loss: see `BalanceLoss`; of no effect with DiceFocalLoss.
        main_loss_type: DiceLoss, DiceFocalLoss (for the binary map too), BCELoss, MaskL1Loss, Euclidean or CrossEntropy.
        alpha, beta: weights of the probability and the threshold term.
        ohem_ratio: hardest other pixels per text pixel; counts with BCELoss, Euclidean and CrossEntropy only.
        eps: added to denominators.
        aux_weight_p4, aux_weight_p3, aux_weight_p2: weights of the auxiliary terms; 0: left out.
        focal_alpha, focal_gamma, dice_weight, focal_weight: see `DiceFocalLoss`.
    """

    needs: tuple[str, ...] = ("threshold_map", "threshold_mask", "shrink_map", "shrink_mask")

    def __init__(
        self,
        balance_loss: bool = True,
        main_loss_type: str = "DiceLoss",
        alpha: float = 5,
        beta: float = 10,
        ohem_ratio: float = 3,
        eps: float = 1e-6,
        aux_weight_p4: float = 0.0,
        aux_weight_p3: float = 0.0,
        aux_weight_p2: float = 0.0,
        focal_alpha: float = 0.25,
        focal_gamma: float = 2.0,
        dice_weight: float = 1.0,
        focal_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if main_loss_type not in (*MAIN_LOSSES, "DiceFocalLoss"):
            raise ValueError(f"main_loss_type is {main_loss_type!r}; accepted: {', '.join((*MAIN_LOSSES, 'DiceFocalLoss'))}")
        self.alpha, self.beta = alpha, beta
        self.aux_weights = {"aux_maps_p4": aux_weight_p4, "aux_maps_p3": aux_weight_p3, "aux_maps_p2": aux_weight_p2}
        self.l1_loss = MaskL1Loss(eps)
        self.bce_loss: nn.Module
        self.dice_loss: nn.Module
        if main_loss_type == "DiceFocalLoss":
            self.bce_loss = self.dice_loss = DiceFocalLoss(dice_weight, focal_weight, focal_alpha, focal_gamma, eps)
        else:
            self.bce_loss = BalanceLoss(balance_loss, main_loss_type, ohem_ratio)
            self.dice_loss = DiceLoss(eps)

    def _terms(self, maps: torch.Tensor, targets: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Weighted terms of the probability, threshold and binary map."""
        threshold_map, threshold_mask, shrink_map, shrink_mask = targets
        shrink, threshold, binary = maps.float().unbind(1)
        return (
            self.alpha * self.bce_loss(shrink, shrink_map, shrink_mask),
            self.beta * self.l1_loss(threshold, threshold_map, threshold_mask),
            self.dice_loss(binary, shrink_map, shrink_mask),
        )

    def pictures(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What is worth looking at in training, (N, H, W) in [0, 1]: the target of the probability map, the map itself, and the
        threshold map."""
        maps = outputs["maps"]
        return {"shrink_map": batch["shrink_map"], "probability": maps[:, 0], "threshold": maps[:, 1]}

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        maps = outputs["maps"]
        targets = tuple(batch[name].to(maps.device, torch.float32, non_blocking=True) for name in self.needs)
        with torch.autocast(maps.device.type, enabled=False):
            terms = self._terms(maps, targets)
            parts = dict(zip(("loss_shrink_maps", "loss_threshold_maps", "loss_binary_maps"), terms, strict=True))
            loss = terms[0] + terms[1] + terms[2]
            if "cbn_maps" in outputs:
                parts["loss_cbn"] = self.bce_loss(outputs["cbn_maps"].float()[:, 0], *targets[2:])
                loss = loss + parts["loss_cbn"]
            for name, weight in self.aux_weights.items():
                if weight > 0 and name in outputs:
                    parts[f"loss_{name}"] = sum(self._terms(outputs[name], targets), torch.zeros_like(loss))
                    loss = loss + weight * parts[f"loss_{name}"]
        return {"loss": loss, **parts}
