"""NormalizeImage with ToCHWImage, and DecodeImage."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppocr_like.contracts import Rejected
from ppocr_like.errors import ConfigError
from ppocr_like.registry import TRANSFORMS

from .reading import Meant, Ops, item, made

FILE = "03_normalize_decode"
ARITHMETIC, JPEG = 2e-6, 2  # two grey levels between builds of libjpeg


def check(case: dict[str, Any], ops: Ops) -> str | None:
    clear = case.get("buffer", "").endswith("alpha")
    if case["kind"] == "normalize":
        sample = {"image": ops.arrays[ops.meta["inputs"][case["input"]]["array"]]}
        steps, tolerance = [made(TRANSFORMS, item(op)) for op in case["ops"]], ARITHMETIC
    else:
        sample = {"image": ops.arrays[ops.meta["buffers"][case["buffer"]]["array"]]}
        steps, tolerance = (
            [made(TRANSFORMS, item(case["op"]), paddle_exact=clear)],
            JPEG if case["buffer"].startswith("jpeg") else 0,
        )
    try:
        for step in steps:
            sample = step(sample, np.random.default_rng(0))
    except (Rejected, ConfigError) as error:
        assert "error" in case or case.get("rejected"), f"refused: {error}"
        return None
    assert "error" not in case and not case.get("rejected"), "PaddleOCR refuses, ours does not"
    assert sample["image"].dtype == case["image"]["dtype"]
    assert ops.difference(case["image"], sample["image"]) <= tolerance
    return Meant("what is transparent shows paper; equal with paddle_exact") if clear else None
