"""CenterLoss (Wen et al. 2016): features of one class should lie near each other."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.errors import OcrError
from ppocr_like.registry import LOSSES

SEED = 6625  # of centres that no file gives


@LOSSES.register()
class CenterLoss(nn.Module):
    """outputs["ctc_feats"] (N, T, D) and outputs["ctc"] logits (N, T, C) -> loss: the mean over all steps of the squared
    distance between a step's features and the centre of the class that the logits name.

    PaddleOCR's CenterLoss, made for a CombinedLoss beside CTCLoss. Centres are not trained. They come from a file (the engine
    reads it, see `weights.centers`) that holds those of a trained network; classes without one there keep values drawn once
    and for all. PaddleOCR draws them anew in each process, so that its resumed runs pull elsewhere.

    Args:
        charset: makes C classes.
        feat_dim: D, the CTCHead's mid_channels, or what its neck gives.
        center_file_path: an `.npz` with `centers` (K, D) and, unless they are all, `classes` (K,); or the pickle that
            PaddleOCR's tools/export_center.py writes.
    """

    needs: tuple[str, ...] = ()

    def __init__(self, charset: Charset, feat_dim: int = 96, center_file_path: str | None = None) -> None:
        super().__init__()
        if feat_dim < 1:
            raise ValueError(f"feat_dim must be at least 1, got {feat_dim}")
        self.center_file_path = center_file_path
        self.centers: torch.Tensor
        drawn = torch.randn(charset.num_classes, feat_dim, generator=torch.Generator().manual_seed(SEED))
        self.register_buffer("centers", drawn, persistent=False)

    @torch.no_grad()
    def set_centers(self, classes: torch.Tensor, centers: torch.Tensor) -> None:
        """Takes over centres (K, D) of classes (K,).

        Raises:
            ValueError: other features, or classes that there are not.
        """
        count, size = self.centers.shape
        if centers.ndim != 2 or centers.shape[1] != size or len(centers) != len(classes):
            raise ValueError(f"centres of {tuple(centers.shape)} for {len(classes)} classes; feat_dim is {size}")
        if len(classes) and not 0 <= int(classes.min()) <= int(classes.max()) < count:
            raise ValueError(
                f"a centre of class {int(classes.max())}, but the dictionary makes {count} classes: "
                "the centres belong to another dictionary"
            )
        self.centers[classes.to(self.centers.device)] = centers.to(self.centers)

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        if "ctc_feats" not in outputs:
            raise OcrError("CenterLoss reads the head's features: set return_feats: true of CTCHead")
        features, logits = outputs["ctc_feats"], outputs["ctc"]
        if features.shape[2] != self.centers.shape[1]:
            raise OcrError(f"CenterLoss: feat_dim is {self.centers.shape[1]}, but the head's features have {features.shape[2]}")
        with torch.autocast(features.device.type, enabled=False):
            nearest = self.centers.to(features.device, non_blocking=True)[logits.detach().argmax(dim=2)]
            loss = (features.float() - nearest).square().sum(dim=2).mean()
        return {"loss": loss, "loss_center": loss}
