"""The rules of a run that kraken's users know: evaluations within an epoch, a perfect score, the best weights, no last epoch."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.engine import api, train
from ppocr_like.engine.trainer import fit
from ppocr_like.errors import ConfigError

from .helpers import StopAt, records, tiny_recipe, weights
from .test_evaluation import Scores
from .test_trainer import made

STEPS = 6  # of an epoch of the tiny recipe


def evaluated(folder: Path) -> list[int]:
    return [record["global_step"] for record in records(folder) if record["kind"] == "eval"]


@pytest.mark.parametrize(
    ("share", "steps"), [(0.5, [3, 6, 9, 12]), (0.25, [2, 3, 5, 6, 8, 9, 11, 12]), (0.1, list(range(1, 13)))]
)
def test_an_epoch_is_evaluated_in_parts(share: float, steps: list[int], data: Path, tmp_path: Path) -> None:
    with made(data, tmp_path / "run", Global__eval_batch_epoch=share) as run:
        fit(run)
    assert evaluated(tmp_path / "run") == steps


def test_a_perfect_score_ends_the_run(data: Path, tmp_path: Path) -> None:
    with made(data, tmp_path / "run", Global__early_stop={}, Global__epoch_num=9) as run:
        place = next(i for i, hook in enumerate(run.hooks) if hook.name == "evaluation")
        run.hooks.insert(place, Scores([0.5, 0.999, 1.0, 1.0]))
        fit(run)
        assert run.progress.step == 3 * STEPS and "stop_at" in run.state.stop_reason


def test_the_best_weights_are_kept(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with made(data, folder, Global__keep_best=2, Global__epoch_num=5) as run:
        place = next(i for i, hook in enumerate(run.hooks) if hook.name == "evaluation")
        run.hooks.insert(place, Scores([0.5, 0.4, 0.7, 0.5, 0.1]))
        fit(run)
    assert sorted(path.name for path in folder.glob("best_step_*")) == ["best_step_18.safetensors", "best_step_24.safetensors"]


def test_a_run_without_a_last_epoch_stops_early(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load_components()
    caplog.set_level(logging.INFO, "ppocr_like")
    over: dict[str, Any] = {
        "Global__epoch_num": None,
        "Global__early_stop": {"patience": 1, "min_delta": 2.0},
        "Optimizer__lr": {"name": "constant", "learning_rate": 1e-4, "warmup": 3},
    }
    result = train(Recipe.from_tree(tiny_recipe(data, tmp_path / "run", **over)))
    assert result.stop_reason.startswith("early stop: 1 evaluations") and result.steps == 2 * STEPS
    assert all(words in caplog.text for words in ("epoch: [1/-]", "eta: -", "epoch 1 is done"))


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"Global__epoch_num": None}, r"Global.epoch_num: is missing or null, so that only Global.early_stop can end the run"),
        ({"Global__epoch_num": None, "Global__early_stop": {}}, r"Optimizer.lr.name: follows the length of the run"),
        ({"Global__eval_batch_epoch": 0.3}, r"Global.eval_batch_epoch: is 0.3; a whole number of epochs is needed, or a part"),
        ({"Global__eval_batch_epoch": 1.5}, r"Global.eval_batch_epoch: is 1.5; a whole number of epochs is needed, or a part"),
        ({"Global__eval_batch_epoch": 0}, r"Global.eval_batch_epoch: is 0"),
        ({"Global__keep_best": 0}, r"Global.keep_best: is 0, but at least 1"),
    ],
)
def test_mistakes(over: dict[str, Any], message: str, data: Path, tmp_path: Path) -> None:
    load_components()
    with pytest.raises(ConfigError, match=message):
        Builder(Recipe.from_tree(tiny_recipe(data, tmp_path / "run", **over))).check()


SCHEDULES = [
    {"name": "constant", "warmup": 4},
    {"name": "1cycle"},
    {"name": "cosine", "cos_t_max": 1},
    {"name": "cosine_warm_restarts", "cos_t_max": 1},
    {"name": "step", "step_size": 2, "warmup": 4},
    {"name": "exponential", "step_size": 1},
    {"name": "reduceonplateau", "rop_patience": 1},
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule["name"])
def test_a_resumed_run_equals_one_that_was_not_stopped(schedule: dict[str, Any], data: Path, tmp_path: Path) -> None:
    over: dict[str, Any] = {
        "Optimizer__lr": {"learning_rate": 1e-3, **schedule},
        "Global__eval_batch_epoch": 0.5,
        "Global__eval_at_end": False,
        "Global__keep_best": 2,
        "Global__early_stop": {"patience": 3},
    }
    with made(data, tmp_path / "whole", **over) as run:
        fit(run)
    with made(data, tmp_path / "stopped", **over) as run:
        run.hooks.append(StopAt(7))
        fit(run)
    train(Recipe.from_tree(tiny_recipe(data, tmp_path / "stopped", **over, Global__checkpoints=str(tmp_path / "stopped"))))
    one, other = (weights(tmp_path / name / "latest.ckpt") for name in ("whole", "stopped"))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    assert records(tmp_path / "whole") == records(tmp_path / "stopped")
    kept = [sorted(path.name for path in (tmp_path / name).glob("best_step_*")) for name in ("whole", "stopped")]
    assert kept[0] == kept[1] and len(kept[0]) == 2


@pytest.mark.parametrize("wanted", [True, "warn"])
def test_deterministic_operators_are_asked_for_within_the_run(wanted: bool | str, data: Path, tmp_path: Path) -> None:
    load_components()
    seen = []
    over = {"Global__deterministic": wanted, "Global__epoch_num": 1, "Global__save_batch_step": None}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "fit", lambda run: seen.append(torch.is_deterministic_algorithms_warn_only_enabled()) or fit(run))
        train(Recipe.from_tree(tiny_recipe(data, tmp_path / "run", **over)))
    assert seen == [wanted == "warn"] and not torch.are_deterministic_algorithms_enabled()


def test_loggers_write_where_they_are_told(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    over = {"Global__use_tensorboard": True, "Global__log_dir": str(tmp_path / "logs"), "Global__epoch_num": 1}
    with made(data, tmp_path / "run", **over) as run:
        for target in run.output.loggers:
            target.close()
    assert (tmp_path / "logs" / "tensorboard").is_dir() and not (tmp_path / "run" / "tensorboard").exists()
