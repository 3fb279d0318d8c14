"""Runs that steps or minutes end: the schedule over them, the length that is settled once, and what a resume makes of it."""

from __future__ import annotations

import json
import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.engine import train
from ppocr_like.engine.by_clock import LEAST, UNTIMED, Pace, work_of_steps
from ppocr_like.engine.clocks import CLOCKS
from ppocr_like.engine.run import Hook, Run
from ppocr_like.engine.run_length import evaluations
from ppocr_like.engine.trainer import fit
from ppocr_like.errors import ConfigError
from tests.processes import in_ranks

from .helpers import StopAt, records, start, tiny_recipe, weights, write_recipe
from .helpers import run as run_tool
from .test_trainer import made

STEPS = 6  # of an epoch of the tiny recipe
LONG_WARMUP = {"name": "Cosine", "learning_rate": 1e-3, "warmup_epoch": 2}  # longer than what is measured


class Clock(Hook):
    """Time that goes on by so many seconds in a mean step, longer in one of more samples, and stands still otherwise."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.now = seconds, 0.0

    def before_step(self, run: Run) -> None:
        work = work_of_steps(run.parts.loader.plan(run.progress.epoch).work(), run.length.accumulate)
        self.now += self.seconds * float(work[run.progress.group])


@contextmanager
def timed(data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: float = 4.0, **over: Any) -> Iterator[Run]:
    """A run of two minutes whose steps take `seconds`."""
    clock = Clock(seconds)
    monkeypatch.setitem(CLOCKS, "wall", lambda: clock.now)
    settings = {"Global__max_minutes": 2, "Optimizer__lr": LONG_WARMUP, **over}
    with made(data, folder, **settings) as run:
        hook = next(hook for hook in run.hooks if hook.name == "by_clock")
        hook._began = 0.0  # type: ignore[attr-defined]  # of this clock
        run.hooks.insert(0, clock)
        yield run


def trained(data: Path, folder: Path, **over: Any) -> dict[str, torch.Tensor]:
    with made(data, folder, **over) as run:
        fit(run)
    return weights(folder / "latest.ckpt")


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def told(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))["clock"]


def rates(folder: Path) -> list[float]:
    return [record["lr"] for record in records(folder) if record["kind"] == "train"]


def test_steps_that_are_whole_epochs_are_the_run_of_these_epochs(data: Path, tmp_path: Path) -> None:
    by_epochs = trained(data, tmp_path / "epochs", Global__epoch_num=2)
    by_steps = trained(data, tmp_path / "steps", Global__epoch_num=None, Global__max_steps=2 * STEPS)
    assert same(by_epochs, by_steps) and records(tmp_path / "epochs") == records(tmp_path / "steps")


def test_a_run_may_end_within_an_epoch(data: Path, tmp_path: Path) -> None:
    with made(data, tmp_path / "run", Global__max_steps=8, Global__eval_at_end=True, Optimizer__lr__warmup_epoch=0) as run:
        fit(run)
        assert (run.progress.step, run.progress.epoch, run.progress.group) == (8, 2, 2) and run.over
    found = rates(tmp_path / "run")
    assert found == sorted(found, reverse=True) and found[-1] < 0.05 * found[0]
    assert [r["global_step"] for r in records(tmp_path / "run") if r["kind"] == "eval"] == [6, 8]


def test_minutes_become_steps_once(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = UNTIMED + LEAST
    with timed(data, tmp_path / "run", monkeypatch) as run:
        fit(run)
        assert run.progress.step == 30  # 2 minutes of 4 seconds each
    assert told(tmp_path / "run") == {"asked_minutes": 2, "steps": 30, "taken_minutes": 2.0}
    assert measured < 2 * STEPS  # then the warm-up hides the length, and the run is one of 30 steps
    assert same(
        weights(tmp_path / "run" / "latest.ckpt"), trained(data, tmp_path / "b", Global__max_steps=30, Optimizer__lr=LONG_WARMUP)
    )


@pytest.mark.thorough
def test_without_a_warm_up_the_rate_waits_for_the_length(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = {"Global__max_minutes": 1, "Optimizer__lr": {"name": "Cosine", "learning_rate": 1e-3}}
    with timed(data, tmp_path / "run", monkeypatch, 1.5, **over) as run:
        fit(run)
    found = rates(tmp_path / "run")
    assert found[: UNTIMED + LEAST] == pytest.approx([1e-3] * (UNTIMED + LEAST)) and found[-1] < 1e-5


def test_a_resumed_run_keeps_its_length(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    with timed(data, folder, monkeypatch) as run:
        run.hooks.insert(1, StopAt(15))
        fit(run)
        assert run.progress.step == 15 and run.length.steps == 30
    monkeypatch.undo()
    more = {"Global__max_minutes": 2, "Optimizer__lr": LONG_WARMUP, "Global__checkpoints": str(folder)}
    quiet = {"Global__eval_at_start": False, "Global__eval_at_end": False, "Train__loader__num_workers": 0}
    result = train(Recipe.from_tree(tiny_recipe(data, folder, **more, **quiet)))
    assert result.steps == 30 and told(folder)["steps"] == 30
    assert same(weights(folder / "latest.ckpt"), trained(data, tmp_path / "b", Global__max_steps=30, Optimizer__lr=LONG_WARMUP))


@pytest.mark.thorough
def test_another_time_is_settled_anew(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    with timed(data, folder, monkeypatch) as run:
        run.hooks.insert(1, StopAt(15))
        fit(run)
        state = next(hook for hook in run.hooks if hook.name == "by_clock").state()
    assert state["steps"] == 30 and state["seconds"] == pytest.approx(60, rel=0.05)
    with timed(data, tmp_path / "more", monkeypatch, Global__max_minutes=3) as run:
        hook = next(hook for hook in run.hooks if hook.name == "by_clock")
        hook.load(state)
        assert run.length.steps is None
        fit(run)
        assert 25 <= run.progress.step <= 30  # 60 of the 180 seconds were over, and the evaluations are guessed


@pytest.mark.thorough
def test_evaluations_and_ends_of_epochs_cost_time(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = {"Global__eval_batch_epoch": 1, "Global__eval_at_end": True}
    with timed(data, tmp_path / "run", monkeypatch, **over) as run:
        clock = run.hooks[0]
        place = next(i for i, hook in enumerate(run.hooks) if hook.name == "evaluation")

        class Slow(Hook):
            def after_evaluation(self, run: Run, evaluations: Any) -> None:
                clock.now += 4  # type: ignore[attr-defined]

        run.hooks.insert(place + 1, Slow())
        fit(run)
        steps = run.progress.step
    assert 20 <= steps <= 30 and told(tmp_path / "run")["taken_minutes"] == pytest.approx(2, rel=0.05)


def test_a_time_that_is_too_short(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    caplog.set_level(logging.INFO, "ppocr_like")
    with timed(data, tmp_path / "run", monkeypatch, 90.0, Global__eval_at_end=True) as run:
        fit(run)
        assert run.progress.step == 2  # of 98 s each, for they are no short ones: the second one ends behind the two minutes
    assert "2 minutes are 2 of the 6 steps of an epoch: not every line is trained on" in caplog.text
    assert "asked for 2 minutes, took 3.27 (+63.6 %)" in caplog.text
    assert (tmp_path / "run" / "best_accuracy.safetensors").exists()


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"Global__max_minutes": 1, "Global__max_steps": 1}, r"Global.max_minutes: and Global.max_steps both say how long"),
        ({"Global__max_minutes": 0}, r"Global.max_minutes: is 0.0, but more than 0"),
        ({"Global__max_minutes": float("inf")}, r"Global.max_minutes: is inf; a number of minutes is needed"),
        ({"Global__max_minutes": "an hour"}, r"Global.max_minutes"),
        ({"Global__max_steps": 0}, r"Global.max_steps: is 0, but at least 1"),
        ({"Global__max_steps": 1.5}, r"Global.max_steps"),
    ],
)
def test_mistakes(over: dict[str, Any], message: str, data: Path, tmp_path: Path) -> None:
    load_components()
    with pytest.raises(ConfigError, match=message):
        Builder(Recipe.from_tree(tiny_recipe(data, tmp_path / "run", **over))).check()


def test_epochs_beside_minutes_are_not_read_and_need_not_be_there(data: Path, tmp_path: Path) -> None:
    load_components()
    tree = tiny_recipe(data, tmp_path / "run", Global__max_minutes=1)
    recipe = Recipe.from_tree(tree)
    Builder(recipe).check()
    assert any("Global.epoch_num is not read: Global.max_minutes: 1" in note for note in recipe.notes)
    del tree["Global"]["epoch_num"]
    Builder(Recipe.from_tree(tree)).check()


@pytest.mark.parametrize("steps", range(1, 15))
@pytest.mark.parametrize("rule", [{}, {"eval_batch_epoch": 2}, {"eval_batch_epoch": 0.5}, {"eval_batch_step": 4}])
def test_evaluations_are_counted_as_they_are_made(rule: dict[str, Any], steps: int, data: Path, tmp_path: Path) -> None:
    settings = Recipe.from_tree(tiny_recipe(data, tmp_path, **{f"Global__{key}": value for key, value in rule.items()})).globals
    every = {"eval_batch_epoch": 12, "eval_batch_step": 4}.get(next(iter(rule), ""), 6)
    every = 3 if rule.get("eval_batch_epoch") == 0.5 else every
    assert evaluations(settings, steps, STEPS) == steps // every + (steps % every > 0)


def test_the_processor_s_clock_does_not_see_waiting(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wait(Hook):
        def before_step(self, run: Run) -> None:
            time.sleep(0.1)

    before = time.process_time()  # minutes, where other tests ran in this process: not a part of the run
    monkeypatch.setitem(CLOCKS, "processor", lambda: time.process_time() - before)
    over = {"Global__max_minutes": 0.03, "Global__clock": "processor", "Train__loader__num_workers": 0}
    with made(data, tmp_path / "run", **over) as run:
        run.hooks.insert(0, Wait())
        fit(run)
    assert CLOCKS["processor"]() / 60 == pytest.approx(0.03, abs=0.02) and run.progress.step > UNTIMED


def test_epochs_of_one_step_are_timed_whole() -> None:
    assert Pace([], [(2.0, 1.0), (4.0, 1.0)]).of_step_and_epoch() == (3.0, 0.0)
    assert Pace([(1.0, 1.0)] * 3, [(3.0, 1.0)]).of_step_and_epoch() == (1.0, 2.0)
    assert Pace().of_step_and_epoch() == (0.0, 0.0)


def test_wide_batches_measured_first_do_not_make_the_run_short() -> None:
    work = work_of_steps(np.array([640, 320, 960, 640, 320, 320]), 2)
    assert work.tolist() == pytest.approx([0.9, 1.5, 0.6])
    assert Pace([(3.0, 1.5), (1.2, 0.6)], [(3.8, 0.9)]).of_step_and_epoch() == pytest.approx((2.0, 2.0))


def _steps(tree: dict[str, Any]) -> int:
    load_components()
    return train(Recipe.from_tree(tree)).steps


@pytest.mark.thorough
def test_ranks_settle_on_one_length(data: Path, tmp_path: Path) -> None:
    over = {"Global__max_minutes": 0.15, "Train__loader__batch_size_per_card": 2, "Train__loader__num_workers": 0}
    steps = in_ranks(2, _steps, tiny_recipe(data, tmp_path / "run", **over))
    assert steps[0] == steps[1] == told(tmp_path / "run")["steps"] > 0


@pytest.mark.thorough
def test_a_run_by_the_clock_is_killed_and_takes_its_time(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    long = {**LONG_WARMUP, "warmup_epoch": 40}  # on a fast machine a twentieth of the time holds many of these small steps
    recipe = write_recipe(tmp_path / "recipe.yml", tiny_recipe(data, folder, Optimizer__lr=long, Global__max_minutes=0.5))
    process = start("train", recipe)
    for _ in range(300):
        time.sleep(0.1)
        if (folder / "run.json").exists() and "clock" in json.loads((folder / "run.json").read_text(encoding="utf-8")):
            break
    steps = told(folder)["steps"]
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    run_tool("train", recipe, f"Global.checkpoints={folder}")
    assert told(folder)["steps"] == steps
    assert told(folder)["taken_minutes"] < 2  # the seconds of both processes, on a machine that does other work
    other = tmp_path / "other"
    run_tool("train", recipe, "Global.max_minutes=null", f"Global.max_steps={steps}", f"Global.save_model_dir={other}")
    assert same(weights(folder / "latest.ckpt"), weights(other / "latest.ckpt"))
