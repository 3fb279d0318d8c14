"""CTCLoss against PaddleOCR's losses and gradients (reference cases outside the repository)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from ppocr_like.losses.ctc_loss import CTCLoss

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(CASES is None, reason="PPOCR_LIKE_CASES names no folder of reference cases")


def load() -> tuple[list[dict], dict[str, np.ndarray]]:
    with np.load(Path(CASES or "") / "parity" / "ops" / "09_losses.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    cases = json.loads(str(arrays.pop("meta")))["cases"]
    return [case for case in cases if isinstance(case.get("loss"), dict) and case["loss"].get("name") == "CTCLoss"], arrays


CTC_CASES, ARRAYS = load() if CASES else ([], {})


def test_how_many_cases_are_covered() -> None:
    assert len(CTC_CASES) == 32


@pytest.mark.parametrize("case", CTC_CASES, ids=[case["name"] for case in CTC_CASES])
def test_loss_and_gradient_equal_paddleocrs(case: dict) -> None:
    features_too = isinstance(case["predicts"], list)
    reference, path = (case["predicts"][1], "1") if features_too else (case["predicts"], "")
    logits = torch.tensor(ARRAYS[reference["array"]].reshape(reference["shape"]), requires_grad=True)
    label, length = (torch.tensor(ARRAYS[entry["array"]].reshape(entry["shape"])) for entry in case["batch"][1:3])
    arguments = {key: value for key, value in case["loss"].items() if key != "name"}
    result = CTCLoss(**arguments)({"ctc": logits}, {"label": label, "length": length})
    result["loss"].backward()

    assert result["loss"].dtype == torch.float32
    assert result["loss"].item() == pytest.approx(case["losses"]["loss"], rel=1e-5)
    gradient = case["gradients"][path]
    assert logits.grad is not None
    got = logits.grad.numpy().reshape(-1)
    if "array" in gradient:
        want = ARRAYS[gradient["array"]].reshape(-1)
    else:
        want = ARRAYS[gradient["values"]]
        got = got[ARRAYS[gradient["index"]]]
    assert np.abs(got - want).max() <= 1e-6 + 1e-4 * np.abs(want).max()
