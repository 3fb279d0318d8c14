"""Classes and their accuracy."""

from __future__ import annotations

import numpy as np
import pytest

from ppocr_like.contracts import RejectedSample, SampleInfo
from ppocr_like.errors import OcrError
from ppocr_like.metrics.cls import ClsMetric
from ppocr_like.postprocess.cls import ClsPostProcess

SCORES = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], np.float32)


def test_classes_and_confidences() -> None:
    found = ClsPostProcess(["0", "180"])({"cls": SCORES}, {})
    assert [(one.label, one.index) for one in found] == [("0", 0), ("180", 1), ("0", 0)]
    assert [one.confidence for one in found] == pytest.approx([0.9, 0.8, 0.6])
    assert [one.label for one in ClsPostProcess()(SCORES)] == ["0", "1", "0"]
    logits = np.log(SCORES) + 3
    assert [one.confidence for one in ClsPostProcess()(logits)] == pytest.approx([0.9, 0.8, 0.6])
    assert ClsPostProcess(paddle_exact=True)(logits)[0].confidence == pytest.approx(float(np.log(0.9)) + 3)
    assert [one.label for one in ClsPostProcess(["a", "b"]).decode_labels({"label": np.array([1, 0])})] == ["b", "a"]
    with pytest.raises(OcrError, match=r"needs an array \(N, 3\)"):
        ClsPostProcess(["0", "90", "180"])({"cls": SCORES}, {})


def test_accuracy() -> None:
    metric = ClsMetric()
    found = ClsPostProcess()(SCORES)
    metric.update(found, {"label": np.array([0, 1, 1])})
    metric.reject([RejectedSample(SampleInfo(3, "f", 4, "p", "0"), "unreadable image", "")])
    assert metric.compute() == pytest.approx({"acc": 2 / 4, "balanced_acc": (1 + 1 / 2) / 2, "n": 4})
    other = ClsMetric()
    other.update(found, {"label": np.array([0, 1, 0])})
    metric.merge(other.state())
    assert metric.compute()["acc"] == pytest.approx(5 / 7)
    exact = ClsMetric(paddle_exact=True)
    assert exact.compute()["acc"] == 0
    exact.update(found, {"label": np.array([0, 1, 1])})
    assert exact.compute()["acc"] == pytest.approx(2 / (3 + 1e-5), abs=1e-12)
    with pytest.raises(OcrError, match="nothing to evaluate"):
        ClsMetric().compute()
