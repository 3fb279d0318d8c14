"""ColorJitter: brightness, contrast, saturation and hue of a picture."""

from __future__ import annotations

import cv2
import numpy as np

from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.channels import join_gray, split_gray

Range = tuple[float, float]
HUES = 180  # cv2's hue of 8-bit pictures counts in steps of two degrees


@TRANSFORMS.register()
class ColorJitter(Transform):
    """Changes brightness, contrast, saturation and hue, each by a random amount and in random order, as PaddleOCR's ColorJitter.

    `image` is BGR. A gray picture has no saturation and no hue to change and stays gray.

    Args:
        brightness, contrast, saturation: a number v stands for factors from max(0, 1 - v) to 1 + v; [low, high] are factors.
        hue: a number v up to 0.5 stands for [-v, v]; the unit is the whole circle of hues.
    """

    def __init__(
        self,
        brightness: float | tuple[float, float] = 0.0,
        contrast: float | tuple[float, float] = 0.0,
        saturation: float | tuple[float, float] = 0.0,
        hue: float | tuple[float, float] = 0.0,
    ) -> None:
        self.brightness = _factors("brightness", brightness)
        self.contrast = _factors("contrast", contrast)
        self.saturation = _factors("saturation", saturation)
        self.hue = _shifts(hue)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        image, repeated = split_gray(sample["image"])
        amounts = [rng.uniform(*limits) for limits in (self.brightness, self.contrast, self.saturation, self.hue)]
        for step in rng.permutation(4).tolist():
            image = (_brighter, _contrasted, _saturated, _turned)[step](image, amounts[step])
        sample["image"] = join_gray(image, repeated)
        return sample


def _factors(name: str, value: float | tuple[float, float]) -> Range:
    if isinstance(value, list | tuple):
        low, high = value
        if not 0 <= low <= high:
            raise ValueError(f"{name} is {list(value)}; two factors [low, high] of 0 or more are needed")
        return float(low), float(high)
    if value < 0:
        raise ValueError(f"{name} is {value}; it must be 0 or more")
    return max(0.0, 1.0 - value), 1.0 + value


def _shifts(value: float | tuple[float, float]) -> Range:
    low, high = value if isinstance(value, list | tuple) else (-value, value)
    if not -0.5 <= low <= high <= 0.5:
        given = list(value) if isinstance(value, list | tuple) else value
        raise ValueError(f"hue is {given}; a number in [0, 0.5] or [low, high] within [-0.5, 0.5] is needed")
    return float(low), float(high)


def _mapped(image: np.ndarray, factor: float, offset: float) -> np.ndarray:
    """image * factor + offset, rounded and kept in 0..255."""
    levels = np.arange(256, dtype=np.float64) * factor + offset
    return cv2.LUT(image, np.clip(np.rint(levels), 0, 255).astype(np.uint8)).reshape(image.shape)


def _is_gray(image: np.ndarray) -> bool:
    return image.ndim == 2 or image.shape[2] == 1


def _brighter(image: np.ndarray, factor: float) -> np.ndarray:
    return image if factor == 1 else _mapped(image, factor, 0.0)


def _contrasted(image: np.ndarray, factor: float) -> np.ndarray:
    """Away from (or towards) the mean gray level."""
    if factor == 1:
        return image
    gray = image if _is_gray(image) else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return _mapped(image, factor, (1 - factor) * cv2.mean(gray)[0])


def _saturated(image: np.ndarray, factor: float) -> np.ndarray:
    """Away from (or towards) the gray picture."""
    if factor == 1 or _is_gray(image):
        return image
    gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return cv2.addWeighted(image, factor, gray, 1 - factor, 0)


def _turned(image: np.ndarray, amount: float) -> np.ndarray:
    """Hue moved by `amount` of the circle."""
    if amount == 0 or _is_gray(image):
        return image
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    levels = (np.arange(256) + round(amount * HUES)) % HUES
    hsv[:, :, 0] = cv2.LUT(np.ascontiguousarray(hsv[:, :, 0]), levels.astype(np.uint8)).reshape(hsv.shape[:2])
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)
