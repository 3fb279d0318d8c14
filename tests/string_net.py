"""Networks of one string, in the manner of VGSL: a plugin of recipes (`Global.plugins: [tests.string_net]`)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.network import Network
from ppocr_like.registry import ARCHITECTURES, BACKBONES

_WHOLE = re.compile(r"\[1,(\d+),0,(\d+) (.+)\]")


class Rows(nn.Module):
    """(N, C, H, W) -> (N, C, 1, W): the mean of the rows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=2, keepdim=True)


def layers_of(text: str, in_spec: FeatureSpec) -> tuple[nn.Sequential, FeatureSpec]:
    """`Cr3,3,16`: convolution of 3 x 3 to 16 channels, and ReLU; `Mp2,2`: max pooling; `Y`: the mean of the rows."""
    layers: list[nn.Module] = []
    channels, (down, right), height = in_spec.channels, in_spec.stride, in_spec.height
    for word in text.split():
        numbers = [int(number) for number in re.findall(r"\d+", word)]
        if word.startswith("Cr") and len(numbers) == 3:
            rows, columns, out = numbers
            layers += [nn.Conv2d(channels, out, (rows, columns), padding=(rows // 2, columns // 2)), nn.ReLU()]
            channels = out
        elif word.startswith("Mp") and len(numbers) == 2:
            layers.append(nn.MaxPool2d(numbers))  # type: ignore[arg-type]
            down, right = down * numbers[0], right * numbers[1]
        elif word == "Y":
            layers.append(Rows())
            height = 1
        else:
            raise ValueError(f"spec has the layer {word!r}; known are Cr3,3,16 and Mp2,2 and Y")
    return nn.Sequential(*layers), FeatureSpec(channels, (down, right), height)


@ARCHITECTURES.register()
class WholeNet(Network):
    """Images (N, C, H, W) -> {"ctc": (N, T, classes)}: logits in training, probabilities in evaluation.

    Args:
        spec: `[1,<height>,0,<channels> <layers>]`.
    """

    def __init__(self, spec: str, in_spec: FeatureSpec, num_classes: int) -> None:
        super().__init__()
        found = _WHOLE.fullmatch(spec)
        if found is None:
            raise ValueError(f"spec is {spec!r}; [1,<height>,0,<channels> <layers>] is needed")
        if int(found[2]) != in_spec.channels:
            raise ValueError(f"spec is for images of {found[2]} channels, the recipe's have {in_spec.channels}")
        self.layers, features = layers_of(found[3], in_spec)
        self.classes = nn.Linear(features.channels, num_classes)
        self.out_spec = FeatureSpec(num_classes, features.stride, height=1)

    def own_class_parameters(self) -> dict[str, str]:
        return {"classes.weight": "ctc", "classes.bias": "ctc"}

    def forward(self, images: torch.Tensor, targets: Mapping[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
        logits = self.classes(self.layers(images).squeeze(2).transpose(1, 2))
        return {"ctc": logits if self.training else logits.softmax(dim=2)}


@BACKBONES.register()
class StringBackbone(nn.Module):
    """Images (N, C, H, W) -> features. Args: spec: the layers."""

    def __init__(self, spec: str, in_spec: FeatureSpec) -> None:
        super().__init__()
        self.layers, self.out_spec = layers_of(spec, in_spec)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images)
