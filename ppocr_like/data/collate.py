"""Samples to batches."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ppocr_like.contracts import VIEWS, RejectedSample
from ppocr_like.transforms.base import Sample


def collate(samples: Sequence[Sample], rejected: Sequence[RejectedSample]) -> dict[str, Any]:
    """A batch: each entry of the samples as one array (N, ...), or as a list where it is neither array nor number.

    `image` arrays (C, H, W) of different widths are padded with 0.0 at the right to the widest: 0.0 is the canvas' own padding
    after normalising. Other arrays whose shapes differ (the polygons of pages) become a list. `info` and `rejected` stay lists;
    without a sample the batch holds these two only.

    A sample of several views, whose `image` is (V, C, H, W), becomes V samples: its other arrays have one entry for each view,
    and the text of its `info` one part (PaddleOCR's SSLRotateCollate).

    Raises:
        ValueError: images of different heights, or samples of different entries.
    """
    samples = [view for sample in samples for view in _views(sample)]
    batch: dict[str, Any] = {}
    for name in samples[0] if samples else ():
        if name == "info":
            continue
        try:
            batch[name] = _join(name, [sample[name] for sample in samples])
        except (KeyError, ValueError, TypeError) as error:
            raise ValueError(f"the samples' entry {name!r} cannot be joined to a batch: {error}") from error
    batch["info"] = [sample["info"] for sample in samples]
    batch["rejected"] = list(rejected)
    return batch


def _views(sample: Sample) -> list[Sample]:
    if "image" not in sample or np.ndim(sample["image"]) != 4:
        return [sample]
    count, info = len(sample["image"]), sample["info"]
    texts = info.text.split(VIEWS)
    views = [{name: value[i] for name, value in sample.items() if name != "info"} for i in range(count)]
    own = texts if len(texts) == count else [info.text] * count
    return [{**view, "info": replace(info, text=text)} for view, text in zip(views, own, strict=True)]


def _join(name: str, values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, np.ndarray):
        if len({value.shape for value in values}) == 1:
            return np.stack(values)
        return _pad_right(values) if name == "image" else values
    if isinstance(first, (bool, numbers.Number, np.generic)):
        return np.array(values)
    return values


def to_tensors(batch: dict[str, Any], least: int = 0) -> dict[str, Any]:
    """The batch with its arrays of `least` bytes or more as tensors (sharing memory).

    A worker sends large arrays as tensors, through shared memory, and small ones as they are: a shared segment and its
    descriptor cost more than a few kilobytes through the pipe.
    """
    return {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) and value.nbytes >= least else value
        for name, value in batch.items()
    }


def by_image_size(samples: Sequence[Sample]) -> list[list[Sample]]:
    """The samples in groups of equal image shapes, each in the order given; groups by their first sample."""
    groups: dict[tuple[int, ...], list[Sample]] = {}
    for sample in samples:
        groups.setdefault(np.shape(sample.get("image", ())), []).append(sample)
    return list(groups.values())


def _pad_right(images: list[np.ndarray]) -> np.ndarray:
    if any(image.ndim != 3 or image.shape[:2] != images[0].shape[:2] for image in images):
        shapes = sorted({image.shape for image in images})
        raise ValueError(
            f"shapes {shapes}; a crop or resize step that gives one size (EastRandomCropData, RecResizeImg) is missing"
        )
    channels, height, _ = images[0].shape
    out = np.zeros((len(images), channels, height, max(image.shape[2] for image in images)), images[0].dtype)
    for row, image in zip(out, images, strict=True):
        row[:, :, : image.shape[2]] = image
    return out
