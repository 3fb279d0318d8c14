"""DBLoss against PaddleOCR's losses and gradients (reference cases outside the repository)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from ppocr_like.losses.db_loss import DBLoss

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(CASES is None, reason="PPOCR_LIKE_CASES names no folder of reference cases")
UNUSABLE = "db BCELoss"  # raises in PaddleOCR; works here


def load() -> tuple[list[dict], dict[str, np.ndarray]]:
    with np.load(Path(CASES or "") / "parity" / "ops" / "09_losses.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    cases = json.loads(str(arrays.pop("meta")))["cases"]
    return [case for case in cases if isinstance(case.get("loss"), dict) and case["loss"].get("name") == "DBLoss"], arrays


DB_CASES, ARRAYS = load() if CASES else ([], {})


def tensor(reference: dict) -> torch.Tensor:
    return torch.tensor(ARRAYS[reference["array"]].reshape(reference["shape"]))


def run(case: dict) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """(predictions, losses)"""
    predictions = {name: tensor(reference).requires_grad_() for name, reference in case["predicts"].items()}
    batch = dict(zip(DBLoss.needs, map(tensor, case["batch"][1:]), strict=True))
    arguments = {key: value for key, value in case["loss"].items() if key != "name"}
    return predictions, DBLoss(**arguments)(predictions, batch)


def test_how_many_cases_are_covered() -> None:
    assert len(DB_CASES) == 20
    assert [case["name"] for case in DB_CASES if "error" in case] == [UNUSABLE]


@pytest.mark.parametrize("case", [case for case in DB_CASES if "error" not in case], ids=lambda case: case["name"])
def test_losses_and_gradients_equal_paddleocrs(case: dict) -> None:
    predictions, losses = run(case)
    losses["loss"].backward()
    for name, want in case["losses"].items():
        if name == "loss_cbn" and name not in losses:
            assert want == [0.0]
            continue
        assert losses[name].dtype == torch.float32 and losses[name].shape == ()
        assert losses[name].item() == pytest.approx(np.ravel(want)[0], rel=1e-5)
    assert losses.keys() <= case["losses"].keys()
    for name, gradient in case["gradients"].items():
        got = predictions[name].grad
        if gradient is None:
            assert got is None
            continue
        assert got is not None
        want = ARRAYS[gradient["values"]] if "values" in gradient else ARRAYS[gradient["array"]].reshape(-1)
        have = got.numpy().reshape(-1)
        have = have[ARRAYS[gradient["index"]]] if "index" in gradient else have
        assert np.abs(have - want).max() <= 1e-6 + 1e-4 * np.abs(want).max()


def test_cross_entropy_works_where_paddleocrs_raises() -> None:
    predictions, losses = run(next(case for case in DB_CASES if case["name"] == UNUSABLE))
    losses["loss"].backward()
    assert predictions["maps"].grad is not None and predictions["maps"].grad.isfinite().all()
    dice = next(case for case in DB_CASES if case["name"] == "db dice")["losses"]
    assert losses["loss_threshold_maps"].item() == pytest.approx(dice["loss_threshold_maps"], rel=1e-5)
    assert losses["loss_binary_maps"].item() == pytest.approx(dice["loss_binary_maps"], rel=1e-5)
