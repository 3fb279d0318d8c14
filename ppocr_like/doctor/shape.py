"""What the doctor says of a picture's own size and ink, whatever network reads it."""

from __future__ import annotations

import unicodedata

import numpy as np

TINY = 6  # px: nothing can be read in a lower or narrower picture
FLAT = 8  # grey levels between the darkest and the lightest pixel of a picture of one colour (JPEG adds a few)
LEAST_PER_CHARACTER = 2.0  # px of width: narrower characters cannot be told apart
LEAST_ASPECT = 0.1  # of a character, width over height: narrower ones are another line's label, or several lines in one crop
# Times as high as wide, by the number of characters: such a crop holds them one below the other, or lies on its side.
UPRIGHT, UPRIGHT_FEW = 1.1, {2: 1.8, 3: 1.4}

ONE_COLOUR, TOO_SMALL = "image of one colour", "image too small to show text"
CROWDED, HIGHER = "more characters than the image has room for", "crop higher than wide"


def of_one_colour(image: np.ndarray) -> bool:
    """Whether an (H, W) or (H, W, C) image shows nothing: no channel varies by more than a few grey levels."""
    planes = image.reshape(image.shape[0], image.shape[1], -1)
    thin = planes[:: max(1, planes.shape[0] // 32), :: max(1, planes.shape[1] // 32)]  # most images show it here
    return all(int((part.max(axis=(0, 1)).astype(int) - part.min(axis=(0, 1))).max()) <= FLAT for part in (thin, planes))


def line_faults(width: int, height: int, text: str) -> list[tuple[str, str]]:
    """(kind, particulars) of what is wrong with the shape of a line's picture (px) for its text."""
    if min(width, height) < TINY:
        return []  # said already
    count = sum(1 for character in text if unicodedata.category(character)[0] != "M")  # marks stand above their letter
    size = f"{width} x {height} px for {count} characters"
    if count >= 2 and height > UPRIGHT_FEW.get(count, UPRIGHT) * width:
        return [(HIGHER, size)]
    if count and (width / count < LEAST_PER_CHARACTER or (count >= 4 and width / count < LEAST_ASPECT * height)):
        return [(CROWDED, size)]
    return []
