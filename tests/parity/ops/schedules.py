"""Learning-rate schedules: with `paddle_exact` every rate; by default all but what the cases' README exempts."""

from __future__ import annotations

from typing import Any

from ppocr_like.registry import SCHEDULES

from .reading import Meant, NotHere, Ops, made, near

FILE = "10_learning_rates"
RELATIVE, ABSOLUTE = 1e-9, 1e-15
# By default OneCycle goes on from the warm-up's rate, and DecayLearningRate has a warm-up and an end.
OTHER_BY_DEFAULT = ("OneCycle", "DecayLearningRate")
COSINE_EPOCHS = 200  # TwoStepCosine's first part, whatever the run's length


def differences(case: dict[str, Any], schedule: Any) -> list[int]:
    """Steps at which a rate differs."""
    return [
        step
        for step, rate in enumerate(case["values"])
        if not near(schedule.value(step), float(rate), relative=RELATIVE, absolute=ABSOLUTE)
    ]


def check(case: dict[str, Any], ops: Ops) -> str | None:
    if not isinstance(case["lr"], dict):
        raise NotHere(f"lr is {case['lr']!r}")
    node = {"name": "Const", **case["lr"]}
    node.pop("step_each_epoch", None)  # the program's value wins over the recipe's, in PaddleOCR too
    if "error" in case and node["name"] not in SCHEDULES:
        return None  # an unknown name is an error here as well
    node.pop("epochs", None)
    run = {"epochs": case["epochs"], "steps_per_epoch": case["step_each_epoch"]}
    exact = differences(case, made(SCHEDULES, node, **run, paddle_exact=True))
    assert not exact, f"with paddle_exact the rates of {len(exact)} steps differ, the first at step {exact[0]}"
    schedule = made(SCHEDULES, node, **run, paddle_exact=False)
    different = differences(case, schedule)
    if not different:
        return None
    if node["name"] not in OTHER_BY_DEFAULT:
        last = COSINE_EPOCHS * case["step_each_epoch"] if node["name"] == "TwoStepCosine" else schedule.total_steps
        early = [step for step in different if step - schedule.warmup_steps <= last]
        assert not early, f"the rate of step {early[0]} differs"
    return Meant("the warm-up leads into the schedule and the end value holds; equal with paddle_exact")
