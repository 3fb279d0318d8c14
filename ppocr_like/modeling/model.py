"""OcrModel: transform, backbone, neck and head in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec, ParamAttr
from ppocr_like.modeling.answers import answering_as_in_training
from ppocr_like.modeling.fuse import fuse_within
from ppocr_like.modeling.network import Network
from ppocr_like.registry import ARCH_TRANSFORMS, ARCHITECTURES, BACKBONES, HEADS, NECKS, Part


@ARCHITECTURES.register()
class OcrModel(Network):
    """Images (N, C, H, W), float32 and normalised -> outputs by name (see the head).

    Args:
        transform: changes the images (TPS, STN); None for most recognisers.
        backbone: images to features.
        neck: features to features; None where the head reads the backbone.
        head: features (and in training the targets that it `needs`) to outputs.
        fused: branches and batch norms are taken into plain convolutions at once, and these are trained: the form in which
            weights come out of ONNX files.

    With `return_all_feats` set, training outputs also hold `backbone_out` and `neck_out` (MultiHead: its CTC branch's sequence);
    of several maps each, `backbone_out_0` and so on.
    """

    parts: ClassVar = (
        Part("Transform", ARCH_TRANSFORMS, chained=True),
        Part("Backbone", BACKBONES, chained=True),
        Part("Neck", NECKS, chained=True),
        Part("Head", HEADS),
    )
    return_all_feats = False

    def __init__(
        self,
        transform: nn.Module | None,
        backbone: nn.Module,
        neck: nn.Module | None,
        head: nn.Module,
        fused: bool = False,
    ) -> None:
        super().__init__()
        self.transform = transform
        self.backbone = backbone
        self.neck = neck
        self.head = head
        self.fused = fused
        if fused:
            fuse_within(self)

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(getattr(self.head, "needs", ()))

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(getattr(self.head, "reads", ()))

    @property
    def input_size(self) -> tuple[int, int] | None:
        resized = getattr(self.transform, "gives_size", None)
        return getattr(self.backbone, "fixed_size", None) if resized is None else None

    @property
    def widest(self) -> int | None:
        return getattr(self.backbone, "widest", None)

    @property
    def steps_follow_width(self) -> bool:
        fixed = (getattr(self.transform, "gives_size", None), getattr(self.backbone, "fixed_size", None))
        return fixed == (None, None)

    @property
    def out_spec(self) -> FeatureSpec:
        """What the head gives out: `stride[1]` px of image width per output step."""
        for part in (self.head, self.neck, self.backbone):
            spec = getattr(part, "out_spec", None)
            if isinstance(spec, FeatureSpec):
                return spec
        raise AttributeError("neither head, neck nor backbone has an out_spec")

    def param_attrs(self) -> dict[str, ParamAttr]:
        found = super().param_attrs()
        if not self.fused:
            return found
        there = {name for name, _ in self.named_parameters()}  # what was fused tells about parameters that are gone
        return {name: attr for name, attr in found.items() if name in there}

    def forward(self, images: torch.Tensor, targets: Mapping[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
        x = images if self.transform is None else self.transform(images)
        x = features = self.backbone(x)
        if self.neck is not None:
            x = self.neck(x)
        return self._with_features(self.head(x, targets), features, x)

    def answers(
        self, images: torch.Tensor, read: Mapping[str, torch.Tensor] | None, targets: Mapping[str, torch.Tensor]
    ) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """See `Network.answers`; both of the same features."""
        x = images if self.transform is None else self.transform(images)
        x = features = self.backbone(x)
        if self.neck is not None:
            with answering_as_in_training(self.neck):  # auxiliary maps
                x = self.neck(x)
        told = self.head(x, read)
        with answering_as_in_training(self.head):
            return told, self._with_features(self.head(x, targets), features, x)

    def _with_features(
        self, outputs: dict[str, torch.Tensor], features: torch.Tensor | Sequence[torch.Tensor], x: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """The outputs, under `return_all_feats` in training with the features before them."""
        if not (self.return_all_feats and self.head.training):
            return outputs
        necks = {} if self.neck is None else _named("neck_out", x)
        if "ctc_neck" in outputs:
            necks = {"neck_out": outputs["ctc_neck"]}
        return {**_named("backbone_out", features), **necks, **outputs}


def _named(name: str, features: torch.Tensor | Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
    if isinstance(features, torch.Tensor):
        return {name: features}
    return {f"{name}_{number}": one for number, one in enumerate(features)}
