"""DetResizeForTest."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from ppocr_like.registry import TRANSFORMS

from .reading import Ops, item, made

FILE = "02_det_resize"


def picture(about: dict[str, Any]) -> np.ndarray:
    """The picture of blocks that the cases describe."""
    height, width, _ = about["shape"]
    cells = np.random.default_rng(about["seed"]).integers(0, 256, (-(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    image = cells.repeat(8, 0).repeat(8, 1)[:height, :width]
    assert zlib.crc32(image.tobytes()) == about["crc32"], "another picture than the cases'"
    return image


def check(case: dict[str, Any], ops: Ops) -> str | None:
    node = item(case["op"])
    if "error" in case:
        try:
            made(TRANSFORMS, node)
        except ValueError as error:
            assert "limit_type" in str(error)
            return None
        raise AssertionError("PaddleOCR raises, ours does not")
    image, op = picture(ops.meta["inputs"][case["input"]]), made(TRANSFORMS, node)
    out = op({"image": image}, None)
    assert ops.difference(case["image"], out["image"]) <= 1
    assert op.output_size(image.shape[1], image.shape[0]) == out["image"].shape[1::-1]
    assert out["shape"].dtype == np.float64
    shape = np.abs(out["shape"] - ops.array(case["shape"])).max()
    assert shape <= 1e-12, f"shape differs by {shape}"
    return None
