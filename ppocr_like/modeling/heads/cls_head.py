"""ClsHead: class scores of a whole image."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.registry import HEADS


@HEADS.register()
class ClsHead(nn.Module):
    """Features (N, C, H, W) -> {"cls": (N, class_dim)}: logits in training, probabilities in evaluation.

    The mean over all places, then one linear layer: PaddleOCR's head of the same name, with its names and initial values.

    Args:
        in_spec: the features.
        class_dim: classes.
    """

    needs: tuple[str, ...] = ()
    onnx_names = ("x", "cls")

    def __init__(self, in_spec: FeatureSpec, class_dim: int) -> None:
        super().__init__()
        if class_dim < 2:
            raise ValueError(f"class_dim is {class_dim}; at least 2 classes are needed")
        self.class_dim = class_dim
        self.fc = nn.Linear(in_spec.channels, class_dim)
        bound = 1.0 / math.sqrt(in_spec.channels)
        nn.init.uniform_(self.fc.weight, -bound, bound)
        nn.init.zeros_(self.fc.bias)
        self.out_spec = FeatureSpec(class_dim, in_spec.stride, height=1)

    def misfit(self, part: object, training: bool) -> tuple[str, str] | None:
        """Another number of names (`label_list`) than outputs; a step that makes more labels (`names`, `label_list`)."""
        step, there = hasattr(part, "gives"), f"but Architecture.Head.class_dim is {self.class_dim}"
        names = (step and getattr(part, "names", None)) or getattr(part, "label_list", None)
        if not isinstance(names, list | tuple) or len(names) == self.class_dim or (step and len(names) < self.class_dim):
            return None
        told = f"{len(names)} classes ({', '.join(names)}), {there}"
        return ("", f"gives {told}") if step else ("label_list", f"names {told}")

    def forward(self, features: torch.Tensor, targets: Mapping[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
        logits = self.fc(features.mean(dim=(2, 3)))
        return {"cls": logits if self.training else logits.softmax(dim=1)}
