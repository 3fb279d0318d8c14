"""RandAugment (Cubuk et al. 2020): a few changes drawn at random, all of one strength."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform

MOST = 10.0  # the strength at which changes are as large as in the paper
SHEAR, SHIFT, TURN = 0.3, 150.0 / 331, 30.0  # px per px, share of the side, degrees at the largest strength
ENHANCE, POSTER_BITS, SOLAR = 0.9, 4.0, 256.0
Change = Callable[[Image.Image, float], Image.Image]


@TRANSFORMS.register()
class RandAugment(Transform):
    """`num_layers` of 14 changes to the picture, one after the other, each drawn anew, as PaddleOCR's RandAugment.

    Shear and shift along either axis, turn, colour, posterize, solarize, contrast, sharpness, brightness, auto-contrast,
    equalize, invert. Those with a direction take either at random. What the picture uncovers is gray.

    Args:
        prob: of pictures that are changed at all.
        num_layers: changes to each of them.
        magnitude: their strength, 0 to 10.
        fillcolor: gray level of what is uncovered, for each channel.
    """

    def __init__(
        self, prob: float = 0.5, num_layers: int = 2, magnitude: float = 5, fillcolor: Sequence[int] = (128, 128, 128)
    ) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f"prob is {prob}; a probability lies in [0, 1]")
        if num_layers < 1:
            raise ValueError(f"num_layers is {num_layers}; at least 1 is needed")
        if not 0 <= magnitude <= MOST:
            raise ValueError(f"magnitude is {magnitude}; 0 to 10 is accepted")
        if len(fillcolor) != 3 or not all(0 <= level <= 255 for level in fillcolor):
            raise ValueError(f"fillcolor is {list(fillcolor)}; three levels of 0 to 255 are needed")
        self.prob, self.num_layers = prob, num_layers
        self.fill = tuple(fillcolor)
        self.changes = self._changes(magnitude / MOST)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        if rng.random() > self.prob:
            return sample
        image = sample["image"]
        flat = image[:, :, 0] if image.ndim == 3 and image.shape[2] == 1 else image
        picture = Image.fromarray(np.ascontiguousarray(flat))
        for _ in range(self.num_layers):
            number, sign = int(rng.integers(len(self.changes))), float(rng.choice((-1.0, 1.0)))
            picture = self.changes[number](picture, sign)
        sample["image"] = np.array(picture).reshape(image.shape)
        return sample

    def _changes(self, strength: float) -> list[Change]:
        shear, shift, turn = SHEAR * strength, SHIFT * strength, TURN * strength
        more, bits, level = ENHANCE * strength, int(POSTER_BITS * strength), round(SOLAR * strength)
        cubic = Image.Resampling.BICUBIC

        def warp(picture: Image.Image, numbers: Sequence[float], resample: Image.Resampling) -> Image.Image:
            fill = self.fill if picture.mode == "RGB" else self.fill[0]
            return picture.transform(picture.size, Image.Transform.AFFINE, tuple(numbers), resample, fillcolor=fill)

        def enhanced(kind: Callable[[Image.Image], ImageEnhance._Enhance]) -> Change:
            return lambda picture, sign: kind(picture).enhance(1 + more * sign)

        nearest = Image.Resampling.NEAREST
        return [
            lambda picture, sign: warp(picture, (1, shear * sign, 0, 0, 1, 0), cubic),
            lambda picture, sign: warp(picture, (1, 0, 0, shear * sign, 1, 0), cubic),
            lambda picture, sign: warp(picture, (1, 0, shift * picture.size[0] * sign, 0, 1, 0), nearest),
            lambda picture, sign: warp(picture, (1, 0, 0, 0, 1, shift * picture.size[1] * sign), nearest),
            lambda picture, sign: picture.rotate(turn, fillcolor=self.fill if picture.mode == "RGB" else self.fill[0]),
            enhanced(ImageEnhance.Color),
            lambda picture, sign: ImageOps.posterize(picture, max(1, bits)),
            lambda picture, sign: ImageOps.solarize(picture, level),
            enhanced(ImageEnhance.Contrast),
            enhanced(ImageEnhance.Sharpness),
            enhanced(ImageEnhance.Brightness),
            lambda picture, sign: ImageOps.autocontrast(picture),
            lambda picture, sign: ImageOps.equalize(picture),
            lambda picture, sign: ImageOps.invert(picture),
        ]
