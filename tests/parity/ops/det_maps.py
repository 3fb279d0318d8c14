"""MakeBorderMap and MakeShrinkMap."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppocr_like.registry import TRANSFORMS

from .reading import Meant, Ops, item, made

FILE = "05_shrink_border_maps"
DIFFERING = 0.001  # share of pixels
MAP = 1e-4


def whole(ops: Ops, reference: Any) -> np.ndarray:
    return ops.arrays[reference["array"]] if isinstance(reference, dict) else np.array(reference, bool)


def check(case: dict[str, Any], ops: Ops) -> str | None:
    about = ops.meta["sets"][case["set"]]
    sample: dict[str, Any] = {
        "image": np.zeros((*about["canvas"], 3), np.uint8),
        "polys": whole(ops, about["polys"]).copy(),
        "ignore_tags": whole(ops, about["ignore_tags"]),
    }
    if case["epoch"] is not None:
        sample["epoch"] = case["epoch"]
    for node in case["ops"]:
        sample = made(TRANSFORMS, item(node))(sample, None)
    if "error" in case:
        assert sample["outside_polys"] >= 1
        return Meant("a polygon outside the picture is counted, where PaddleOCR stops")
    for name in ("shrink_map", "shrink_mask", "threshold_mask"):
        # What casts of NaN give is left to the processor; ours masks nothing.
        if name in case and (name, case["set"]) != ("shrink_mask", "nan_ignored"):
            assert sample[name].dtype == np.float32
            share = float((sample[name] != whole(ops, case[name])).mean())
            assert share <= DIFFERING, f"{name}: {share:.4%} of the pixels differ"
    if "threshold_map" in case:
        have, want = ops.samples(case["threshold_map"], sample["threshold_map"])
        if "threshold_mask" in case:
            index = ops.arrays[case["threshold_map"]["index"]] if "index" in case["threshold_map"] else slice(None)
            agree = (sample["threshold_mask"] == whole(ops, case["threshold_mask"])).reshape(-1)[index]
            have, want = have[agree], want[agree]
        assert not want.size or np.abs(have - want).max() <= MAP, f"threshold_map: {np.abs(have - want).max()}"
    np.testing.assert_allclose(sample["polys"], whole(ops, case["polys_after"]), atol=1e-4, rtol=0)
    assert np.array_equal(sample["ignore_tags"], whole(ops, case["ignore_tags_after"]))
    return None
