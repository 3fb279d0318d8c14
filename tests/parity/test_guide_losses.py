"""SARLoss, NRTRLoss and MultiLoss against PaddleOCR's values and gradients (reference cases outside the repository)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ppocr_like.losses.ctc_loss import CTCLoss
from ppocr_like.losses.multi_loss import MultiLoss
from ppocr_like.losses.nrtr_loss import NRTRLoss
from ppocr_like.losses.sar_loss import SARLoss

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(CASES is None, reason="PPOCR_LIKE_CASES names no folder of reference cases")
KINDS: dict[str, type[nn.Module]] = {"CTCLoss": CTCLoss, "SARLoss": SARLoss, "NRTRLoss": NRTRLoss}
OUTPUT = {"SARLoss": "sar", "NRTRLoss": "gtc"}


def load_cases() -> tuple[list[dict], dict[str, np.ndarray]]:
    with np.load(Path(CASES or "") / "parity" / "ops" / "09_losses.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    cases = json.loads(str(arrays.pop("meta")))["cases"]
    return [c for c in cases if (c.get("loss") or {}).get("name") in ("SARLoss", "NRTRLoss", "MultiLoss")], arrays


LOSS_CASES, ARRAYS = load_cases() if CASES else ([], {})


def made(node: dict) -> nn.Module:
    arguments = {key: value for key, value in node.items() if key != "name"}
    if node["name"] == "MultiLoss":
        members = [(name, args or {}) for item in arguments.pop("loss_config_list") for name, args in item.items()]
        return MultiLoss([KINDS.get(name, nn.Identity)(**args) for name, args in members], **arguments)
    return KINDS[node["name"]](**arguments)


def tensor(reference: dict) -> torch.Tensor:
    return torch.tensor(ARRAYS[reference["array"]].reshape(reference["shape"]))


def test_how_many_cases_are_covered() -> None:
    assert len(LOSS_CASES) == 11
    assert sum("error" in case for case in LOSS_CASES) == 2


@pytest.mark.parametrize("case", LOSS_CASES, ids=[case["name"] for case in LOSS_CASES])
def test_losses_and_gradients_equal_paddleocrs(case: dict) -> None:
    name, single = case["loss"]["name"], "array" in case["predicts"]
    references = {"": case["predicts"]} if single else case["predicts"]
    logits = {path: tensor(reference).requires_grad_() for path, reference in references.items()}
    outputs = {OUTPUT[name]: logits[""]} if single else logits
    rows = [tensor(entry) for entry in case["batch"]]
    batch = {"label": rows[1], "length": rows[2]}
    if not single:
        batch = {"label_ctc": rows[1], ("label_sar" if "sar" in logits else "label_gtc"): rows[2], "length": rows[3]}
    if "error" in case:
        with pytest.raises(ValueError, match=r"NRTRLoss needs logits|takes CTCLoss, SARLoss and NRTRLoss"):
            made(case["loss"])(outputs, batch)
        return
    result = made(case["loss"])(outputs, batch)
    result["loss"].backward()
    for part, value in case["losses"].items():
        assert result[part].item() == pytest.approx(value, rel=1e-5), part
    for path, gradient in case["gradients"].items():
        got = logits[path].grad
        assert got is not None
        place = ARRAYS[gradient["index"]] if "index" in gradient else slice(None)
        want = ARRAYS[gradient["values"] if "values" in gradient else gradient["array"]].reshape(-1)
        assert np.abs(got.numpy().reshape(-1)[place] - want).max() <= 1e-6 + 1e-4 * np.abs(want).max(), path
