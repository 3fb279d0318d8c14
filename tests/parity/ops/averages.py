"""Averaged weights: with `paddle_exact` PaddleOCR's, by default the exact averages, which are its own under "normal"."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from ppocr_like.optim.ema import WeightAverage

from .reading import Meant, Ops, near

FILE = "12_ema"
TYPES = ("threshold", "exponential", "normal")
OURS = {"bn._mean": "bn.running_mean", "bn._variance": "bn.running_var"}
THEIRS = {ours: theirs for theirs, ours in OURS.items()}


def network(state: dict[str, Any], frozen: list[str]) -> nn.Module:
    """One that has the case's names: a convolution and a batch norm."""
    net = nn.ModuleDict({"conv": nn.Conv2d(1, 2, 1), "bn": nn.BatchNorm2d(2)})
    put(net, state)
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(name not in frozen)
    return net


def put(net: nn.Module, state: dict[str, Any]) -> None:
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.tensor(state[THEIRS.get(name, name)]))


def make(case: dict[str, Any], state: dict[str, Any], paddle_exact: bool) -> tuple[nn.Module, WeightAverage]:
    arguments = {key.removeprefix("ema_"): value for key, value in case["arguments"].items()}
    net = network(state, case["frozen"])
    return net, WeightAverage(net, **arguments, paddle_exact=paddle_exact)


def applied(net: nn.Module, average: WeightAverage) -> dict[str, np.ndarray]:
    with average.in_place():
        return {name: tensor.clone().numpy() for name, tensor in net.state_dict().items() if tensor.is_floating_point()}


def expected(case: dict[str, Any], states: list[dict[str, Any]], step: int) -> dict[str, np.ndarray]:
    """The average from its definition, in float64: what PaddleOCR's sums are without its correction."""
    decays = [entry["decay"] for entry in case["steps"][: step + 1]]
    sums: dict[str, Any] = {}
    left = 1.0
    for decay, state in zip(decays, states[1:], strict=False):
        left *= decay
        for name, value in state.items():
            sums[name] = decay * sums.get(name, 0.0) + (1 - decay) * np.asarray(value, np.float64)
    return {name: value / (1 - left) for name, value in sums.items()}


def check(case: dict[str, Any], ops: Ops) -> str | None:
    states = ops.meta["states"]
    kind = case["arguments"].get("ema_decay_type", "threshold")
    if kind not in TYPES:
        try:
            make(case, states[0], False)
        except ValueError:
            return Meant('an unknown ema_decay_type is an error; PaddleOCR takes it for "normal"')
        raise AssertionError(f"ema_decay_type {kind!r} is taken")
    for exact in (True, False):
        _follow(case, states, exact)
    return None if kind == "normal" else Meant("exact correction by default; equal with paddle_exact")


def _follow(case: dict[str, Any], states: list[dict[str, Any]], exact: bool) -> None:
    net, average = make(case, states[0], exact)
    for step, entry in enumerate(case["steps"]):
        assert near(average.next_decay(), entry["decay"], relative=1e-12), f"decay at step {step}"
        put(net, {**states[step + 1], **{name: states[0][name] for name in case["frozen"]}})  # what is frozen stays
        average.update()
        got = applied(net, average)
        ours = {**expected(case, states, step), **{name: states[0][name] for name in case["frozen"]}}
        wanted = [entry["applied"]] if exact else [ours, *([entry["applied"]] if average.decay_type == "normal" else [])]
        for state in wanted:
            for name, value in state.items():
                np.testing.assert_allclose(got[OURS.get(name, name)], value, rtol=1e-5, atol=1e-6, err_msg=f"{name}, step {step}")
