"""RecConAug: two lines beside each other become one."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.registry import TRANSFORMS
from ppocr_like.text import BaseDir
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.channels import join_gray, split_gray


@TRANSFORMS.register()
class RecConAug(Transform):
    """Appends other training samples at the right, picture and label, as PaddleOCR's RecConAug.

    All pictures are scaled to one height. Another sample is left out, and those after it, where the label would become longer
    than `max_text_length`, the picture more elongated than `image_shape`, or a file tells another base direction of it. It is
    read only when it is asked for.

    Gives `text`, the label that the picture has now, by which `info` and the metrics know it.

    Args:
        prob: of appending at all.
        image_shape: [height, width, channels]: px to which pictures are scaled; width / height is the greatest ratio.
        max_text_length: most characters of the whole, and most classes.
        ext_data_num: how many samples are appended at most.
        charset: the run's: what the label of both together is depends on its direction.
    """

    needs = ("image", "label", "fetch_other")
    gives = ("image", "label", "text")

    def __init__(
        self,
        prob: float = 0.5,
        image_shape: Sequence[int] = (32, 320, 3),
        max_text_length: int = 25,
        ext_data_num: int = 1,
        charset: Charset | None = None,
    ) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f"prob is {prob}; a probability lies in [0, 1]")
        if len(image_shape) != 3 or any(int(n) != n or n < 1 for n in image_shape):
            raise ValueError(f"image_shape is {list(image_shape)}; it must be [height, width, channels] in px")
        if image_shape[0] in (1, 3) and image_shape[2] not in (1, 3):
            raise ValueError(f"image_shape is {list(image_shape)}; here the order is [height, width, channels]")
        if max_text_length < 1:
            raise ValueError(f"max_text_length is {max_text_length}; it must be at least 1")
        if ext_data_num < 1:
            raise ValueError(f"ext_data_num is {ext_data_num}; at least one sample is appended")
        self.prob, self.max_text_length, self.ext_data_num = prob, max_text_length, ext_data_num
        self.charset = Charset(()) if charset is None else charset
        self.height, self.most_elongated = int(image_shape[0]), image_shape[1] / image_shape[0]

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        if rng.random() >= self.prob:
            return sample
        text, images = sample["label"], [sample["image"]]
        ratio = _ratio(images[0])
        for _ in range(self.ext_data_num):
            other = sample["fetch_other"](rng)
            if other is None:
                break
            if other["image"].ndim == 1:
                message = "RecConAug needs other samples' pictures: ext_op_transform_idx must reach to DecodeImage"
                raise ConfigError([Problem("ext_op_transform_idx", message)])
            base_dir: BaseDir = sample.get("base_dir", "")
            if other.get("base_dir", "") != base_dir:
                break
            longer, wider = self.charset.beside(text, other["label"], base_dir), ratio + _ratio(other["image"])
            if self._length(longer, base_dir) > self.max_text_length or wider > self.most_elongated:
                break
            text, ratio = longer, wider
            images.append(other["image"])
        if len(images) > 1:
            sample["image"] = beside(images, self.height)
            sample["label"] = sample["text"] = text
        return sample

    def _length(self, label: str, base_dir: BaseDir) -> int:
        """Characters, or classes where a codec makes more of them: what CTCLabelEncode counts."""
        return max(len(label), len(self.charset.encode(label, base_dir))) if self.charset.sequences else len(label)


def _ratio(image: np.ndarray) -> float:
    """Width by height; endless for a picture without rows."""
    return image.shape[1] / image.shape[0] if image.shape[0] else float("inf")


def beside(images: Sequence[np.ndarray], height: int) -> np.ndarray:
    """The pictures, scaled to `height` px, from left to right: (height, W, C) uint8. Gray ones stay gray where all are."""
    parts = [split_gray(image) for image in images]
    gray = all(repeated for _, repeated in parts)
    scaled = []
    for image, (single, _) in zip(images, parts, strict=True):
        width = max(1, round(image.shape[1] / image.shape[0] * height))
        scaled.append(join_gray(cv2.resize(single if gray else np.ascontiguousarray(image), (width, height)), False))
    joined = np.concatenate(scaled, axis=1)
    return join_gray(joined[:, :, 0], True) if gray else joined
