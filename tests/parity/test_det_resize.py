"""PaddleOCR's own results of DetResizeForTest: file 02 of its reference cases (all of them with PPOCR_LIKE_CASES)."""

import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest

from ppocr_like.transforms.det_resize import DetResizeForTest

COPIES = Path(__file__).parents[1] / "transforms" / "cases"  # a part of the same file
ROOT = os.environ.get("PPOCR_LIKE_CASES")
SOURCES = [
    pytest.param((COPIES, 41), id="copies"),
    pytest.param(
        (Path(ROOT or ".") / "parity" / "ops", 108),
        id="all",
        marks=pytest.mark.skipif(not ROOT, reason="PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here"),
    ),
]


def picture(about):
    height, width, _ = about["shape"]
    cells = np.random.default_rng(about["seed"]).integers(0, 256, (-(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    image = cells.repeat(8, 0).repeat(8, 1)[:height, :width]
    assert zlib.crc32(image.tobytes()) == about["crc32"]
    return image


@pytest.mark.parametrize("source", SOURCES)
def test_det_resize(source):
    archive = np.load(source[0] / "02_det_resize.npz")
    meta = json.loads(str(archive["meta"]))
    refused = 0
    for case in meta["cases"]:
        arguments = case["op"]["DetResizeForTest"] or {}
        if "error" in case:
            with pytest.raises(ValueError, match="limit_type is 'short'; known: min, max, resize_long"):
                DetResizeForTest(**arguments)
            refused += 1
            continue
        image, op = picture(meta["inputs"][case["input"]]), DetResizeForTest(**arguments)
        out = op({"image": image}, None)
        reference = case["image"]
        assert list(out["image"].shape) == reference["shape"], case["op"]
        assert op.output_size(image.shape[1], image.shape[0]) == out["image"].shape[1::-1]
        flat = out["image"].reshape(-1).astype(int)
        if "array" in reference:
            want = archive[reference["array"]].reshape(-1)
        else:
            want, flat = archive[reference["values"]], flat[archive[reference["index"]]]
        assert np.abs(flat - want.astype(int)).max() <= 1, case["op"]
        assert out["shape"].dtype == np.float64
        shape = case["shape"]
        assert np.abs(out["shape"] - (archive[shape["array"]] if isinstance(shape, dict) else shape)).max() <= 1e-12, case["op"]
    assert len(meta["cases"]) == source[1]
    assert refused == sum("error" in case for case in meta["cases"]) > 0
