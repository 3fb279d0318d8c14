"""What a data transform is, and how a chain of them runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from ppocr_like.contracts import chain_problems

__all__ = ["Sample", "Transform", "chain_problems", "run_chain"]

Sample = dict[str, Any]


class Transform(ABC):
    """One step of a recipe's `transforms:` list.

    A sample is a dict. Readers give `image` (encoded bytes as uint8 vector, or an (H, W, C) array), `label` (str) and
    `img_path`; the data set adds `target_size` ((width, height) px) when the sampler asks for a canvas. `image` is
    (H, W, C) uint8, BGR or one channel, until the resizing or normalising step makes it float32 (C, H, W).

    A transform changes and returns the sample, draws randomness only from `rng`, and raises `contracts.Rejected` for a
    sample it cannot use. `needs` and `gives` name entries, so that a broken chain is found without data.
    """

    needs: tuple[str, ...] = ("image",)
    gives: tuple[str, ...] = ("image",)

    @abstractmethod
    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample: ...


def run_chain(transforms: Sequence[Transform], sample: Sample, rng: np.random.Generator) -> Sample:
    """Applies the transforms in order."""
    for transform in transforms:
        sample = transform(sample, rng)
    return sample
