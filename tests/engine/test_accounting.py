"""Which epoch, step and evaluation a run's words and files speak of; which weights are best; what is told of forgetting."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from ppocr_like.components import load_components
from ppocr_like.config import Forgetting, Recipe
from ppocr_like.contracts import Rejections
from ppocr_like.engine import TrainResult, train
from ppocr_like.engine.evaluator import Evaluation
from ppocr_like.engine.forgetting import ForgettingGuard
from ppocr_like.engine.run_length import evaluations
from ppocr_like.engine.state import Best, Progress, RunState

from .helpers import TRAIN, records, tiny_recipe

STEPS = -(-TRAIN // 4)  # of an epoch


def trained(data: Path, folder: Path, **over: Any) -> TrainResult:
    load_components()
    return train(Recipe.from_tree(tiny_recipe(data, folder, **{"Train__loader__num_workers": 0, **over})))


def metadata(path: Path) -> dict[str, Any]:
    with safe_open(path, "pt") as file:
        return {name: json.loads(value) for name, value in file.metadata().items() if name in ("epoch", "global_step")}


def test_the_evaluation_at_the_end_belongs_to_the_last_epoch(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`eval_batch_step` longer than the run: only the end is evaluated."""
    caplog.set_level(logging.INFO, "ppocr_like")
    over = {"Global__eval_batch_step": [0, 2000], "Global__eval_at_start": False, "Global__print_batch_step": 50}
    result = trained(data, tmp_path / "run", **over)
    assert (result.best.epoch, result.best.step) == (2, 2 * STEPS)
    assert (result.first_step, result.last_step) == (2 * STEPS, 2 * STEPS)
    assert metadata(tmp_path / "run" / "best_accuracy.safetensors") == {"epoch": 2, "global_step": 2 * STEPS}
    written = [entry for entry in records(tmp_path / "run") if entry["kind"] == "eval"]
    assert [(entry["epoch"], entry["global_step"]) for entry in written] == [(2, 2 * STEPS)]
    summary = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["result"]
    assert (summary["epochs"], summary["best"]["epoch"]) == (2, 2)
    told = [record.getMessage() for record in caplog.records]
    assert any(f"(epoch 2, step {2 * STEPS})" in line for line in told)
    assert not any("->" in line for line in told), "one evaluation was compared with itself"
    assert any(line.startswith("eval, end: acc") for line in told)
    assert any("is [0, 2000], but the whole run has 12 steps" in line for line in told)
    best = next(line for line in told if line.startswith("best on eval"))
    assert "{" not in best and "norm_edit_dis: " in best
    for epoch in (1, 2):
        assert (
            sum(line.startswith(f"epoch {epoch} of 2 is done: {STEPS} steps, {TRAIN} samples, mean loss") for line in told) == 1
        )


def test_a_run_that_goes_on_names_the_step_it_compares_with(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ppocr_like")
    trained(data, tmp_path / "run", Global__eval_at_start=False)
    assert f"eval, step {STEPS} -> end: acc" in caplog.text
    caplog.clear()
    trained(data, tmp_path / "run", Global__checkpoints=str(tmp_path / "run"))
    assert "its 2 epochs (12 steps) are all that Global.epoch_num: 2 asks for" in caplog.text and "epoch 3" not in caplog.text


@pytest.mark.parametrize(
    ("progress", "epoch"), [(Progress(1, 0), 1), (Progress(1, 3), 1), (Progress(3, 0), 2), (Progress(3, 1), 3)]
)
def test_the_epoch_of_the_latest_step(progress: Progress, epoch: int) -> None:
    assert progress.trained_epoch == epoch


def evaluation(name: str = "eval", **metrics: float) -> Evaluation:
    return Evaluation(name, metrics, 9, Rejections(), "acc", tie_breakers=("norm_edit_dis", "-cer"))


def accepted(before: Evaluation, after: Evaluation) -> bool:
    return Best(before.value, ties=before.ties).accepts(after.value, after.ties)


def test_ties_are_broken_by_the_other_indicators() -> None:
    worse = evaluation(acc=0.0, norm_edit_dis=0.1, cer=0.96)
    better, later = evaluation(acc=0.0, norm_edit_dis=0.1, cer=0.9), evaluation(acc=0.0, norm_edit_dis=0.2, cer=0.99)
    assert accepted(worse, better) and not accepted(better, worse)
    assert accepted(better, later) and not accepted(later, better)
    assert accepted(worse, worse), "of two equal ones the one that trained longer"
    assert not accepted(evaluation(acc=0.5, norm_edit_dis=0.1, cer=1.0), later)
    assert Best(0.0).accepts(0.0, worse.ties), "a checkpoint of an earlier version has no ties"


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, 3),
        ({"eval_at_end": False}, 3),
        ({"eval_batch_step": [0, 2000]}, 1),
        ({"eval_batch_step": [0, 2000], "eval_at_end": False}, 0),
        ({"eval_batch_step": 4}, 8),
        ({"eval_batch_step": [10, 5]}, 4),
        ({"eval_batch_epoch": 2}, 2),
    ],
)
def test_evaluations_of_three_epochs_of_ten_steps(settings: dict[str, Any], wanted: int) -> None:
    from ppocr_like.config import GlobalConfig

    assert evaluations(GlobalConfig(3, **settings), 30, 10) == wanted


def test_settings_that_the_run_is_too_short_for_are_said(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    over = {
        "Optimizer__lr": {"name": "ReduceLROnPlateau", "learning_rate": 1e-3, "patience": 5},
        "Global__early_stop": {"patience": 9, "min_epochs": 7},
        "Global__save_epoch_step": 10,
    }
    trained(data, tmp_path / "run", **over)
    for text in ("early_stop.patience is 9", "early_stop.min_epochs is 7", "save_epoch_step is 10", "lr.patience is 5"):
        assert text in caplog.text


class Told:
    """As much of a run as the guard looks at."""

    def __init__(self) -> None:
        self.progress, self.state = Progress(), RunState()


def test_what_is_forgotten_is_told(caplog: pytest.LogCaptureFixture) -> None:
    run: Any = Told()
    guard = ForgettingGuard(Forgetting(max_loss=0.02, stop=True), ["eval", "general"])
    start = [evaluation(acc=0.1, norm_edit_dis=0.9, cer=0.2), evaluation("general", acc=0.0, norm_edit_dis=0.8, cer=0.20)]
    guard.after_evaluation(run, start)
    run.progress = Progress(1, 5, 5, 5)
    guard.after_evaluation(run, [start[0], evaluation("general", acc=0.0, norm_edit_dis=0.8, cer=0.22)])
    assert not caplog.records and not run.state.stop_reason
    guard.load(json.loads(json.dumps(guard.state())))
    guard.after_evaluation(run, [evaluation(acc=0.0, norm_edit_dis=0.1, cer=1.0), start[1]])
    assert not caplog.records, "the deciding set is not watched"
    guard.after_evaluation(run, [start[0], evaluation("general", acc=0.0, norm_edit_dis=0.8, cer=0.93)])
    assert "general, cer 0.2000 -> 0.9300" in caplog.text and "forgotten" in run.state.stop_reason


def test_second_weights_that_remember(data: Path, tmp_path: Path) -> None:
    sets = {"eval": {}, "other": {"label_file_list": [str(data / "other.txt")]}}
    over = {"Eval__datasets": sets, "Global__forgetting": {"max_loss": 10.0, "keep": True}}
    trained(data, tmp_path / "run", **over)
    assert metadata(tmp_path / "run" / "best_remembering.safetensors")["epoch"] in (1, 2)
