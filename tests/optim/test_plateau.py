"""The schedule that follows the metric, against torch's."""

import random

import pytest
import torch

from ppocr_like.errors import ConfigError
from ppocr_like.optim.plateau import ReduceLROnPlateau

RUN = {"epochs": 10, "steps_per_epoch": 10}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_rates_are_those_of_torch(seed, mode, threshold_mode):
    rng = random.Random(seed)
    rules = {
        "mode": mode,
        "factor": rng.choice([0.1, 0.5, 0.9]),
        "patience": rng.randrange(4),
        "threshold": rng.choice([0.0, 1e-4, 0.05]),
        "threshold_mode": threshold_mode,
        "cooldown": rng.randrange(3),
        "min_lr": rng.choice([0.0, 0.02]),
    }
    epsilon = rng.choice([1e-8, 0.01])
    torch_optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(torch_optimizer, eps=epsilon, **rules)
    ours = ReduceLROnPlateau(0.1, epsilon=epsilon, **rules, **RUN)
    for i in range(60):
        value = round(rng.random() * (0.5 if i % 20 else 1), 2)
        ours.observe(value, i)
        theirs.step(value)
        assert ours.value(i) == torch_optimizer.param_groups[0]["lr"], i


def test_the_warmup_leads_in_and_its_evaluations_do_not_count():
    schedule = ReduceLROnPlateau(0.1, patience=0, warmup_epoch=1, **RUN)
    assert [schedule.value(s) for s in (0, 5, 10, 50)] == pytest.approx([0, 0.05, 0.1, 0.1])
    assert not any(schedule.observe(value, step) for value, step in ((0.9, 3), (0.1, 6), (0.1, 9)))
    assert not schedule.observe(0.2, 10)  # the first that counts
    assert schedule.observe(0.2, 20)
    assert schedule.value(20) == pytest.approx(0.01)


def test_values_that_are_no_numbers_are_no_better():
    schedule = ReduceLROnPlateau(0.1, patience=1, **RUN)
    assert [schedule.observe(float("nan"), s) for s in range(3)] == [False, True, False]


def test_a_resumed_schedule_goes_on():
    values = [0.5, 0.4, 0.6, 0.6, 0.6, 0.59, 0.6, 0.3, 0.2, 0.1]
    make = {"learning_rate": 0.1, "patience": 1, "cooldown": 1, "factor": 0.3, **RUN}
    whole = ReduceLROnPlateau(**make)
    rates = [(whole.observe(value, s), whole.value(s)) for s, value in enumerate(values)]
    assert len({rate for _, rate in rates}) == 3
    for cut in range(len(values)):
        first, second = ReduceLROnPlateau(**make), ReduceLROnPlateau(**make)
        for step, value in enumerate(values[:cut]):
            first.observe(value, step)
        second.load(dict(first.state()))
        assert [(second.observe(value, cut + s), second.value(s)) for s, value in enumerate(values[cut:])] == rates[cut:]


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"mode": "best"}, "mode"),
        ({"threshold_mode": "share"}, "threshold_mode"),
        ({"factor": 1.0}, "factor"),
        ({"factor": 0}, "factor"),
        ({"patience": -1}, "patience"),
        ({"min_lr": "low"}, "min_lr"),
    ],
)
def test_mistakes_name_their_key(arguments, path):
    with pytest.raises(ConfigError) as caught:
        ReduceLROnPlateau(0.1, **arguments, **RUN)
    assert [problem.path for problem in caught.value.problems] == [f"Optimizer.lr.{path}"]


def test_of_a_loss_less_is_better():
    schedule = ReduceLROnPlateau(0.1, patience=0, follow="loss", **RUN)
    assert schedule.mode == "min" and ReduceLROnPlateau(0.1, **RUN).mode == "max"
    assert [schedule.observe(value, s) for s, value in enumerate((3.0, 2.0, 2.5, 1.0))] == [False, False, True, False]
    with pytest.raises(ConfigError, match="of a loss less is better"):
        ReduceLROnPlateau(0.1, follow="loss", mode="max", **RUN)


def test_what_followed_something_else_leaves_its_rate_alone():
    metric = ReduceLROnPlateau(0.1, patience=0, **RUN)
    assert [metric.observe(value, s) for s, value in enumerate((0.9, 0.8))] == [False, True]
    loss = ReduceLROnPlateau(0.1, patience=0, follow="loss", **RUN)
    loss.load(metric.state())
    assert loss.value(2) == pytest.approx(0.01) and not loss.observe(5.0, 2) and loss.observe(6.0, 3)
    earlier = {name: value for name, value in metric.state().items() if name != "follow"}  # a version that had the metric only
    again = ReduceLROnPlateau(0.1, patience=0, **RUN)
    again.load(earlier)
    assert again.observe(0.89, 2)
