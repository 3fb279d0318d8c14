"""Schedules as people write them: values, warm-up, ends, and mistakes."""

import math
from itertools import pairwise

import pytest

from ppocr_like.errors import ConfigError
from ppocr_like.optim.kraken_schedules import Constant, OnPlateau, PerEvaluations
from ppocr_like.optim.more_schedules import CyclicalCosine, DecayLearningRate, LinearWarmupCosine, OneCycle, TwoStepCosine
from ppocr_like.optim.plateau import ReduceLROnPlateau
from ppocr_like.optim.schedules import Const, Cosine, Linear, Piecewise
from ppocr_like.registry import SCHEDULES

RUN = {"epochs": 10, "steps_per_epoch": 10}


def test_const_without_and_with_warmup():
    assert [Const(1e-3, **RUN).value(s) for s in (0, 1, 500)] == [1e-3] * 3
    warm = Const(1e-3, warmup_epoch=0.5, **RUN)
    assert [warm.value(s) for s in (0, 1, 4, 5, 6)] == pytest.approx([0, 2e-4, 8e-4, 1e-3, 1e-3])


def test_cosine_starts_after_the_warmup_and_holds_its_end():
    plain = Cosine(1.0, **RUN)
    assert (plain.value(0), plain.value(50), plain.value(100)) == pytest.approx((1, 0.5, 0))
    assert plain.value(130) == plain.value(100)
    assert Cosine(1.0, paddle_exact=True, **RUN).value(130) > 0.1
    warm = Cosine(1.0, warmup_epoch=2, **RUN)
    assert warm.value(20) == 1.0
    # The arc is as long as the run, so the run ends at 80 % of it: PaddleOCR's behaviour.
    assert warm.value(99) == pytest.approx((1 + math.cos(math.pi * 0.79)) / 2)


def test_linear_obeys_power_and_end():
    line = Linear(0.1, end_lr=0.02, power=2.0, **RUN)
    assert (line.value(0), line.value(50), line.value(100), line.value(101)) == pytest.approx((0.1, 0.04, 0.02, 0.02))


