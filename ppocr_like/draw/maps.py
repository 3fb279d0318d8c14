"""Maps of numbers as pictures."""

from __future__ import annotations

import numpy as np


def map_picture(values: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 from a map (H, W) or (1, H, W), or an RGB picture (3, H, W), all in [0, 1].

    Raises:
        ValueError: another shape.
    """
    values = np.asarray(values, np.float32)
    if values.ndim == 3 and values.shape[0] in (1, 3):
        values = values.transpose(1, 2, 0)
    elif values.ndim == 2:
        values = values[:, :, None]
    else:
        raise ValueError(f"a map of shape {values.shape}; (H, W), (1, H, W) or (3, H, W) is needed")
    picture = np.round(np.clip(np.nan_to_num(values), 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))


def stretched(image: np.ndarray) -> np.ndarray:
    """A normalised image (C, H, W) with its values brought to [0, 1], and blue and red exchanged where it has three channels
    (networks here see BGR): for `map_picture`."""
    image = np.asarray(image, np.float32)
    low, high = float(image.min()), float(image.max())
    scaled = (image - low) / (high - low) if high > low else np.zeros_like(image)
    return scaled[::-1] if scaled.shape[0] == 3 else scaled[:1]
