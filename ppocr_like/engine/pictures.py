"""Pictures for the loggers: predictions of an evaluation, and what the network sees in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ppocr_like.contracts import Rejected, SampleInfo
from ppocr_like.data.base import Dataset
from ppocr_like.draw.maps import map_picture, stretched
from ppocr_like.draw.result import result_picture
from ppocr_like.errors import DataError


def prediction_picture(dataset: Dataset, info: SampleInfo, result: Any) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB: the image as its data set has it with its label and what was found (`draw.result`).

    None for a result that cannot be drawn and for an image that cannot be read.
    """
    try:
        image = dataset.picture(info.path)
    except (OSError, DataError, Rejected):
        return None
    return result_picture(result, image, info.text)


def prediction_pictures(set_name: str, dataset: Dataset, lines: Sequence[tuple[SampleInfo, Any]]) -> dict[str, np.ndarray]:
    """Pictures by tag `predictions/<set>/<number>`."""
    made = ((number, prediction_picture(dataset, info, result)) for number, (info, result) in enumerate(lines))
    return {f"predictions/{set_name}/{number}": picture for number, picture in made if picture is not None}


def training_pictures(
    parts: Sequence[Any], outputs: Mapping[str, torch.Tensor], batch: Mapping[str, Any], most: int
) -> dict[str, np.ndarray]:
    """Pictures by tag `train/<number>/<name>` of the first samples of a training batch: the image, and what the parts offer.

    Args:
        parts: loss and head; one that has `pictures(outputs, batch) -> dict[str, Tensor]` is asked for maps (N, H, W) or
            (N, C, H, W) in [0, 1].
        outputs: of the network, without gradient.
        most: how many samples.

    Empty where no part offers any.
    """
    offered: dict[str, torch.Tensor] = {}
    for part in parts:
        pictures = getattr(part, "pictures", None)
        if callable(pictures):
            offered.update(pictures(outputs, batch))
    if not offered or "image" not in batch:
        return {}
    images = batch["image"][:most].float().cpu().numpy()
    made = {f"train/{number}/image": map_picture(stretched(image)) for number, image in enumerate(images)}
    for name, maps in offered.items():
        for number, values in enumerate(maps[:most].detach().float().cpu().numpy()):
            made[f"train/{number}/{name}"] = map_picture(values)
    return made
