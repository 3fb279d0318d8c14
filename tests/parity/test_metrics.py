"""PaddleOCR's own RecMetric (file 08). Needs the cases: set PPOCR_LIKE_CASES."""

import json
import os
from pathlib import Path

import pytest

from ppocr_like.charset import Charset
from ppocr_like.errors import OcrError
from ppocr_like.metrics.rec import RecMetric

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here")

REC_CASES = 4


def rec_cases():
    cases = json.loads((Path(CASES) / "parity" / "ops" / "08_metrics.json").read_text(encoding="utf-8"))["cases"]
    return [case for case in cases if case["kind"] == "rec"]


def filled(case, batches, paddle_exact):
    arguments = {key: value for key, value in case["node"].items() if key != "name"}
    metric = RecMetric(**arguments, charset=Charset("a") if paddle_exact else None, paddle_exact=paddle_exact)
    for batch in batches:
        for (prediction, _), (label, _) in zip(batch["preds"], batch["labels"], strict=True):
            metric.add(label, prediction)
    return metric


def agrees(got, wanted, tolerance):
    return {key: got[key] for key in wanted} == pytest.approx(wanted, abs=tolerance)


def test_numbers_with_paddle_exact():
    cases = rec_cases()
    assert len(cases) == REC_CASES
    for case in cases:
        for batch, returned in zip(case["batches"], case["returned"], strict=True):
            assert agrees(filled(case, [batch], True).compute(), returned, 1e-9)
        metric = filled(case, case["batches"], True)
        assert agrees(metric.compute(), case["metric"], 1e-9)
        metric.reset()
        assert agrees(metric.compute(), case["again"], 1e-9)


def test_by_default_the_numbers_are_exact_and_nothing_is_an_error():
    for case in rec_cases():
        assert agrees(filled(case, case["batches"], False).compute(), case["metric"], 1e-5)
        with pytest.raises(OcrError):
            filled(case, [], False).compute()
