"""Transparent pictures as people see them: laid on paper. The one place where alpha is dealt with."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

WHITE = 255
Paper = int | Sequence[int]  # a grey value, or red, green, blue; 0 to 255
# What Pillow raises for damaged files, whatever the damage; it never means a mistake of ours, because the bytes are the user's.
DAMAGED = (
    OSError,
    ValueError,
    TypeError,
    SyntaxError,
    EOFError,
    RuntimeError,
    ArithmeticError,
    LookupError,
    AttributeError,
    AssertionError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def colours_of(paper: Paper) -> tuple[int, int, int]:
    """(red, green, blue).

    Raises:
        ValueError: neither a value nor three, or not within 0 and 255.
    """
    values = [paper] * 3 if isinstance(paper, int) else list(paper)
    if len(values) != 3 or not all(isinstance(value, int) and 0 <= value <= 255 for value in values):
        raise ValueError(f"paper is {paper!r}; a grey value from 0 to 255, or [red, green, blue]")
    return values[0], values[1], values[2]


def flattened(image: Image.Image, paper: Paper = WHITE) -> np.ndarray:
    """(H, W, 3) uint8 BGR of any picture of Pillow's: palette, CMYK, 1 and 16 bits become 8 bits, and what is transparent shows
    the paper. Orientation is left as it is.

    Raises:
        one of DAMAGED: its file is damaged.
    """
    if image.mode.startswith("I"):  # 16 bits; Pillow would cut them off instead of scaling
        return _deep(image, paper)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        ground = Image.new("RGBA", image.size, (*colours_of(paper), 255))
        image = Image.alpha_composite(ground, image.convert("RGBA"))
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])


def _deep(image: Image.Image, paper: Paper) -> np.ndarray:
    values = np.asarray(image)
    gray = np.clip(values.astype(np.float64) / 257.0, 0, 255).astype(np.uint8)
    picture = np.repeat(gray[:, :, None], 3, axis=2)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        picture[values == clear] = colours_of(paper)[::-1]
    return picture


def flattened_bytes(data: np.ndarray, paper: Paper = WHITE, upright: bool = True) -> np.ndarray:
    """The same of an encoded file (uint8 vector), whose size has been checked; `upright`: turned as its Exif says.

    Raises:
        one of DAMAGED.
    """
    with Image.open(io.BytesIO(data.tobytes())) as image:
        turned = ImageOps.exif_transpose(image) if upright else image
        return flattened(turned, paper)


def flattened_array(image: np.ndarray, paper: Paper = WHITE) -> np.ndarray:
    """(H, W, 4) uint8 with alpha last -> (H, W, 3), colours in the order of the array's (`paper` is grey, or in that order)."""
    alpha = image[:, :, 3:].astype(np.float32) / 255.0
    ground = np.array(colours_of(paper), np.float32)
    return np.round(image[:, :, :3] * alpha + ground * (1.0 - alpha)).astype(np.uint8)
