"""PaddleOCR's averaged weights (file 12). Needs the cases: set PPOCR_LIKE_CASES."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ppocr_like.optim.ema import WeightAverage

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here")

TYPES = ("threshold", "exponential", "normal")
OURS = {"bn._mean": "bn.running_mean", "bn._variance": "bn.running_var"}


def network(state, frozen):
    net = nn.ModuleDict({"conv": nn.Conv2d(1, 2, 1), "bn": nn.BatchNorm2d(2)})
    put(net, state)
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(name not in frozen)
    return net


def put(net, state):
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.tensor(state[{v: k for k, v in OURS.items()}.get(name, name)]))


def make(case, state, paddle_exact):
    arguments = {key.removeprefix("ema_"): value for key, value in case["arguments"].items()}
    net = network(state, case["frozen"])
    return net, WeightAverage(net, **arguments, paddle_exact=paddle_exact)


def applied(net, average):
    with average.in_place():
        return {name: tensor.clone() for name, tensor in net.state_dict().items() if tensor.is_floating_point()}


def expected(case, states, step):
    """The average from its definition, in float64: what PaddleOCR's sums are without its correction."""
    decays = [entry["decay"] for entry in case["steps"][: step + 1]]
    sums, left = {}, 1.0
    for decay, state in zip(decays, states[1:], strict=False):
        left *= decay
        for name, value in state.items():
            sums[name] = decay * sums.get(name, 0.0) + (1 - decay) * np.asarray(value, np.float64)
    return {name: value / (1 - left) for name, value in sums.items()}


@pytest.mark.parametrize("paddle_exact", [True, False])
def test_averages_after_every_step(paddle_exact):
    """With `paddle_exact` PaddleOCR's values; without, the exact averages, which are its own under "normal"."""
    reference = json.loads((Path(CASES) / "parity" / "ops" / "12_ema.json").read_text(encoding="utf-8"))
    agreed = 0
    for case in reference["cases"]:
        states = reference["states"]
        if case["arguments"].get("ema_decay_type", "threshold") not in TYPES:
            with pytest.raises(ValueError, match="ema_decay_type"):  # PaddleOCR takes an unknown one for "normal"
                make(case, states[0], paddle_exact)
            continue
        net, average = make(case, states[0], paddle_exact)
        for step, entry in enumerate(case["steps"]):
            assert average.next_decay() == pytest.approx(entry["decay"], rel=1e-12)
            state = {**states[step + 1], **{name: states[0][name] for name in case["frozen"]}}  # what is frozen stays
            put(net, state)
            average.update()
            got = applied(net, average)
            exact = {**expected(case, states, step), **{name: states[0][name] for name in case["frozen"]}}
            for name, value in (entry["applied"] if paddle_exact else exact).items():
                np.testing.assert_allclose(got[OURS.get(name, name)].numpy(), value, rtol=1e-5, atol=1e-6, err_msg=name)
            if not paddle_exact and average.decay_type == "normal":
                for name, value in entry["applied"].items():
                    np.testing.assert_allclose(got[OURS.get(name, name)].numpy(), value, rtol=1e-5, atol=1e-6)
        agreed += 1
    assert agreed == 6
