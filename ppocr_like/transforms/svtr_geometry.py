"""Turning, shearing and tilting a line picture; one resampling, whatever is combined."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ppocr_like.transforms.view import shift

DEGREES = 45.0  # greatest angle of a turn
SCALES = (0.5, 2.0)
SHEAR = (45.0, 15.0)  # degrees, horizontal and vertical
DISTORTION = 0.5  # a corner moves inwards by up to half of this share of the side
MAX_PIXELS = 1 << 22  # of the result: a turned line of 10,000 px would take 50 million
INTERPOLATIONS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)


def symmetric(rng: np.random.Generator, magnitude: float) -> float:
    """In [-magnitude, magnitude], mostly near 0: a Beta(4, 4), as in the paper's augmentation."""
    return (rng.beta(4, 4) - 0.5) * 2 * magnitude


def one_sided(rng: np.random.Generator, magnitude: float) -> float:
    """In [0, magnitude], mostly near 0: a Beta(1, 4), as in the paper's augmentation."""
    return rng.beta(1, 4) * magnitude


@dataclass(frozen=True)
class Placing:
    """Where a picture's points go: a (3, 3) matrix, px from the upper left corner, onto a canvas of width x height px."""

    matrix: np.ndarray
    width: float
    height: float


def rotated(width: float, height: float, rng: np.random.Generator) -> Placing:
    """Turned about its middle, on a canvas that holds all of it."""
    return _whole(_turn(symmetric(rng, DEGREES)), width, height)


def sheared(width: float, height: float, rng: np.random.Generator) -> Placing:
    """Turned, scaled and sheared, on a canvas that holds all of it."""
    angle, scale = symmetric(rng, DEGREES), rng.uniform(*SCALES)
    across, down = (math.tan(math.radians(symmetric(rng, most))) for most in SHEAR)
    skew = np.array([[1.0, across], [down, 1.0 + across * down]])
    return _whole(scale * _turn(angle) @ skew, width, height)


def tilted(width: float, height: float, rng: np.random.Generator) -> Placing:
    """Seen from a side: the corners move inwards; the canvas is cut to what is left."""
    x = [one_sided(rng, DISTORTION * width / 2) for _ in range(4)]
    y = [one_sided(rng, DISTORTION * height / 2) for _ in range(4)]
    before = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    after = np.array([[x[0], y[0]], [width - x[1], y[1]], [width - x[2], height - y[2]], [x[3], height - y[3]]], np.float32)
    low, high = after.min(axis=0), after.max(axis=0)
    return Placing(shift(-low[0], -low[1]) @ cv2.getPerspectiveTransform(before, after), *(high - low).tolist())


STEPS: tuple[Callable[[float, float, np.random.Generator], Placing], ...] = (rotated, sheared, tilted)


def place(width: int, height: int, several: bool, rng: np.random.Generator) -> Placing:
    """One of the three steps drawn at random; or (`several`) one to three of them in random order."""
    if several:
        steps = [STEPS[n] for n in rng.permutation(3)[: rng.integers(1, 4)]]
    else:
        steps = [STEPS[rng.integers(3)]]
    placing = Placing(np.eye(3), width, height)
    for step in steps:
        added = step(placing.width, placing.height, rng)
        placing = Placing(added.matrix @ placing.matrix, added.width, added.height)
    return placing


def render(image: np.ndarray, placing: Placing, interpolation: int) -> np.ndarray:
    """The picture as it was placed, (H, W) or (H, W, C) uint8; what lies beyond its edges repeats them. At most 4 million px."""
    factor = min(1.0, math.sqrt(MAX_PIXELS / max(1.0, placing.width * placing.height)))
    size = max(1, round(placing.width * factor)), max(1, round(placing.height * factor))
    matrix = np.diag([factor, factor, 1.0]) @ placing.matrix
    matrix = shift(-0.5, -0.5) @ matrix @ shift(0.5, 0.5)  # cv2 counts from the middle of the first pixel
    return cv2.warpPerspective(image, matrix, size, flags=interpolation, borderMode=cv2.BORDER_REPLICATE)


def _turn(degrees: float) -> np.ndarray:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[cos, -sin], [sin, cos]])


def _whole(linear: np.ndarray, width: float, height: float) -> Placing:
    """The (2, 2) map about the middle, on the smallest canvas that holds the picture's corners."""
    reach = np.abs(linear) @ np.array([width, height])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    return Placing(shift(reach[0] / 2, reach[1] / 2) @ matrix @ shift(-width / 2, -height / 2), float(reach[0]), float(reach[1]))
