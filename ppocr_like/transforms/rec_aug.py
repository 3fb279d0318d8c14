"""Random changes to a text line: geometry, blur, brightness, noise, inversion."""

from __future__ import annotations

import cv2
import numpy as np

from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms import tia
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.channels import join_gray, split_gray

CROP_MIN_HEIGHT = 20  # px
CROP_MAX = 8  # px cut off the top or the bottom
JITTER_REACH = 0.01  # of the short side
BRIGHTNESS_REACH = 0.3  # V is scaled by 1 +- this
NOISE_SIGMA = 0.05 * 255  # grey levels: PaddleOCR's 0.5 * N(0, 0.1), on the scale [0, 1] that it was written for
NOISE_TABLE = 1 << 20  # values
BASE_NUMBERS = 11  # random numbers that BaseDataAugmentation uses


class _Noise:
    """Gaussian noise, read from a fixed table at a random place: drawing it anew costs more than all else."""

    def __init__(self) -> None:
        noise = np.random.Generator(np.random.PCG64(20200616)).normal(0.0, NOISE_SIGMA, NOISE_TABLE)
        # Saturating sums of uint8 are the fastest there are, so the table is kept as what to add and what to take away.
        self._up = np.rint(noise.clip(0, 255)).astype(np.uint8)
        self._down = np.rint((-noise).clip(0, 255)).astype(np.uint8)

    def __call__(self, image: np.ndarray, u: float) -> np.ndarray:
        """Adds Gaussian noise, saturating. `u` in [0, 1) chooses the place in the table."""
        size = image.size
        if size >= NOISE_TABLE:
            start = int(u * NOISE_TABLE)
            up = np.resize(np.roll(self._up, -start), image.shape)
            down = np.resize(np.roll(self._down, -start), image.shape)
        else:
            start = int(u * (NOISE_TABLE - size))
            up = self._up[start : start + size].reshape(image.shape)
            down = self._down[start : start + size].reshape(image.shape)
        return cv2.subtract(cv2.add(image, up), down)


def _check_probabilities(**probabilities: float) -> None:
    for name, value in probabilities.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} is {value}; a probability lies in [0, 1]")


@TRANSFORMS.register()
class BaseDataAugmentation(Transform):
    """Crop, blur, brightness, jitter, noise, inversion, each with its own probability and in this order, as PaddleOCR's
    BaseDataAugmentation, whose names and defaults are kept.

    - crop: 1 to 8 px off the top or the bottom of a picture at least 20 px high.
    - blur: Gaussian, 5 x 5, sigma 1.
    - hsv: the V of HSV (hence all of B, G, R) is scaled by 0.7 to 1.3. PaddleOCR scales it by at most 1.001,
      which changes nothing.
    - jitter: the picture moves right and down by up to 1 % of its short side, at least 1 px. PaddleOCR's loop moves nothing
      below 200 px.
    - noise: Gaussian of 13 grey levels. PaddleOCR adds noise meant for the scale [0, 1] to 0..255, which changes nothing.
    - reverse: 255 - image.

    A gray picture stays gray.
    """

    def __init__(
        self,
        crop_prob: float = 0.4,
        reverse_prob: float = 0.4,
        noise_prob: float = 0.4,
        jitter_prob: float = 0.4,
        blur_prob: float = 0.4,
        hsv_aug_prob: float = 0.4,
    ) -> None:
        _check_probabilities(
            crop_prob=crop_prob,
            reverse_prob=reverse_prob,
            noise_prob=noise_prob,
            jitter_prob=jitter_prob,
            blur_prob=blur_prob,
            hsv_aug_prob=hsv_aug_prob,
        )
        self.crop_prob = crop_prob
        self.reverse_prob = reverse_prob
        self.noise_prob = noise_prob
        self.jitter_prob = jitter_prob
        self.blur_prob = blur_prob
        self.hsv_aug_prob = hsv_aug_prob
        self._noise = _Noise()

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        image, repeated = split_gray(sample["image"])
        u = rng.random(BASE_NUMBERS).tolist()
        top, bottom = self.crop(image.shape[0], u)
        sample["image"] = join_gray(self.change_pixels(image[top:bottom], u), repeated)
        return sample

    def crop(self, height: int, u: list[float]) -> tuple[int, int]:
        """Rows [top, bottom) to keep. Uses u[0:3]."""
        if u[0] >= self.crop_prob or height < CROP_MIN_HEIGHT:
            return 0, height
        cut = 1 + int(u[1] * CROP_MAX)
        return (cut, height) if u[2] < 0.5 else (0, height - cut)

    def change_pixels(self, image: np.ndarray, u: list[float]) -> np.ndarray:
        """All steps but the crop: (H, W) or (H, W, C) uint8 -> the same shape. Uses u[3:11]."""
        if u[3] < self.blur_prob:
            image = cv2.GaussianBlur(image, (5, 5), 1)
        if u[4] < self.hsv_aug_prob:
            image = cv2.convertScaleAbs(image, alpha=1.0 + (2 * u[5] - 1) * BRIGHTNESS_REACH)
        if u[6] < self.jitter_prob:
            image = _shift(image, u[7])
        if u[8] < self.noise_prob:
            image = self._noise(image, u[9])
        if u[10] < self.reverse_prob:
            image = cv2.bitwise_not(image)
        return image


def _shift(image: np.ndarray, u: float) -> np.ndarray:
    """Moves right and down by 1 px or more; the uncovered edge keeps what was there."""
    by = 1 + int(u * JITTER_REACH * min(image.shape[:2]))
    if min(image.shape[:2]) <= 10:
        return image
    moved = image.copy()
    moved[by:, by:] = image[:-by, :-by]
    return moved


@TRANSFORMS.register()
class RecAug(Transform):
    """TIA (distort, stretch and perspective in one warp; see `tia`), then BaseDataAugmentation, as PaddleOCR's RecAug.

    TIA is left out for pictures under 20 px in height or width; patches are 3 to 5. A crop is cut before the pixels are sampled.
    """

    def __init__(
        self,
        tia_prob: float = 0.4,
        crop_prob: float = 0.4,
        reverse_prob: float = 0.4,
        noise_prob: float = 0.4,
        jitter_prob: float = 0.4,
        blur_prob: float = 0.4,
        hsv_aug_prob: float = 0.4,
    ) -> None:
        _check_probabilities(tia_prob=tia_prob)
        self.tia_prob = tia_prob
        self._warp = tia.TextWarp()
        self.base = BaseDataAugmentation(crop_prob, reverse_prob, noise_prob, jitter_prob, blur_prob, hsv_aug_prob)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        image, repeated = split_gray(sample["image"])
        numbers = rng.random(1 + BASE_NUMBERS + tia.NUMBERS, np.float32)
        tia_u, *u = numbers[: 1 + BASE_NUMBERS].tolist()
        height, width = image.shape[:2]
        top, bottom = self.base.crop(height, u)
        if tia_u < self.tia_prob and height >= tia.MIN_SIDE and width >= tia.MIN_SIDE:
            image = self._warp(image, numbers[1 + BASE_NUMBERS :], top, bottom)
        else:
            image = image[top:bottom]
        sample["image"] = join_gray(self.base.change_pixels(image, u), repeated)
        return sample
