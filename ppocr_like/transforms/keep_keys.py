"""The last step of a chain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform


@TRANSFORMS.register()
class KeepKeys(Transform):
    """Keeps the named entries and drops all others. PaddleOCR makes a list of them; here they stay named.

    Args:
        keep_keys: names of entries that the steps before give.
    """

    def __init__(self, keep_keys: Sequence[str]) -> None:
        if isinstance(keep_keys, str):
            raise ValueError(f"keep_keys is the string {keep_keys!r}; write a list, [{keep_keys}]")
        repeated = sorted({name for name in keep_keys if list(keep_keys).count(name) > 1})
        if repeated:
            raise ValueError(f"keep_keys names {', '.join(repeated)} more than once")
        if not keep_keys:
            raise ValueError("keep_keys is empty: nothing of the sample would be left")
        self.keep_keys = tuple(keep_keys)
        self.needs = self.keep_keys
        self.gives = self.keep_keys

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return {name: sample[name] for name in self.keep_keys}
