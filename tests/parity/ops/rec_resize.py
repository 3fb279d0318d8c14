"""RecResizeImg, SVTRRecResizeImg, and MultiScaleDataSet's resize to the sampler's canvas."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppocr_like.registry import TRANSFORMS

from .reading import Ops, item, made

FILE = "01_rec_resize"
GREY_LEVEL = 2 / 255 + 1e-6  # another build of OpenCV rounds another way


def check(case: dict[str, Any], ops: Ops) -> str | None:
    sample: dict[str, Any] = {"image": ops.arrays[ops.meta["inputs"][case["input"]]["array"]]}
    node = item(case["op"])
    if node["name"] == "MultiScaleDataSet":  # our canvas comes from the sampler
        sample["target_size"] = (node["width"], node["height"])
        node = {"name": "RecResizeImg", "image_shape": [3, 48, 320]}
    out = made(TRANSFORMS, node)(sample, np.random.default_rng(0))
    assert out["image"].dtype == np.float32
    assert ops.difference(case["image"], out["image"]) <= GREY_LEVEL
    assert out["valid_ratio"] == case["valid_ratio"], f"valid_ratio {out['valid_ratio']} instead of {case['valid_ratio']}"
    filled = np.flatnonzero(np.abs(out["image"]).max(axis=(0, 1)))
    zeros = out["image"].shape[2] - 1 - filled[-1]
    assert zeros == case["zero_columns"], f"{zeros} columns of padding instead of {case['zero_columns']}"
    return None
