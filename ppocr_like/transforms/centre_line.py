"""The centre-line normaliser: straightens a line image along the middle of its ink and scales it to a height.

As ocropus made it and kraken uses it for models trained on boxes. Constants: a band of 4 mean distances from the middle, the
middle smoothed over the height of the line, and once more over .3 of it.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

RANGE, SMOOTHNESS, EXTRA = 4, 1.0, 0.3
_TRUNCATE = 4.0  # standard deviations after which a bell ends
_TIE = 0.001  # share of the mean over the whole line, which decides where there is no ink


def normalised(gray: np.ndarray, height: int) -> np.ndarray:
    """(H, W) uint8, dark on bright -> (height, W') uint8. An image of one level is scaled alone."""
    high = int(gray.max())
    ink = (high - gray.astype(np.float64)) / high if high else np.zeros(gray.shape)
    if not ink.any():
        return scaled(gray, height)
    ink /= ink.max()
    middle, band = _course(ink)
    rows = np.arange(-band, band)[:, None] + middle[None, :]
    inside = (rows >= 0) & (rows < gray.shape[0])
    band_image = np.where(inside, np.take_along_axis(gray, np.clip(rows, 0, gray.shape[0] - 1), axis=0), high)
    return scaled(band_image, height)


def _course(ink: np.ndarray) -> tuple[np.ndarray, int]:
    """((W,) rows of the middle, px above and below it) of ink (H, W) in [0, 1]."""
    height, width = ink.shape
    smooth = _down(height) @ _along(ink, bell(height * SMOOTHNESS))
    smooth += _TIE * _mean(smooth, int(height * 0.5), width)
    extra = bell(height * EXTRA)
    raw = smooth.argmax(axis=0).astype(np.float64)[None, :]
    middle = _reflected(raw, extra)[0].astype(np.int64)
    away = np.abs(np.arange(height)[:, None] - middle[None, :])
    return middle, int(1 + RANGE * away[ink != 0].mean())


def scaled(image: np.ndarray, height: int) -> np.ndarray:
    """Straight interpolation at multiples of H / height from the first px on, so that the last ones may lie outside: white."""
    rows, columns = image.shape
    factor = height / rows
    width = int(factor * columns)
    high = float(image.max())
    along = _sampled(image.astype(np.float64), np.arange(height) / factor, high)
    return np.clip(_sampled(along.T, np.arange(width) / factor, high).T, 0, 255).astype(np.uint8)


def _sampled(image: np.ndarray, places: np.ndarray, outside: float) -> np.ndarray:
    """Rows of (n, m) at fractional places; `outside` behind the last one."""
    first = np.minimum(places.astype(np.int64), len(image) - 1)
    part = (places - first)[:, None]
    made = image[first] * (1 - part) + image[np.minimum(first + 1, len(image) - 1)] * part
    made[places > len(image) - 1] = outside
    return made


def bell(deviation: float) -> np.ndarray:
    """A Gaussian kernel that sums to 1, (2 r + 1,) with r four deviations."""
    radius = int(_TRUNCATE * deviation + 0.5)
    weights = np.exp(-0.5 / (deviation * deviation) * np.arange(-radius, radius + 1) ** 2)
    return weights / weights.sum()


def _down(height: int) -> np.ndarray:
    """(height, height): the matrix that filters columns by a bell of half the height, 0 outside."""
    weights = bell(height * 0.5)
    away = np.arange(height)[:, None] - np.arange(height)[None, :] + len(weights) // 2
    return np.where((away >= 0) & (away < len(weights)), weights[np.clip(away, 0, len(weights) - 1)], 0.0)


def _along(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """(H, W) filtered along by a symmetric kernel, 0 outside."""
    reach, width = len(kernel) // 2, image.shape[1]
    size = cv2.getOptimalDFTSize(width + 2 * reach)
    made = np.fft.irfft(np.fft.rfft(image, size, axis=1) * np.fft.rfft(kernel, size), size, axis=1)
    return made[:, reach : reach + width]


def _mean(image: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The mean over a box, 0 outside the image; a box of even size reaches further to the left and up."""
    for size, axis in ((max(rows, 1), 0), (columns, 1)):
        sums = np.concatenate([np.zeros_like(image.take([0], axis)), np.cumsum(image, axis=axis)], axis=axis)
        places = np.arange(image.shape[axis])
        low = np.maximum(places - size // 2, 0)
        high = np.minimum(places - size // 2 + size, image.shape[axis])
        image = (sums.take(high, axis) - sums.take(low, axis)) / size
    return image


def _reflected(row: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """(1, W) filtered along by a symmetric kernel, the edges mirrored, as often as a long kernel needs.

    The sum begins with the middle and goes on from the outermost pair inward: the result is cut to whole rows, and another order
    of rounding would put a straight line one row higher.
    """
    reach, width = len(kernel) // 2, row.shape[1]
    periods = math.ceil(reach / (2 * width))
    wide = np.tile(np.concatenate([row[0], row[0, ::-1]]), 2 * periods + 1)
    start = 2 * periods * width
    made = row[0] * kernel[reach]
    for away in range(reach, 0, -1):
        made += (wide[start - away : start - away + width] + wide[start + away : start + away + width]) * kernel[reach - away]
    return made[None, :]
