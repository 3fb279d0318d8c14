"""PaddleOCR's own learning rates (file 10). Needs the cases: set PPOCR_LIKE_CASES."""

import inspect
import json
import os
from pathlib import Path

import pytest

from ppocr_like.components import load_components
from ppocr_like.registry import SCHEDULES

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here")

ALL = 65
UNKNOWN = "PolynomialDecay"  # one case: a name that PaddleOCR does not know either
# PaddleOCR raises for a rate or warm-up that is a string; here it is read as the number it spells.
STRINGS = 3
# What holds by default: everything but the rates past the end and, for these two, the warm-up (and end_lr).
OTHER_BY_DEFAULT = ("OneCycle", "DecayLearningRate")


def cases():
    return json.loads((Path(CASES) / "parity" / "ops" / "10_learning_rates.json").read_text(encoding="utf-8"))["cases"]


def make(case, paddle_exact):
    arguments = dict(case["lr"])
    cls = SCHEDULES.get(arguments.pop("name", "Const"))
    arguments.pop("step_each_epoch", None)  # the builder's value wins over the recipe's, in PaddleOCR too
    if "paddle_exact" in inspect.signature(cls).parameters:
        arguments["paddle_exact"] = paddle_exact
    return cls(**arguments, epochs=case["epochs"], steps_per_epoch=case["step_each_epoch"])


def differences(case, schedule):
    """Steps at which a rate differs by more than 1e-9 relative."""
    return [
        step
        for step, rate in enumerate(case["values"])
        if schedule.value(step) != pytest.approx(float(rate), rel=1e-9, abs=1e-15)
    ]


def test_paddle_exact_gives_every_rate():
    load_components()
    agreed = 0
    for number, case in enumerate(cases()):
        if case["lr"].get("name") == UNKNOWN:
            assert UNKNOWN not in SCHEDULES
            continue
        assert differences(case, make(case, True)) == [], (number, case["lr"])
        agreed += 1
    assert agreed == ALL - 1
    assert sum(not case["values"] for case in cases()) == STRINGS + 1


def test_by_default_only_what_is_better_differs():
    load_components()
    same = 0
    for number, case in enumerate(cases()):
        name = case["lr"].get("name")
        if name == UNKNOWN:
            continue
        schedule = make(case, False)
        different = differences(case, schedule)
        same += not different
        if name == "TwoStepCosine":
            assert all(step - schedule.warmup_steps > 200 * case["step_each_epoch"] for step in different), number
        elif name not in OTHER_BY_DEFAULT:
            assert all(step - schedule.warmup_steps > schedule.total_steps for step in different), (number, case["lr"])
    assert same == 48
