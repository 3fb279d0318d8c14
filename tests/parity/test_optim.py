"""PaddleOCR's own optimizer steps (file 11). Needs the cases: set PPOCR_LIKE_CASES."""

import inspect
import json
import os
from pathlib import Path

import pytest
import torch
from torch import nn

from ppocr_like.components import load_components
from ppocr_like.contracts import ParamAttr
from ppocr_like.errors import ConfigError
from ppocr_like.registry import OPTIMIZERS, REGULARIZERS, SCHEDULES

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here")

AGREE = 50
# PaddleOCR raises; here CosineL2 works everywhere, SGD exists, and the others raise a clear error.
RAISE_THERE = {
    "momentum CosineL2": None,
    "adamw regularizer L1": ConfigError,
    "adamw CosineL2": None,
    "sgd (not in the registry)": None,
    "momentum without momentum": TypeError,
}


def make(case, parameters):
    context = {"epochs": case["epochs"], "steps_per_epoch": case["step_each_epoch"]}
    arguments = dict(case["optimizer"])
    rate = dict(arguments.pop("lr"))
    schedule = SCHEDULES.get(rate.pop("name", "Const"))(**rate, **context)
    if "regularizer" in arguments:
        node = dict(arguments["regularizer"])
        cls = REGULARIZERS.get(node.pop("name"))
        known = inspect.signature(cls).parameters
        arguments["regularizer"] = cls(**node, **{name: value for name, value in context.items() if name in known})
    attrs = {
        name: ParamAttr(attr.get("learning_rate", 1.0), attr.get("L2"), attr.get("L1"))
        for name, attr in case["attributes"].items()
    }
    return OPTIMIZERS.get(arguments.pop("name"))(list(parameters.items()), attrs, schedule, **arguments)


def largest_difference(case, reference):
    parameters = {name: nn.Parameter(torch.tensor(value)) for name, value in reference["parameters"].items()}
    optimizer = make(case, parameters)
    worst = 0.0
    for step, (gradients, values) in enumerate(zip(reference["gradients"], case["values"], strict=False)):
        for name, parameter in parameters.items():
            without = case["attributes"].get(name, {}).get("no_gradient")
            parameter.grad = None if without else torch.tensor(gradients[name])
        assert optimizer.step(step)["lr"] == pytest.approx(case["lr"][step], rel=1e-9)
        for name, parameter in parameters.items():
            worst = max(worst, float((parameter.detach() - torch.tensor(values[name])).abs().max()))
    return worst


def test_parameters_after_every_step():
    load_components()
    reference = json.loads((Path(CASES) / "parity" / "ops" / "11_optimizers.json").read_text(encoding="utf-8"))
    agreed = 0
    for number, case in enumerate(reference["cases"]):
        if case["name"] in RAISE_THERE:
            assert "error" in case
            if RAISE_THERE[case["name"]] is None:
                largest_difference(case, reference)
            else:
                with pytest.raises(RAISE_THERE[case["name"]]):
                    largest_difference(case, reference)
        else:
            assert len(case["values"]) == 6
            assert largest_difference(case, reference) < 1e-5, (number, case["name"])
            agreed += 1
    assert agreed == AGREE
