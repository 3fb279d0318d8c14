"""IaaAugment: mirror, turn and scale a page with its polygons."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import GeometricTransform, Sample
from ppocr_like.transforms.iaa_steps import Affine, Flip, Resize, Step, parse
from ppocr_like.transforms.view import View, move

# PaddleOCR's (and DB's) augmentation where a recipe gives none.
DEFAULT: tuple[Step, ...] = (Flip(True, 0.5), Affine(rotate=(-10.0, 10.0)), Resize((0.5, 3.0)))


@TRANSFORMS.register()
class IaaAugment(GeometricTransform):
    """Mirrors, turns and scales the picture and `polys`, as PaddleOCR's IaaAugment, whose argument names are kept.

    Polygons are moved, never cut nor dropped: they may reach beyond the picture afterwards. Steps of `augmenter_args`, each
    `{type: Name, args: {...}}` or `[Name, {...}]`:

    - Fliplr, Flipud: p (1).
    - Affine: rotate (0; degrees, clockwise), scale, shear (degrees), translate_percent, translate_px, keep_ratio (false),
      fit_output (false), fill (0), p (1). A number stands for itself, [low, high] is drawn from, {x: ..., y: ...} tells
      the axes apart; a single number for shear is along x only.
    - Resize: size [least, most], the factor of both sides.

    Args:
        augmenter_args: the steps, in order; None: Fliplr p 0.5, Affine rotate [-10, 10], Resize size [0.5, 3].
            An empty list: nothing happens.

    Source: imgaug's meaning of these names, which PaddleOCR keeps.
    """

    needs = ("image", "polys")
    gives = ("image", "polys")

    def __init__(self, augmenter_args: list[Any] | None = None) -> None:
        if augmenter_args is None:
            self.steps = DEFAULT
        else:
            self.steps = tuple(parse(step, f"augmenter_args.{i}") for i, step in enumerate(augmenter_args))

    def place(self, sample: Sample, view: View, rng: np.random.Generator) -> View:
        matrix = np.eye(3)
        for step in self.steps:
            view, moved = step(view, rng)
            matrix = moved @ matrix
        sample["polys"] = move(sample["polys"], matrix)
        return view
