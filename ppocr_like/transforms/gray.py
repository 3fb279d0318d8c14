"""Colour to one channel."""

from __future__ import annotations

import numpy as np

from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.channels import to_channels


@TRANSFORMS.register()
class ToGray(Transform):
    """`image` (H, W, 3) BGR or (H, W, 1) uint8 -> (H, W, 1) uint8, by luma (Rec. 601); before NormalizeImage and ToCHWImage.

    The network that follows has one input channel.
    """

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        sample["image"] = np.ascontiguousarray(to_channels(sample["image"], 1))[:, :, None]
        return sample
