"""Pixel scaling and axis order."""

from __future__ import annotations

import re
from collections.abc import Sequence

import cv2
import numpy as np

from ppocr_like.errors import ConfigError, Problem
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.channels import split_gray

# ImageNet's statistics, PaddleOCR's defaults (applied to the channels as they come, BGR included).
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_FRACTION = re.compile(rf"\s*({_NUMBER})\s*(?:/\s*({_NUMBER})\s*)?")


def parse_number(text: str | float) -> float:
    """A number, or a string holding one or a quotient of two ("1./255."), which is how PaddleOCR's recipes write `scale`.

    Raises:
        ValueError: anything else; nothing is evaluated.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return float(text)
    match = _FRACTION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a number nor a quotient of two such as '1./255.'")
    divisor = float(match[2]) if match[2] else 1.0
    if divisor == 0:
        raise ValueError(f"{text!r} divides by zero")
    return float(match[1]) / divisor


@TRANSFORMS.register()
class NormalizeImage(Transform):
    """(image * scale - mean) / std as float32, as PaddleOCR's NormalizeImage.

    Args:
        scale: number or quotient ("1./255."); None: 1/255.
        mean, std: per channel; None: ImageNet's.
        order: "hwc" or "chw": where the channels of `image` stand.
    """

    def __init__(
        self,
        scale: str | float | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        order: str = "chw",
    ) -> None:
        if order not in ("hwc", "chw"):
            raise ValueError(f"order is {order!r}; known: hwc, chw")
        self.scale = 1.0 / 255.0 if scale is None else parse_number(scale)
        self.mean = np.asarray(IMAGENET_MEAN if mean is None else mean, np.float32).reshape(-1)
        self.std = np.asarray(IMAGENET_STD if std is None else std, np.float32).reshape(-1)
        if self.mean.size != self.std.size:
            raise ValueError(f"mean has {self.mean.size} values, std {self.std.size}")
        if not self.std.all():
            raise ValueError(f"std {self.std.tolist()} holds a zero")
        self.order = order
        levels = np.arange(256, dtype=np.float32)[:, None]
        # (256, channels), each channel's in one piece
        self._table = np.asfortranarray((levels * np.float32(self.scale) - self.mean) / self.std)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        image = sample["image"]
        last = self.order == "hwc"
        channels = image.shape[-1 if last else 0] if image.ndim == 3 else 0
        if channels != self.mean.size and self.mean.size != 1:
            raise ConfigError(
                [
                    Problem(
                        "", f"NormalizeImage(order: {self.order}) with {self.mean.size} means got an image of shape {image.shape}"
                    )
                ]
            )
        if image.dtype == np.uint8 and last and self.mean.size == channels:
            sample["image"] = self._looked_up(image).transpose(1, 2, 0)
            return sample
        shape = (1, 1, -1) if last else (-1, 1, 1)
        scaled = image.astype(np.float32) * np.float32(self.scale)
        sample["image"] = (scaled - self.mean.reshape(shape)) / self.std.reshape(shape)
        return sample

    def _looked_up(self, image: np.ndarray) -> np.ndarray:
        """(H, W, C) uint8 -> (C, H, W): one look-up per value gives the same float32 as the arithmetic.

        Channel by channel, as the network wants them: turning axes afterwards would cost as much again.
        """
        gray, repeated = split_gray(image)
        planes = [np.ascontiguousarray(gray)] * image.shape[2] if repeated else cv2.split(image)
        out = np.empty((image.shape[2], *image.shape[:2]), np.float32)
        for i, plane in enumerate(planes):
            cv2.LUT(plane, self._table[:, i], dst=out[i])
        return out


@TRANSFORMS.register()
class ToCHWImage(Transform):
    """(H, W, C) -> (C, H, W), as PaddleOCR's ToCHWImage."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        sample["image"] = sample["image"].transpose(2, 0, 1)
        return sample
