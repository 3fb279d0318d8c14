"""What bad cameras do to a line picture: noise, motion blur, low resolution."""

from __future__ import annotations

import math

import cv2
import numpy as np

from ppocr_like.transforms.svtr_geometry import INTERPOLATIONS, one_sided

NOISE_VARIANCE = 20.0  # grey levels squared
BLUR_LENGTH = 6.0  # px
BLUR_ANGLE = 90.0  # degrees
HALVINGS = 4.0
BASE_SIZE = (512, 128)  # width, height px from which the resolution is halved


def noisy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of a variance from 1 to 20 grey levels squared, mostly little."""
    sigma = math.sqrt(max(1, int(one_sided(rng, NOISE_VARIANCE))))
    noise = rng.standard_normal(image.shape, np.float32) * np.float32(sigma)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def moved(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blurred along a line of 1 (no blur) to 5 px, mostly short, in any direction."""
    length, angle = max(1, int(one_sided(rng, BLUR_LENGTH))), rng.uniform(-BLUR_ANGLE, BLUR_ANGLE)
    return image if length == 1 else cv2.filter2D(image, -1, motion_kernel(length, angle))


def motion_kernel(length: int, angle: float) -> np.ndarray:
    """(length, length) float32 of sum 1: a line through the middle, turned by `angle` degrees."""
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1.0
    turn = cv2.getRotationMatrix2D((length // 2, length // 2), angle, 1.0)
    turned = cv2.warpAffine(kernel, turn, (length, length))
    return turned / turned.sum()


def coarse(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Seen at 128 x 512 px, halved up to four times, and brought back to its size."""
    halvings = round(rng.uniform(0, HALVINGS))
    if halvings == 0:
        return image
    there, back = (INTERPOLATIONS[n] for n in rng.integers(len(INTERPOLATIONS), size=2))
    small = cv2.resize(image, BASE_SIZE, interpolation=there)
    for _ in range(halvings):
        small = cv2.pyrDown(small)
    return cv2.resize(small, (image.shape[1], image.shape[0]), interpolation=back)


def deteriorated(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All three, in random order. `image` (H, W) or (H, W, 3) uint8."""
    for step in rng.permutation(3):
        image = (noisy, moved, coarse)[step](image, rng)
    return image