def test_piecewise_boundaries_are_shifted_by_the_warmup():
    plain = Piecewise([3, 7], [0.1, 0.01, 0.001], **RUN)
    assert [plain.value(s) for s in (0, 29, 30, 69, 70, 999)] == [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    warm = Piecewise([3, 7], [0.1, 0.01, 0.001], warmup_epoch=1, **RUN)
    assert [warm.value(s) for s in (5, 39, 40)] == pytest.approx([0.05, 0.1, 0.01])


def test_one_cycle_continues_where_its_warmup_ends():
    ours = OneCycle(0.1, warmup_epoch=2, **RUN)
    rates = [ours.value(s) for s in range(200)]
    assert max(abs(b - a) for a, b in pairwise(rates)) < 0.006
    assert rates[120:] == [ours.max_lr / 250_000] * 80
    theirs = OneCycle(0.1, warmup_epoch=2, paddle_exact=True, **RUN)
    assert (theirs.value(19), theirs.value(20)) == pytest.approx((0.095, 0.004))


def test_ends_hold_unless_paddle_exact():
    assert TwoStepCosine(1.0, epochs=260, steps_per_epoch=1, warmup_epoch=5).value(230) == 0.0
    assert TwoStepCosine(1.0, epochs=260, steps_per_epoch=1, warmup_epoch=5, paddle_exact=True).value(230) > 0.01
    assert DecayLearningRate(0.1, end_lr=0.01, **RUN).value(1000) == pytest.approx(0.01)
    assert DecayLearningRate(0.1, end_lr=0.01, paddle_exact=True, **RUN).value(1000) == 0.0


def test_linear_warmup_cosine_takes_steps_or_epochs():
    arguments = {"learning_rate": 0.1, "start_lr": 0.02, "warmup_steps": 5, **RUN}
    assert [LinearWarmupCosine(**arguments).value(s) for s in (0, 4, 5)] == pytest.approx([0.02, 0.084, 0.1])
    assert [LinearWarmupCosine(warmup_epoch=1, **arguments).value(s) for s in (0, 9, 10)] == pytest.approx([0.02, 0.092, 0.1])
    assert LinearWarmupCosine(warmup_epoch=1, paddle_exact=True, **arguments).value(5) == 0.1


def test_a_value_depends_on_the_step_alone():
    schedule = Cosine(0.3, warmup_epoch=1.5, **RUN)
    forward = [schedule.value(s) for s in range(120)]
    assert [schedule.value(s) for s in reversed(range(120))] == forward[::-1]


ARGUMENTS = {
    "Piecewise": {"decay_epochs": [3], "values": [0.1, 0.01]},
    "Step": {"learning_rate": 0.1, "step_size": 3},
    "MultiStepDecay": {"learning_rate": 0.1, "milestones": [2, 5]},
    "CyclicalCosine": {"learning_rate": 0.1, "cycle": 3},
    "OneCycle": {"max_lr": 0.1},
}


def test_every_registered_schedule_gives_finite_rates():
    for name, cls in SCHEDULES:
        schedule = cls(**ARGUMENTS.get(name, {"learning_rate": 0.1}), **RUN)
        rates = [schedule.value(s) for s in range(130)]
        assert all(0 <= rate <= 0.1 + 1e-12 for rate in rates), name
        assert type(schedule).__name__ in repr(schedule)


def test_a_warmup_leads_into_every_registered_schedule():
    """From low up to the rate that the schedule itself starts with, without a jump; what follows is only later. kraken's have a
    warm-up of their own (test_kraken_schedules.py)."""
    for name, cls in SCHEDULES:
        if issubclass(cls, Constant):
            continue
        arguments = {**ARGUMENTS.get(name, {"learning_rate": 0.1}), **RUN}
        if name == "LinearWarmupCosine":
            arguments["warmup_steps"] = 0
        plain, warm = cls(**arguments), cls(**arguments, warmup_epoch=2)
        rates = [warm.value(s) for s in range(21)]
        assert rates[0] < 1e-4 and sorted(rates) == rates, name
        assert rates[20] - rates[19] == pytest.approx(rates[1] - rates[0]), name
        assert [warm.value(s + 20) for s in range(120)] == [plain.value(s) for s in range(120)], name


def test_numeric_strings_are_numbers():
    assert Const("1e-4", **RUN).value(0) == 1e-4
    assert Cosine("1e-4", warmup_epoch="2", **RUN).warmup_steps == 20


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: Const("fast", **RUN), "Optimizer.lr.learning_rate"),
        (lambda: Const(None, **RUN), "Optimizer.lr.learning_rate"),
        (lambda: Cosine(True, **RUN), "Optimizer.lr.learning_rate"),
        (lambda: Cosine(-1e-3, **RUN), "Optimizer.lr.learning_rate"),
        (lambda: Cosine(float("nan"), **RUN), "Optimizer.lr.learning_rate"),
        (lambda: Const(1e-3, warmup_epoch=-1, **RUN), "Optimizer.lr.warmup_epoch"),
        (lambda: Linear(0.1, power=0, **RUN), "Optimizer.lr.power"),
        (lambda: Piecewise([3, 7], [0.1, 0.01], **RUN), "Optimizer.lr.values"),
        (lambda: Piecewise([7, 3], [0.1, 0.01, 0.001], **RUN), "Optimizer.lr.decay_epochs"),
        (lambda: Piecewise(3, [0.1, 0.01], **RUN), "Optimizer.lr.decay_epochs"),
        (lambda: Piecewise([3], [0.1, "x"], **RUN), "Optimizer.lr.values.1"),
        (lambda: CyclicalCosine(0.1, cycle=0.01, **RUN), "Optimizer.lr.cycle"),
        (lambda: OneCycle(0.1, anneal_strategy="cosine", **RUN), "Optimizer.lr.anneal_strategy"),
        (lambda: OneCycle(0.1, epochs=1, steps_per_epoch=2), "Optimizer.lr.max_lr"),
        (lambda: Const(0.1, epochs=0, steps_per_epoch=5), "Optimizer.lr.epochs"),
    ],
)
def test_mistakes_name_their_key(make, path):
    with pytest.raises(ConfigError) as caught:
        make()
    assert [problem.path for problem in caught.value.problems] == [path]


def test_a_negative_step_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="negative"):
        Const(0.1, **RUN).value(-1)


