"""SVTRRecAug: the augmentation that SVTR was trained with."""

from __future__ import annotations

import numpy as np

from ppocr_like.contracts import Rejected
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.channels import join_gray, split_gray
from ppocr_like.transforms.color_jitter import ColorJitter
from ppocr_like.transforms.svtr_deterioration import deteriorated
from ppocr_like.transforms.svtr_geometry import INTERPOLATIONS, place, render

COLOR = {"brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 0.1}  # SVTR's


@TRANSFORMS.register()
class SVTRRecAug(Transform):
    """Geometry, deterioration and colour, each with its own probability and in this order, as PaddleOCR's SVTRRecAug.

    - geometry: a turn by up to 45 degrees; a turn with scale 0.5 to 2 and shear up to 45 and 15 degrees; or a view from a side.
      The canvas grows or shrinks with it; beyond the edges they are repeated.
    - deterioration: noise, motion blur and low resolution, in random order. PaddleOCR draws their strengths once for a whole run;
      here each sample has its own.
    - colour: `ColorJitter` of 0.5, 0.5, 0.5, 0.1.

    Args:
        aug_type: 0: one kind of geometry; 1: one to three kinds in random order (one resampling, here).
        geometry_p, deterioration_p, colorjitter_p: probabilities.

    Raises (on call):
        Rejected: "empty image".

    Source: the augmentation of ABINet (Fang et al. 2021) in the form that SVTR (Du et al. 2022) uses.
    """

    def __init__(
        self, aug_type: int = 0, geometry_p: float = 0.5, deterioration_p: float = 0.25, colorjitter_p: float = 0.25
    ) -> None:
        if aug_type not in (0, 1):
            raise ValueError(f"aug_type is {aug_type}; accepted: 0 (one kind of geometry), 1 (one to three kinds)")
        for name, value in (
            ("geometry_p", geometry_p),
            ("deterioration_p", deterioration_p),
            ("colorjitter_p", colorjitter_p),
        ):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}; a probability lies in [0, 1]")
        self.several = aug_type == 1
        self.geometry_p, self.deterioration_p, self.colorjitter_p = geometry_p, deterioration_p, colorjitter_p
        self._color = ColorJitter(**COLOR)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        image, repeated = split_gray(sample["image"])
        height, width = image.shape[:2]
        if not height or not width:
            raise Rejected("empty image", f"{width} x {height} px")
        if rng.random() < self.geometry_p:
            image = render(image, place(width, height, self.several, rng), INTERPOLATIONS[rng.integers(len(INTERPOLATIONS))])
        if rng.random() < self.deterioration_p:
            image = deteriorated(image, rng)
        sample["image"] = join_gray(image, repeated)
        return self._color(sample, rng) if rng.random() < self.colorjitter_p else sample
