"""Small parts of recognisers against PaddleOCR's own, with all dropout off: `rec_parts.json`, made by running its code.

The larger cases outside the repository hold whole networks, but none with these arguments; and SAR's guide there was run with
the dropout between its encoder's LSTM layers on (see guides).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones.svtrv2 import SVTRv2
from ppocr_like.modeling.heads.ctc_head import CTCHead
from ppocr_like.modeling.heads.sar_head import SARHead
from ppocr_like.modeling.necks.sequence_encoder import SequenceEncoder
from ppocr_like.modeling.paddle_names import to_paddle_name, transposed
from ppocr_like.modeling.transforms.tps import TPS

from .guides import without_noise
from .networks import tensor_of

PARTS = json.loads((Path(__file__).parent / "rec_parts.json").read_text())["cases"]
CLASSES = {"SARHead": {"sar_classes": 12}, "CTCHead": {"num_classes": 12}}
KINDS: dict[str, type[nn.Module]] = {kind.__name__: kind for kind in (SARHead, CTCHead, SequenceEncoder, SVTRv2, TPS)}
each_part = pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in PARTS])


def made(case: dict[str, Any]) -> nn.Module:
    """The part, filled: each of PaddleOCR's parameters has its place here and the other way round."""
    part = KINDS[case["class"]](FeatureSpec(case["channels"]), **CLASSES.get(case["class"], {}), **case["arguments"])
    turned, state, names = transposed(part), {}, set()
    for name, tensor in part.state_dict().items():
        paddle = to_paddle_name(name)
        if match := re.match(r"(.+)\.(weight|bias)_(ih|hh)_l(\d)(_reverse)?$", paddle):  # an LSTM's; see networks.paddle_state
            path, kind, side, layer, back = match.groups()
            both = f"{path}.{kind}_{side}_l0_reverse" in part.state_dict()
            names.add(paddle)
            paddle = f"{path}.{layer}.cell{('_bw' if back else '_fw') if both else ''}.{kind}_{side}"
        names.add(paddle)
        shape = list(tensor.shape)
        value = tensor_of(paddle, shape[::-1] if name in turned else shape, case["gain"])
        state[name] = torch.from_numpy(np.ascontiguousarray(value.T) if name in turned else value)
    assert sorted(names) == case["parameters"]
    part.load_state_dict(state)
    return part


def given(case: dict[str, Any]) -> torch.Tensor:
    rng = np.random.default_rng(case["input"]["seed"])
    x = rng.normal(0, 0.5, case["input"]["shape"]).astype("float32")
    return torch.from_numpy(np.cumsum(np.cumsum(x, 2), 3).astype("float32") / 10 if case["input"]["smooth"] else x)


def outputs(case: dict[str, Any], part: nn.Module, mode: str) -> torch.Tensor:
    x = given(case)
    part = without_noise(nn.ModuleDict({"head": part}))["head"] if mode.startswith("train") else part.eval()  # type: ignore[index]
    if case["class"] == "SARHead":
        targets = {name: torch.tensor(value) for name, value in case["targets"].items()}
        return part(x, None if mode == "eval_blind" else targets)["sar"]
    if case["class"] == "CTCHead":
        return part(x)["ctc_feats" if mode == "train0" else "ctc"]
    found = part(x)
    return found.squeeze(2).transpose(1, 2) if case["arguments"].get("last_stage") else found


@each_part
def test_outputs_equal_paddleocrs(case: dict[str, Any]) -> None:
    part = made(case)
    for mode, want in case["outputs"].items():
        with torch.no_grad():
            found = outputs(case, part, mode).numpy()
        values = np.array(want["value"])
        assert list(found.shape) == want["shape"]
        assert np.abs(found.reshape(-1) - values).max() <= 1e-4 * values.std(), mode


def test_what_the_cases_tell_apart() -> None:
    """A valid_ratio that is not read, or dropout that is on, would show."""
    sar = next(case for case in PARTS if case["name"] == "SAR")
    blind, seeing = (np.array(sar["outputs"][mode]["value"]) for mode in ("eval_blind", "eval"))
    assert np.abs(blind - seeing).max() > 0.1 * seeing.std()
    torch.manual_seed(0)
    part = made(sar)
    part.train()
    targets = {name: torch.tensor(value) for name, value in sar["targets"].items()}
    with torch.no_grad():
        noisy = part(given(sar), targets)["sar"].numpy().reshape(-1)
    want = np.array(sar["outputs"]["train"]["value"])
    assert np.abs(noisy - want).max() > 0.01 * want.std()
