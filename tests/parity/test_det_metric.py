"""PaddleOCR's own DetMetric (file 08). Needs the cases: set PPOCR_LIKE_CASES."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from ppocr_like.contracts import PageBoxes, TextBox
from ppocr_like.errors import OcrError
from ppocr_like.metrics.det import DetMetric
from ppocr_like.metrics.det_match import match_image

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here")

DET_CASES = 26


def det_cases():
    cases = json.loads((Path(CASES) / "parity" / "ops" / "08_metrics.json").read_text(encoding="utf-8"))["cases"]
    return [case for case in cases if case["kind"] == "det"]


def page(polygons):
    return PageBoxes(tuple(TextBox(np.array(polygon), 0.9) for polygon in polygons))


def test_numbers():
    cases = det_cases()
    assert len(cases) == DET_CASES
    for case in cases:
        metric = DetMetric(**{key: value for key, value in case["node"].items() if key != "name"})
        for image, wanted in zip(case["images"], case["per_image"], strict=True):
            polygons = [np.array(polygon) for polygon in image["gt"]]
            counts = match_image(polygons, image["ignore"], page(image["det"]))
            assert (counts.boxes, counts.detections, counts.matched) == (
                wanted["gtCare"],
                wanted["detCare"],
                wanted["detMatched"],
            ), case["name"]
            metric.add(page(image["det"]), polygons, image["ignore"])
        got = metric.compute()
        assert {key: got[key] for key in case["metric"]} == pytest.approx(case["metric"], abs=1e-9), case["name"]


def test_of_nothing():
    """After get_metric PaddleOCR's metric is empty and gives zeros; here that is an error."""
    (case,) = [case for case in det_cases() if "again" in case]
    got = DetMetric(paddle_exact=True).compute()
    assert {key: got[key] for key in case["again"]} == case["again"]
    with pytest.raises(OcrError):
        DetMetric().compute()
