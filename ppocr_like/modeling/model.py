"""OcrModel: transform, backbone, neck and head in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import nn

from ppocr_like.contracts import Cut, FeatureSpec, ParamAttr
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

    A backbone that tracks widths (`reads` is `valid_width`) is called with (N,) px of each image that are no padding, or None,
    and gives its features and (N,) columns of them; the outputs then hold `lengths`, output steps of each sample.

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
        self.tracks_widths = "valid_width" in getattr(backbone, "reads", ())
        if self.tracks_widths and transform is not None:
            raise ValueError(
                f"Backbone {type(backbone).__name__} follows how wide each line is, and a Transform ({type(transform).__name__}) "
                "makes lines of another width: leave the Transform out"
            )
        self.transform = transform
        self.backbone = backbone
        self.neck = neck
        self.head = head
        self.fused = fused
        if fused:
            fuse_within(self)

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*getattr(self.backbone, "needs", ()), *getattr(self.head, "needs", ()))))

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*getattr(self.backbone, "reads", ()), *getattr(self.head, "reads", ()))))

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

    def cut(self, theirs: Mapping[str, Any] | None) -> Cut | None:
        """What the backbone says of itself; neck and head stand behind its new layers and are new, too."""
        node = theirs.get("Backbone") if theirs is not None else None
        own = getattr(self.backbone, "cut", None)
        found = None if own is None else own(node if isinstance(node, Mapping) else None)
        if found is None:
            return None
        kept, new = (tuple(f"backbone.{name}" for name in names) for names in (found.kept, found.new))
        return Cut(kept, (*new, *(["neck."] if self.neck is not None else []), "head."))

    def param_attrs(self) -> dict[str, ParamAttr]:
        found = super().param_attrs()
        if not self.fused:
            return found
        there = {name for name, _ in self.named_parameters()}  # what was fused tells about parameters that are gone
        return {name: attr for name, attr in found.items() if name in there}

    def forward(self, images: torch.Tensor, targets: Mapping[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
        features, lengths = self._features(images, targets)
        x = features if self.neck is None else self.neck(features)
        return self._with_features(_timed(self.head(x, targets), lengths), features, x)

    def _features(self, images: torch.Tensor, entries: Mapping[str, torch.Tensor] | None) -> tuple[Any, torch.Tensor | None]:
        """(the backbone's features, columns of each sample; None where it does not say or all columns count)."""
        if self.tracks_widths:
            return self.backbone(images, None if entries is None else entries.get("valid_width"))
        return self.backbone(images if self.transform is None else self.transform(images)), None

    def answers(
        self, images: torch.Tensor, read: Mapping[str, torch.Tensor] | None, targets: Mapping[str, torch.Tensor]
    ) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """See `Network.answers`; both of the same features."""
        x, lengths = self._features(images, targets)
        features = x
        if self.neck is not None:
            with answering_as_in_training(self.neck):  # auxiliary maps
                x = self.neck(x)
        told = _timed(self.head(x, read), lengths)
        with answering_as_in_training(self.head):
            return told, self._with_features(_timed(self.head(x, targets), lengths), features, x)

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


def _timed(outputs: dict[str, torch.Tensor], lengths: torch.Tensor | None) -> dict[str, torch.Tensor]:
    return outputs if lengths is None else {**outputs, "lengths": lengths}


def _named(name: str, features: torch.Tensor | Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
    if isinstance(features, torch.Tensor):
        return {name: features}
    return {f"{name}_{number}": one for number, one in enumerate(features)}
