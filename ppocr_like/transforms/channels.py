"""One-channel pictures as BGR: a gray file is decoded once, carried once and worked on once.

A gray picture becomes an (H, W, 3) array whose channels are the same memory (channel stride 0). For every reader it is an
ordinary BGR picture, only read-only; steps that know (`RecAug`, `RecResizeImg`) do a third of the work.
"""

from __future__ import annotations

import cv2
import numpy as np


def repeat_gray(gray: np.ndarray) -> np.ndarray:
    """(H, W) uint8, C-contiguous -> (H, W, 3) read-only view with three equal channels; no copy."""
    height, width = gray.shape
    view = np.ndarray((height, width, 3), np.uint8, gray, 0, (width, 1, 0))
    view.flags.writeable = False
    return view


def split_gray(image: np.ndarray) -> tuple[np.ndarray, bool]:
    """(array to work on, whether it stands for three equal channels): (H, W) for a `repeat_gray` view, else the image itself."""
    if image.ndim == 3 and image.strides[2] == 0 and image.shape[2] > 1:
        return image[:, :, 0], True
    return image, False


def join_gray(image: np.ndarray, repeated: bool) -> np.ndarray:
    """Undoes `split_gray`; a picture of one channel that cv2 handed back as (H, W) gets its axis again."""
    if repeated:
        return repeat_gray(np.ascontiguousarray(image))
    return image[:, :, None] if image.ndim == 2 else image


def to_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """(H, W), (H, W, 1) or (H, W, 3) BGR -> (H, W) when its channels are equal or `channels` is 1, else (H, W, 3).

    Raises:
        ValueError: any other shape.
    """
    if image.ndim == 2:
        return image
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(f"an image must be (H, W), (H, W, 1) or (H, W, 3), not {image.shape}")
    if image.shape[2] == 1 or image.strides[2] == 0:
        return image[:, :, 0]
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if channels == 1 else image
