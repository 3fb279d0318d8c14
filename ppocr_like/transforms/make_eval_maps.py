"""Target maps of an evaluation page, at the size that the network sees: what the loss of a detector needs there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ppocr_like.registry import TRANSFORMS, Part
from ppocr_like.transforms.base import Sample, Transform


@TRANSFORMS.register()
class MakeEvalMaps(Transform):
    """Has the target maps drawn behind the resizing step of an evaluation, for `Global.eval_loss`.

    The polygons of an evaluation stay in px of the page as it came, in which the metric compares them. Here a copy of them is put
    to the size of the resized image, and the training chain's own steps draw it; `polys` and `ignore_tags` stay as they are.

    Args:
        maps: steps such as MakeBorderMap and MakeShrinkMap, with the arguments that they have in training. A `total_epoch` does
            nothing here: the ratio is that of the first epoch, so that the losses of all evaluations can be compared.

    Raises:
        ValueError: no step, or one that draws no polygons.
    """

    parts: ClassVar = (Part("maps", TRANSFORMS, many=list),)
    needs: tuple[str, ...] = ("image", "shape", "polys", "ignore_tags")
    gives: tuple[str, ...] = ()

    def __init__(self, maps: Sequence[Transform]) -> None:
        wrong = [type(step).__name__ for step in maps if "polys" not in step.needs or "image" in step.gives]
        if not maps or wrong:
            raise ValueError(
                f"maps needs steps that draw polygons, MakeBorderMap and MakeShrinkMap; got {', '.join(wrong) or '[]'}"
            )
        self.maps = list(maps)
        given = dict.fromkeys(name for step in maps for name in step.gives)
        self.gives = tuple(name for name in given if name not in self.needs)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        polys = np.asarray(sample["polys"], np.float32)
        rows, columns = (float(ratio) for ratio in sample["shape"][2:])
        scaled = polys * np.array([columns, rows], np.float32)
        own = {"image": sample["image"], "polys": scaled, "ignore_tags": np.array(sample["ignore_tags"], bool)}
        for step in self.maps:
            own = step(own, rng)
        sample.update({name: own[name] for name in self.gives})
        return sample