@pytest.mark.parametrize(
    ("name", "arguments", "epochs", "wanted"),
    [
        ("Cosine", {"warmup_epoch": 20}, 10, {"warmup_epoch": "20 epochs"}),
        ("Cosine", {"warmup_epoch": 10}, 10, {"warmup_epoch": "never arrives"}),
        ("Cosine", {"warmup_epoch": 2}, 10, {}),
        ("Const", {"warmup_epoch": 20}, 10, {"warmup_epoch": "20 epochs"}),
        ("MultiStepDecay", {"milestones": [3, 12, 30]}, 10, {"milestones": "12, 30"}),
        ("MultiStepDecay", {"milestones": [3, 7], "warmup_epoch": 5}, 10, {"milestones": "7 epochs behind the warm-up of 5"}),
        ("MultiStepDecay", {"milestones": [3], "warmup_epoch": 50}, 10, {"milestones": "3", "warmup_epoch": "50 epochs"}),
        ("Step", {"step_size": 30}, 10, {"step_size": "30"}),
        ("Step", {"step_size": 3}, 10, {}),
        ("CyclicalCosine", {"cycle": 30}, 10, {"cycle": "30"}),
        ("CyclicalCosine", {"cycle": 8}, 10, {"cycle": "high rate"}),
        ("CyclicalCosine", {"cycle": 5}, 10, {}),
        ("TwoStepCosine", {}, 10, {"name": "200"}),
        ("TwoStepCosine", {}, 300, {"name": "last 100 epochs"}),
        ("LinearWarmupCosine", {"warmup_steps": 500}, 10, {"warmup_steps": "50 epochs"}),
        ("LinearWarmupCosine", {"warmup_steps": 50}, 10, {}),
        ("Linear", {}, 10, {}),
    ],
)
def test_what_the_run_is_too_short_for(name: str, arguments: dict, epochs: int, wanted: dict) -> None:
    schedule = SCHEDULES.get(name)(epochs=epochs, steps_per_epoch=10, learning_rate=1e-3, **arguments)
    found = dict(schedule.misfits())
    assert found.keys() == wanted.keys()
    assert all(wanted[key] in found[key] for key in wanted), found


def test_rates_that_are_never_used() -> None:
    schedule = SCHEDULES.get("Piecewise")(epochs=100, steps_per_epoch=10, decay_epochs=[700], values=[1e-3, 1e-4])
    assert "0.001" in dict(schedule.misfits())["decay_epochs"]


LAID_OVER = [
    ("Cosine", {"learning_rate": 1e-3}),
    ("Linear", {"learning_rate": 1e-3}),
    ("OneCycle", {"max_lr": 1e-3}),
    ("LinearWarmupCosine", {"learning_rate": 1e-3, "warmup_steps": 3}),
    ("1cycle", {"learning_rate": 1e-3}),
]


@pytest.mark.parametrize(("name", "values"), LAID_OVER)
def test_a_schedule_is_laid_over_steps(name, values):
    whole = SCHEDULES.get(name)(**values, epochs=3, steps_per_epoch=10)
    made = SCHEDULES.get(name)(**values, epochs=1_000_000, steps_per_epoch=10)
    made.set_length(30)
    assert [made.value(step) for step in range(40)] == [whole.value(step) for step in range(40)]
    made.set_length(17)
    assert made.total_steps == 17 and made.value(16) < 0.2 * max(made.value(step) for step in range(17))


@pytest.mark.parametrize(
    ("kind", "values"),
    [(ReduceLROnPlateau, {"patience": 0}), (OnPlateau, {"rop_patience": 1}), (PerEvaluations, {"step_size": 1})],
)
def test_what_a_schedule_heard_stays_when_its_length_is_settled(kind, values):
    made = kind(learning_rate=1e-3, **values, epochs=10, steps_per_epoch=10)
    made.observe(0.5, 10)
    made.observe(0.4, 20)
    before = made.state(), made.value(30)
    made.set_length(55)
    assert (made.state(), made.value(30)) == before and before[1] < 1e-3


def test_a_length_that_is_too_short_for_the_schedule():
    made = OneCycle(max_lr=1e-3, epochs=10, steps_per_epoch=10)
    with pytest.raises(ConfigError, match="OneCycle needs a run of more than 4 steps"):
        made.set_length(3)
