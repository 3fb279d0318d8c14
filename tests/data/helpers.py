"""What the data tests share: settings, a transform, a folder of real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ppocr_like.config.loader import BucketByWidth, LoaderConfig
from ppocr_like.contracts import Rejected
from ppocr_like.transforms.base import Sample, Transform


def bucket(step: int = 32, max_width: int = 320, **more: Any) -> BucketByWidth:
    return BucketByWidth(step=step, max_width=max_width, **more)


def settings(batch_size_per_card: int = 4, shuffle: bool = True, prefetch: int = 2, **more: Any) -> LoaderConfig:
    return LoaderConfig(batch_size_per_card=batch_size_per_card, shuffle=shuffle, prefetch=prefetch, **more)


class Decode(Transform):
    """Decodes, adds noise from the sample's generator, resizes to the canvas asked for, keeps image and label."""

    def __init__(self, image_shape: tuple[int, int, int] = (3, 16, 64)) -> None:
        self.image_shape = image_shape

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        image = cv2.imdecode(sample["image"], cv2.IMREAD_COLOR)
        if image is None:
            raise Rejected("unreadable image", sample["img_path"])
        width, height = sample.get("target_size", (self.image_shape[2], self.image_shape[1]))
        image = cv2.resize(image, (width, height)).astype(np.float32).transpose(2, 0, 1) / 255
        image += rng.standard_normal(image.shape, np.float32)
        return {"image": image, "length": len(sample["label"]), "draw": rng.random()}


class Folder:
    """A data folder that a test fills."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def image(self, name: str, width: int = 40, height: int = 16, value: int = 0) -> str:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.full((height, width, 3), value % 256, np.uint8)
        picture[:, : width // 2] = (value + 128) % 256
        assert cv2.imwrite(str(path), picture)
        return name

    def labels(self, name: str, count: int, width: int | None = None) -> str:
        """A label file of `count` images named after it; widths differ unless given."""
        stem = Path(name).stem
        lines = []
        for n in range(count):
            lines.append(f"{self.image(f'{stem}/{n:03d}.png', width or 16 + 37 * n % 300, value=n)}\ttext {n}")
        return self.write(name, "\n".join(lines) + "\n")

    def write(self, name: str, content: str | bytes) -> str:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)
