"""PaddleOCR's own results of MakeBorderMap and MakeShrinkMap: file 05 of its cases (all of them with PPOCR_LIKE_CASES)."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from ppocr_like.components import load_components
from ppocr_like.registry import TRANSFORMS

COPIES = Path(__file__).parents[1] / "transforms" / "cases"  # a part of the same file
ROOT = os.environ.get("PPOCR_LIKE_CASES")
SOURCES = [
    pytest.param((COPIES, 24), id="copies"),
    pytest.param(
        (Path(ROOT or ".") / "parity" / "ops", 89),
        id="all",
        marks=pytest.mark.skipif(not ROOT, reason="PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here"),
    ),
]


def result(meta, archive, case):
    """The sample after the case's ops."""
    about = meta["sets"][case["set"]]
    sample = {
        "image": np.zeros((*about["canvas"], 3), np.uint8),
        "polys": whole(archive, about["polys"]).copy(),
        "ignore_tags": whole(archive, about["ignore_tags"]),
    }
    if case["epoch"] is not None:
        sample["epoch"] = case["epoch"]
    for node in case["ops"]:
        ((name, arguments),) = node.items()
        sample = TRANSFORMS.get(name)(**(arguments or {}))(sample, None)
    return sample


def whole(archive, reference):
    return archive[reference["array"]] if isinstance(reference, dict) else np.array(reference, bool)


@pytest.mark.parametrize("source", SOURCES)
def test_det_maps(source):
    load_components()
    archive = np.load(source[0] / "05_shrink_border_maps.npz")
    meta = json.loads(str(archive["meta"]))
    outside, surfaces, differing = 0, 0, 0
    for case in meta["cases"]:
        sample = result(meta, archive, case)
        if "error" in case:  # a polygon outside the picture: PaddleOCR stops, we count it
            assert sample["outside_polys"] == 1
            outside += 1
            continue
        for name in ("shrink_map", "shrink_mask", "threshold_mask"):
            # What a polygon with NaN masks is left to the processor; ours masks nothing.
            if name in case and (name, case["set"]) != ("shrink_mask", "nan_ignored"):
                assert sample[name].dtype == np.float32
                differing += int((sample[name] != whole(archive, case[name])).sum())
        if "threshold_map" in case:
            surfaces += 1
            reference = case["threshold_map"]
            got = sample["threshold_map"].reshape(-1)[archive[reference["index"]]]
            assert np.abs(got - archive[reference["values"]]).max() <= 1e-4, case
        np.testing.assert_allclose(sample["polys"], whole(archive, case["polys_after"]), atol=1e-4, rtol=0)
        assert np.array_equal(sample["ignore_tags"], whole(archive, case["ignore_tags_after"])), case
    assert len(meta["cases"]) == source[1]
    assert outside == sum("error" in case for case in meta["cases"]) > 0
    assert surfaces > len(meta["cases"]) / 2
    assert differing == 0
