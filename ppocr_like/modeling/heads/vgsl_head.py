"""VGSLHead: the output layer of a VGSL network."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec, HeightMisfit
from ppocr_like.modeling.backbones.vgsl import VgslFeatures
from ppocr_like.registry import HEADS


@HEADS.register("VGSLHead", task="rec")
class VGSLHead(nn.Module):
    """Features (N, C, 1, W) -> {"ctc": (N, W, classes)}: logits in training, probabilities in evaluation.

    The linear layer that kraken puts at a recogniser's end (`O1c80`): Xavier uniform weights, biases 0. A backbone that is no
    VGSL may stand before it; its maps must have one row.

    Args:
        in_spec: the features.
        num_classes: classes with the blank at 0. The number in the string's output is not read.

    Raises:
        ValueError: the string's output is of another kind than `1c`, or its map has several rows (HeightMisfit).
    """

    needs: tuple[str, ...] = ()

    def __init__(self, in_spec: FeatureSpec, num_classes: int) -> None:
        super().__init__()
        told = in_spec if isinstance(in_spec, VgslFeatures) else VgslFeatures(in_spec.channels, in_spec.stride, in_spec.height)
        if told.output not in ("", "1c"):
            raise ValueError(f"spec ends with O{told.output}; a recogniser ends with O1c<classes>, or without an output")
        if told.height not in (None, 1):
            raise HeightMisfit(
                f"the features have {told.height} rows and must have one: fold them into the channels (S1(1x0)1,3) before the "
                "recurrent layers, or sum them up by one (Lfys64)"
            )
        self.ones = told.ones
        self.lin = nn.Linear(told.channels + told.ones, num_classes)
        nn.init.xavier_uniform_(self.lin.weight)
        nn.init.zeros_(self.lin.bias)
        self.out_spec = FeatureSpec(num_classes, told.stride, height=1)

    def own_class_parameters(self) -> dict[str, str]:
        return {"lin.weight": "ctc", "lin.bias": "ctc"}

    def forward(self, features: torch.Tensor, targets: Mapping[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
        if not torch.jit.is_tracing() and features.shape[2] != 1:
            raise HeightMisfit(f"the features have {features.shape[2]} rows and must have one")
        sequence = features.squeeze(2).transpose(1, 2)
        if self.ones:
            sequence = F.pad(sequence, (1, 0), value=1.0)
        logits = self.lin(sequence)
        return {"ctc": logits if self.training else logits.softmax(dim=2)}
