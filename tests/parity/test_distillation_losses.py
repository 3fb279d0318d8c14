"""What distillation does otherwise than PaddleOCR, on its reference cases: means, and teachers without gradients.

`test_ops` holds that values and gradients are PaddleOCR's with `paddle_exact`.
"""

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
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(CASES is None, reason="PPOCR_LIKE_CASES names no folder of reference cases")


def load_cases() -> tuple[list[dict], dict[str, np.ndarray]]:
    with np.load(Path(CASES or "") / "parity" / "ops" / "09_losses.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    return json.loads(str(arrays.pop("meta")))["cases"], arrays


ALL_CASES, ARRAYS = load_cases() if CASES else ([], {})
COMBINED = [case for case in ALL_CASES if "Distill" in json.dumps(case.get("loss"))]


def tensor(reference: dict) -> torch.Tensor:
    return torch.tensor(ARRAYS[reference["array"]].reshape(reference["shape"]))


def test_how_many_cases_are_covered() -> None:
    assert len(COMBINED) == 17


def flat(predicts: dict[str, Any]) -> dict[str, str]:
    """PaddleOCR's place of each output -> ours."""
    names: dict[str, str] = {}
    for model, outputs in predicts.items():
        for key, value in outputs.items():
            if key == "head_out":
                inner = {"ctc": value} if "array" in value else value
                for branch in inner:
                    names[f"{model}/{key}" if "array" in value else f"{model}/{key}/{branch}"] = f"{model}/{branch}"
            else:
                names[f"{model}/{key}"] = f"{model}/{key}"
    return names


def at(predicts: dict[str, Any], path: str) -> dict:
    for key in path.split("/"):
        predicts = predicts[key]
    return predicts


def made(case: dict) -> nn.Module:
    load_components()
    kind = "det" if any("maps" in outputs for outputs in case["predicts"].values()) else "rec"
    tree = {"Global": {"epoch_num": 1}, "Architecture": {"model_type": kind}, "Loss": case["loss"]}
    charset = Charset([f"c{i}" for i in range(11)]) if kind == "rec" else None
    return Builder(Recipe.from_tree(json.loads(json.dumps(tree))), charset).loss()


def run(case: dict) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    names = flat(case["predicts"])
    leaves = {path: tensor(at(case["predicts"], path)).requires_grad_() for path in names}
    rows = [tensor(entry) for entry in case["batch"]]
    if "maps" in next(iter(case["predicts"].values())):
        batch = dict(zip(("threshold_map", "threshold_mask", "shrink_map", "shrink_mask"), rows[1:], strict=True))
    elif len(rows) == 3:
        batch = {"label": rows[1], "length": rows[2]}
    else:
        batch = {"label_ctc": rows[1], "label_gtc": rows[2], "length": rows[3]}
    return made(case)({names[path]: value for path, value in leaves.items()}, batch), leaves


def with_mistakes(loss: dict) -> bool:
    """Whether PaddleOCR's value is one of its mistakes: padding that counts, arguments that are not read."""
    for item in loss["loss_config_list"]:
        for name, args in item.items():
            unread = "DBLoss" in name and {args.get("alpha", 5), args.get("beta", 10)} != {5, 10}
            padding = "DKD" in name or ("NRTR" in name and args.get("smoothing") is False)
            if unread or padding or isinstance(args.get("maps_name"), list):
                return True
    return False


@pytest.mark.parametrize("case", COMBINED, ids=[case["name"] for case in COMBINED])
def test_without_it_means_and_no_gradient_of_teachers(case: dict) -> None:
    result, leaves = run(case)
    if not with_mistakes(case["loss"]):
        assert result["loss"].item() == pytest.approx(np.mean(case["losses"]["loss"]), rel=1e-5)
    result["loss"].backward()
    members = [name for item in case["loss"]["loss_config_list"] for name in item]
    both_learn = any(name in ("DistillationDMLLoss", "DistillationSARLoss") for name in members) or "Teacher" in str(
        [args.get("model_name_list") for item in case["loss"]["loss_config_list"] for args in item.values()]
    )
    for path, leaf in leaves.items():
        if path.startswith("Teacher") and not both_learn:
            assert leaf.grad is None, path
