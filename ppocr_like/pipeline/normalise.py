"""The recipe's NormalizeImage as numbers, and what remains of it when it is folded into the network's graph.

Normalising is value = pixel * factor + shift, by channel. Folded, the graph begins with a multiplication and an addition that
turn the input's range into the recipe's; they stand before the first convolution, so that its padding is 0 as in training.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppocr_like.config.nodes import item_node
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.transforms.normalize import NormalizeImage

PATH = "PreProcess.transform_ops"
NORMALIZE = "NormalizeImage"
# (scale, mean, std) that stand outside instead of the recipe's own normalisation, by the range that the graph then takes.
RANGES: dict[str, tuple[float | str, float, float]] = {
    "pixels": (1.0, 0.0, 1.0),  # 0 to 255 as float32
    "half": ("1./255.", 0.5, 0.5),  # -1 to 1: what RapidOCR feeds by default
}


@dataclass(frozen=True)
class Affine:
    """value = input * factor + shift, by channel."""

    factor: tuple[float, ...]
    shift: tuple[float, ...]

    @classmethod
    def of(cls, step: NormalizeImage) -> Affine:
        """Of pixels (0 to 255)."""
        mean, std = np.float64(step.mean), np.float64(step.std)
        return cls(tuple((step.scale / std).tolist()), tuple((-mean / std).tolist()))

    def after(self, outer: Affine) -> Affine:
        """What turns `outer`'s values into this one's values."""
        factor = np.divide(self.factor, outer.factor)
        shift = np.subtract(self.shift, np.multiply(outer.shift, factor))
        return Affine(tuple(factor.tolist()), tuple(shift.tolist()))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """(..., C, H, W) float32 -> the same."""
        factor, shift = (np.reshape(v, (-1, 1, 1)).astype(np.float32) for v in (self.factor, self.shift))
        return values * factor + shift

    def inverse(self, values: np.ndarray) -> np.ndarray:
        """The input that gives these values."""
        factor, shift = (np.reshape(v, (-1, 1, 1)).astype(np.float32) for v in (self.factor, self.shift))
        return (values - shift) / factor


def normalisation(chain: Iterable[object]) -> NormalizeImage:
    """The only NormalizeImage of a built chain.

    Raises:
        ConfigError: there is none, or several.
    """
    steps = [step for step in chain if isinstance(step, NormalizeImage)]
    if len(steps) != 1:
        raise ConfigError([Problem("Eval.dataset.transforms", f"has {len(steps)} steps {NORMALIZE}; exactly one is needed here")])
    return steps[0]


def outside(transforms: Sequence[Any], step: NormalizeImage, range_name: str) -> list[Any]:
    """The chain (plain data) whose normalisation `step` is folded: its NormalizeImage makes the graph's input range only.

    Raises:
        ValueError: an unknown range.
    """
    if range_name not in RANGES:
        raise ValueError(f"the range {range_name!r} is unknown; accepted: {', '.join(RANGES)}")
    scale, mean, std = RANGES[range_name]
    channels = step.mean.size
    args = {"scale": scale, "mean": [mean] * channels, "std": [std] * channels, "order": step.order}
    return [{NORMALIZE: args} if item_node(node, PATH, "transform").name == NORMALIZE else node for node in transforms]
