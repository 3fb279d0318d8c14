"""kraken's schedules, each held against its closed form."""

import math
from typing import Any

import pytest

from ppocr_like.errors import ConfigError
from ppocr_like.optim import kraken_schedules
from ppocr_like.registry import SCHEDULES

RUN = {"epochs": 12, "steps_per_epoch": 10}
RATE = 1e-3


def made(name: str, **args: Any) -> Any:
    return SCHEDULES.get(name)(RATE, **{**RUN, **args})


@pytest.mark.parametrize(
    "name", ["constant", "1cycle", "exponential", "step", "reduceonplateau", "cosine", "cosine_warm_restarts"]
)
def test_warm_up_is_in_steps_and_the_schedule_begins_behind_it(name: str) -> None:
    plain, warm = made(name), made(name, warmup=20, epochs=14)
    assert [warm.value(step) for step in range(20)] == pytest.approx([RATE * (step + 1) / 20 for step in range(20)])
    assert [warm.value(20 + step) for step in range(120)] == pytest.approx([plain.value(step) for step in range(120)])


def test_constant() -> None:
    assert {made("constant").value(step) for step in range(500)} == {RATE}


def test_cosine_reaches_its_floor_and_holds_it() -> None:
    cosine = made("cosine", cos_t_max=4, cos_min_lr=1e-5)
    for step in range(40):
        assert cosine.value(step) == pytest.approx(1e-5 + (RATE - 1e-5) * (1 + math.cos(math.pi * step / 40)) / 2)
    assert [cosine.value(step) for step in (40, 41, 80, 119)] == pytest.approx([1e-5] * 4)


def test_a_cosine_without_a_length_ends_with_the_run() -> None:
    cosine = made("cosine", cos_t_max=None, cos_min_lr=1e-5, warmup=20)
    assert cosine.value(20) == RATE
    for steps in (cosine.total_steps, 60, 21):
        cosine.set_length(steps)
        assert cosine.value((20 + steps) // 2) == pytest.approx((RATE + 1e-5) / 2, rel=0.15) or steps == 21
        assert cosine.value(steps) == pytest.approx(1e-5)
    cosine.set_length(10)  # all of it is warm-up
    assert cosine.value(9) == pytest.approx(RATE / 2)


def test_restarts_have_the_length_of_a_cosine() -> None:
    restarts, cosine = made("cosine_warm_restarts", cos_t_max=4), made("cosine", cos_t_max=4)
    assert [restarts.value(step) for step in range(120)] == pytest.approx([cosine.value(step % 40) for step in range(120)])


def test_one_cycle_has_its_corners() -> None:
    cycle = made("1cycle")
    rates = [cycle.value(step) for step in range(120)]
    assert (rates[0], rates[-1]) == pytest.approx((RATE / 25, RATE / 250_000))
    assert rates.index(max(rates)) in (35, 36) and max(rates) == pytest.approx(RATE, rel=1e-3)
    assert cycle.value(500) == pytest.approx(RATE / 250_000)
    assert not cycle.misfits() and "a rise of its own" in made("1cycle", warmup=10).misfits()[0][1]


@pytest.mark.parametrize("name", ["exponential", "step"])
def test_gamma_after_every_step_size_evaluations(name: str) -> None:
    schedule = made(name, gamma=0.5, step_size=3, warmup=10)
    assert not schedule.observe(0.5, 9)  # within the warm-up
    rates = []
    for number in range(9):
        rates.append(schedule.value(50))
        assert schedule.observe(0.5, 50) == (number % 3 == 2)
    assert rates == pytest.approx([RATE * 0.5 ** (number // 3) for number in range(9)])
    again = made(name, gamma=0.5, step_size=3, warmup=10)
    again.load(schedule.state())
    assert again.value(50) == schedule.value(50)


def test_plateau_lowers_after_so_many_evaluations_without_a_better_one() -> None:
    schedule = made("reduceonplateau", rop_patience=2)
    lowered = [schedule.observe(value, 50) for value in (0.1, 0.2, 0.2, 0.19, 0.3, 0.3, 0.3, math.nan)]
    assert lowered == [False, False, False, True, False, False, True, False]
    assert schedule.value(50) == pytest.approx(RATE * 0.01)
    again = made("reduceonplateau", rop_patience=2)
    again.load(schedule.state())
    assert again.observe(0.3, 50) and again.value(50) == pytest.approx(RATE * 0.001)


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("constant", {"warmup": 5, "warmup_epoch": 1}, "remove one of them"),
        ("constant", {"warmup": 1.5}, "whole number"),
        ("cosine", {"cos_t_max": 0}, "above 0"),
        ("cosine", {"cos_min_lr": 1.0}, "above the learning_rate"),
        ("step", {"step_size": 0}, "at least 1"),
        ("exponential", {"gamma": 0}, "above 0"),
        ("reduceonplateau", {"rop_patience": 0}, "at least 1"),
    ],
)
def test_mistakes(name: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        made(name, **args)


def test_the_constants_of_one_cycle_are_pytorchs() -> None:
    """torch.optim.lr_scheduler.OneCycleLR's defaults: pct_start, div_factor, div_factor * final_div_factor."""
    assert kraken_schedules.ONE_CYCLE_RISE == 0.3
    assert (kraken_schedules.ONE_CYCLE_START, kraken_schedules.ONE_CYCLE_END) == (25, 25 * 1e4)
