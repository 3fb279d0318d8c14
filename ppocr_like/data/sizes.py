"""Image sizes from file headers, without decoding pixels."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ppocr_like.outside import open_regular

logger = logging.getLogger("ppocr_like")
_ORIENTATION = 0x0112  # EXIF tag; 5 to 8 are turned by a quarter
_CHUNK = 256  # samples per task


def header_size(source: str | Path | bytes, exif: bool = True) -> tuple[int, int]:
    """(width, height) px as the decoder will give it; (0, 0) when the header cannot be read.

    Args:
        source: image file, or its bytes.
        exif: the decoder turns the image by its EXIF orientation, as OpenCV does.
    """
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else open_regular(source) as stream, Image.open(stream) as image:
            width, height = image.size
            turned = exif and "exif" in image.info and image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 0, 0  # the reader will reject it with its reason
    return (height, width) if turned else (width, height)


def widest(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Of the sizes of one text's images the one with the greatest width at equal height."""
    return max(sizes, key=lambda size: size[0] / size[1] if size[1] else 0.0, default=(0, 0))


def measure(count: int, size: Callable[[int], tuple[int, int]], progress: bool = True, title: str = "image sizes") -> np.ndarray:
    """(count, 2) int32 sizes.

    Args:
        count: number of samples.
        size: position -> (width, height) px of the sample.
        progress: a bar on a terminal.
        title: what the bar says.
    """
    sizes = np.zeros((count, 2), np.int32)

    def fill(start: int) -> int:
        stop = min(start + _CHUNK, count)
        for position in range(start, stop):
            sizes[position] = size(position)
        return stop - start

    threads = min(16, 4 * (os.cpu_count() or 1))  # the work is waiting for the disk
    with (
        ThreadPoolExecutor(threads) as pool,
        tqdm(total=count, desc=title, unit="image", leave=False, disable=None if progress else True) as bar,
    ):
        for done in pool.map(fill, range(0, count, _CHUNK)):
            bar.update(done)
    return sizes
