"""Made pages for the tests of what moves pictures and polygons."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ppocr_like.components import load_components
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.channels import repeat_gray

MARKS = ((0, 0, 255), (0, 255, 0), (255, 0, 0), (0, 255, 255))  # BGR of a quadrilateral's corners
REACH = 4  # px: half a mark's side


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def make(name: str, **arguments: Any) -> Any:
    load_components()
    return TRANSFORMS.get(name)(**arguments)


def marked(width: int = 300, height: int = 200, box: tuple[int, int, int, int] = (90, 70, 120, 60)) -> dict[str, Any]:
    """A dark page with one quadrilateral whose four corners are blurred squares of four colours."""
    x, y, w, h = box
    quad = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.float32)
    image = np.full((height, width, 3), 20, np.uint8)
    for (px, py), colour in zip(quad.astype(int), MARKS, strict=True):
        image[max(0, py - REACH) : py + REACH, max(0, px - REACH) : px + REACH] = colour
    return page(cv2.GaussianBlur(image, (0, 0), 1.0), [quad])


def found(image: np.ndarray) -> np.ndarray:
    """(4, 2): the middles of the four coloured marks, a pixel's middle at +0.5; NaN where a mark is not seen."""
    middles = []
    values = image.astype(np.float64)
    for colour in MARKS:
        want = np.array(colour, np.float64) / 255
        weight = np.clip((values * np.where(want > 0, 1, -1)).sum(axis=2) / want.sum() - 60, 0, None)
        weight[(values[..., want > 0] < 60).any(axis=2) | (values[..., want == 0] > 60).any(axis=2)] = 0
        rows, columns = np.indices(weight.shape)
        total = weight.sum()
        middles.append(
            [np.nan, np.nan] if total == 0 else [((columns + 0.5) * weight).sum() / total, ((rows + 0.5) * weight).sum() / total]
        )
    return np.array(middles)


def ramp(count: int = 6, seed: int = 0) -> dict[str, Any]:
    """A page of 250 x 200 px whose colours say where a px is (B: x, G: y, R: 255 on the page), with some quadrilaterals."""
    draw = rng(seed)
    x, y = np.meshgrid(np.arange(250), np.arange(200))
    image = np.stack([x, y, np.full_like(x, 255)], -1).astype(np.uint8)
    middle = draw.uniform([50, 40], [200, 160], (count, 1, 2))
    spread = draw.uniform([12, 6], [40, 20], (count, 4, 2)) * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    return page(image, middle + spread)


def read_ramp(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(K, 2): where on the `ramp` page the points (K, 2) of a picture of it come from; NaN where the page is not seen."""
    at = np.asarray(points, np.float32).reshape(-1, 1, 2) - 0.5
    values = cv2.remap(image.astype(np.float32), at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderValue=(0, 0, 0))[:, 0]
    return np.where(values[:, 2:] > 254.5, values[:, :2] + 0.5, np.nan)


def page(image: np.ndarray, polys: Any = (), ignored: Any = None) -> dict[str, Any]:
    polys = np.asarray(polys, np.float32).reshape(len(polys), -1, 2) if len(polys) else np.zeros((0, 4, 2), np.float32)
    tags = np.zeros(len(polys), bool) if ignored is None else np.asarray(ignored, bool)
    return {"image": image, "polys": polys, "texts": [f"t{i}" for i in range(len(polys))], "ignore_tags": tags}


def boxes(count: int, width: int, height: int, seed: int = 0, ignored: float = 0.0) -> dict[str, Any]:
    """A page of smooth gray noise with `count` upright boxes in rows."""
    draw = rng(seed)
    noise = draw.integers(0, 256, (max(2, height // 16), max(2, width // 16), 3), dtype=np.uint8)
    image = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    low = draw.random((count, 2)) * [width * 0.75, height * 0.85]
    size = draw.random((count, 2)) * [width * 0.2, height * 0.08] + 4
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    return page(image, low[:, None] + corners * size[:, None], draw.random(count) < ignored)


def gray(sample: dict[str, Any]) -> dict[str, Any]:
    """The same page as a gray file is decoded."""
    return {**sample, "image": repeat_gray(cv2.cvtColor(sample["image"], cv2.COLOR_BGR2GRAY))}


def copied(sample: dict[str, Any]) -> dict[str, Any]:
    """Entries that nobody else holds; a gray view stays one."""
    image = sample["image"]
    image = repeat_gray(image[:, :, 0].copy()) if image.strides[2] == 0 else image.copy()
    return {**sample, "image": image, "polys": sample["polys"].copy(), "texts": list(sample["texts"])}


def consistent(sample: dict[str, Any]) -> bool:
    """All entries speak of the same polygons."""
    polys, tags = sample["polys"], sample["ignore_tags"]
    return (
        polys.ndim == 3
        and polys.shape[2] == 2
        and polys.dtype == np.float32
        and tags.dtype == np.bool_
        and len(polys) == len(tags) == len(sample["texts"])
        and sample["image"].dtype == np.uint8
        and sample["image"].ndim == 3
    )
