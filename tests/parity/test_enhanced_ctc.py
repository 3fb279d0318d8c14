"""ACELoss, CenterLoss and CELoss, alone and within CombinedLoss, against PaddleOCR's values and gradients (reference cases
outside the repository)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.losses.ace_loss import ACELoss
from ppocr_like.losses.center_loss import CenterLoss
from ppocr_like.losses.combined import CombinedLoss, Weighted
from ppocr_like.losses.ctc_loss import CTCLoss
from ppocr_like.losses.nrtr_loss import CELoss
from ppocr_like.weights.centers import fill_centers

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(CASES is None, reason="PPOCR_LIKE_CASES names no folder of reference cases")
OPS = Path(CASES or "") / "parity" / "ops"
KINDS: dict[str, type[nn.Module]] = {kind.__name__: kind for kind in (ACELoss, CenterLoss, CELoss, CTCLoss)}
EXACT = ("ACELoss",)  # PaddleOCR's gives a vector


def load_cases() -> tuple[list[dict], dict[str, np.ndarray]]:
    with np.load(OPS / "09_losses.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    cases = json.loads(str(arrays.pop("meta")))["cases"]
    wanted = ("center", "ace", "ce smoothing (SVTRv2)")
    return [c for c in cases if c["name"] in wanted or c["name"].startswith("combined CTC")], arrays


LOSS_CASES, ARRAYS = load_cases() if CASES else ([], {})


def made(name: str, arguments: dict[str, Any]) -> nn.Module:
    arguments = {key: value for key, value in arguments.items() if key not in ("name", "weight")}
    if arguments.get("center_file_path"):
        arguments["center_file_path"] = str(OPS / arguments["center_file_path"])
    if name == "CombinedLoss":
        members = [item for entry in arguments["loss_config_list"] for item in entry.items()]
        return CombinedLoss([Weighted(made(name, args), args["weight"]) for name, args in members], paddle_exact=True)
    if name == "CenterLoss":
        arguments["charset"] = Charset([str(i) for i in range(arguments.pop("num_classes") - 1)])
    return KINDS[name](**arguments, **({"paddle_exact": True} if name in EXACT else {}))


def tensor(reference: dict) -> torch.Tensor:
    return torch.tensor(ARRAYS[reference["array"]].reshape(reference["shape"]))


def test_how_many_cases_are_covered() -> None:
    assert len(LOSS_CASES) == 5


@pytest.mark.parametrize("case", LOSS_CASES, ids=[case["name"] for case in LOSS_CASES])
def test_losses_and_gradients_equal_paddleocrs(case: dict) -> None:
    name = case["loss"]["name"] if "loss" in case else case["class"].split(".")[-1]
    loss = made(name, case["loss"] if "loss" in case else case["arguments"])
    fill_centers(loss)
    given = case["predicts"]
    references = dict(enumerate(given)) if isinstance(given, list) else {"": given}
    tensors = {str(key): tensor(value).requires_grad_() for key, value in references.items()}
    logits = tensors.get("1", tensors.get(""))
    outputs = {"ctc": logits, "gtc": logits, **({"ctc_feats": tensors["0"]} if "0" in tensors else {})}
    rows = [tensor(entry) if entry else None for entry in case["batch"]]
    batch = dict(zip(("label", "length", "label_ace"), rows[1:], strict=False))
    result = loss(outputs, batch)
    total = result["loss"].sum()
    total.backward()
    for part, value in case["losses"].items():
        if name == "CombinedLoss":  # whose log tells means here, and whose loss is what PaddleOCR's backward sums up
            value = np.sum(value) if part == "loss" else np.mean(value)
        np.testing.assert_allclose(result[part].detach().numpy(), value, rtol=1e-5, err_msg=part)
    for path, gradient in case["gradients"].items():
        got = tensors[path].grad
        if gradient is None:
            assert got is None
            continue
        place = ARRAYS[gradient["index"]] if "index" in gradient else slice(None)
        want = ARRAYS[gradient["values"] if "values" in gradient else gradient["array"]].reshape(-1)
        assert got is not None
        assert np.abs(got.numpy().reshape(-1)[place] - want).max() <= 1e-6 + 1e-4 * np.abs(want).max(), path
