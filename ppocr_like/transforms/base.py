"""What a data transform is, and how a chain of them runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from ppocr_like.contracts import chain_problems
from ppocr_like.errors import StepFailed
from ppocr_like.transforms.view import View

__all__ = ["GeometricTransform", "Sample", "Transform", "chain_problems", "run_chain"]

Sample = dict[str, Any]


class Transform(ABC):
    """One step of a recipe's `transforms:` list.

    A sample is a dict. Readers give `image` (encoded bytes as uint8 vector, or an (H, W, C) array), `label` (str) and
    `img_path`, in training also `epoch` (int) and `fetch_other` (generator -> another training sample or None); the data set
    adds `target_size` ((width, height) px) when the sampler asks for a canvas, and `base_dir` ("ltr", "rtl") where a file tells
    the base direction of a line. A step that changes what a line says gives
    `text`, which `info` then tells. `image` is (H, W, C) uint8, BGR or one channel, until the resizing or normalising step
    makes it float32 (C, H, W).

    A transform changes and returns the sample, draws randomness only from `rng`, and raises `contracts.Rejected` for a
    sample it cannot use. `needs` and `gives` name entries, so that a broken chain is found without data.
    """

    needs: tuple[str, ...] = ("image",)
    gives: tuple[str, ...] = ("image",)

    @abstractmethod
    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample: ...


class GeometricTransform(Transform):
    """A step that only moves pixels (turns, scales, crops, pads), so that several in a row need to sample them only once.

    `place` changes the polygons and says what the picture will show; it never looks at pixels and leaves `image` alone.
    Called on its own the step gives the picture, as every other step does.
    """

    @abstractmethod
    def place(self, sample: Sample, view: View, rng: np.random.Generator) -> View:
        """Changes all entries but `image`; `view` is the picture before this step, the result the one after it."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        sample["image"] = self.place(sample, View.whole(sample["image"]), rng).render()
        return sample


def run_chain(transforms: Sequence[Transform], sample: Sample, rng: np.random.Generator) -> Sample:
    """Applies the transforms in order. A run of geometric ones samples pixels once, at its end, and only those that it shows.

    Raises:
        Rejected: a step that cannot use the sample.
        StepFailed: one that fails otherwise (ValueError, RuntimeError); what is no error but a defect stays as it is.
    """
    view: View | None = None
    position = 0
    try:
        for position, transform in enumerate(transforms):  # noqa: B007 (told when a step fails)
            if isinstance(transform, GeometricTransform):
                view = transform.place(sample, View.whole(sample["image"]) if view is None else view, rng)
                continue
            if view is not None:
                sample["image"], view = view.render(), None
            sample = transform(sample, rng)
        if view is not None:
            sample["image"] = view.render()
    except (ValueError, RuntimeError) as error:
        raise StepFailed(position, type(transforms[position]).__name__, str(error)) from error
    return sample
