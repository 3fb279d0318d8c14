"""CTCHead: class scores for every step of a sequence."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec, ParamAttr
from ppocr_like.modeling.init import default_conv_, uniform_linear_
from ppocr_like.modeling.layers import BatchNorm2d
from ppocr_like.registry import HEADS

GUIDE_KERNEL = 5  # steps that the guide layer mixes


class GuideLayer(nn.Sequential):
    """Two convolutions over the steps of (N, T, C), depthwise and 1x1, each with batch norm and hard swish."""

    def __init__(self, channels: int) -> None:
        across = nn.Conv1d(channels, channels, GUIDE_KERNEL, padding=GUIDE_KERNEL // 2, groups=channels, bias=False)
        mix = nn.Conv1d(channels, channels, 1, bias=False)
        norms = BatchNorm2d(channels), BatchNorm2d(channels)  # they take sequences, too
        super().__init__(across, norms[0], nn.Hardswish(), mix, norms[1], nn.Hardswish())
        default_conv_(across)
        default_conv_(mix)

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        return super().forward(sequence.transpose(1, 2)).transpose(1, 2)


@HEADS.register()
class CTCHead(nn.Module):
    """Sequence (N, T, C) -> {"ctc": (N, T, num_classes)}: logits in training, probabilities in evaluation.

    PaddleOCR's head of the same name, with its names, initial values and per-parameter L2.

    Args:
        in_spec: the sequence.
        num_classes: classes with the blank at 0.
        fc_decay: L2 of the linear layers, in place of the optimizer's.
        mid_channels: a second linear layer of this width before the last one.
        return_feats: in training also `ctc_feats`, what the last layer reads (for CenterLoss).
        use_guide: two convolutions over the steps first (PP-OCRv6 tiny, in the place of a neck). The gradient flows on,
            other than with a neck's use_guide.
    """

    needs: tuple[str, ...] = ()

    def __init__(
        self,
        in_spec: FeatureSpec,
        num_classes: int,
        fc_decay: float = 0.0004,
        mid_channels: int | None = None,
        return_feats: bool = False,
        use_guide: bool = False,
    ) -> None:
        super().__init__()
        self.fc_decay = fc_decay
        self.mid_channels = mid_channels
        self.return_feats = return_feats
        self.guide_layer = GuideLayer(in_spec.channels) if use_guide else None
        if mid_channels is None:
            self.fc = nn.Linear(in_spec.channels, num_classes)
        else:
            self.fc1 = nn.Linear(in_spec.channels, mid_channels)
            self.fc2 = nn.Linear(mid_channels, num_classes)
        for layer in self.children():
            if isinstance(layer, nn.Linear):
                uniform_linear_(layer)
        self.out_spec = FeatureSpec(num_classes, in_spec.stride, height=1)

    def own_param_attrs(self) -> dict[str, ParamAttr]:
        return {name: ParamAttr(l2=self.fc_decay) for name, _ in self.named_parameters() if name.startswith("fc")}

    def own_class_parameters(self) -> dict[str, str]:
        last = "fc" if self.mid_channels is None else "fc2"
        return {f"{last}.weight": "ctc", f"{last}.bias": "ctc"}

    def forward(self, features: torch.Tensor, targets: Mapping[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
        if self.guide_layer is not None:
            features = self.guide_layer(features)
        if self.mid_channels is not None:
            features = self.fc1(features)
        logits = self.fc(features) if self.mid_channels is None else self.fc2(features)
        if not self.training:
            return {"ctc": logits.softmax(dim=2)}
        return {"ctc": logits, "ctc_feats": features} if self.return_feats else {"ctc": logits}
