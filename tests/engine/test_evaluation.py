"""Evaluation: sets, rejected samples, reports, when it is due, what is best, early stop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from rapidfuzz.distance import Levenshtein
from safetensors import safe_open

from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.engine import evaluate, report, train
from ppocr_like.engine.evaluator import Evaluation
from ppocr_like.engine.run import Hook, Run
from ppocr_like.engine.trainer import fit
from ppocr_like.errors import OcrError, TrainingError

from .helpers import EVAL, records, run, tiny_recipe, write_recipe
from .test_trainer import made

FAST = {"Train__loader__num_workers": 0, "Global__save_batch_step": None}


def trained(data: Path, folder: Path, **over: Any) -> list[dict[str, Any]]:
    """Trains in this process and returns the evaluation records."""
    load_components()
    train(Recipe.from_tree(tiny_recipe(data, folder, **{**FAST, **over})))
    return [record for record in records(folder) if record["kind"] == "eval"]


def steps(evaluations: list[dict[str, Any]]) -> list[int]:
    return [record["global_step"] for record in evaluations]


WHEN = {
    "every epoch, when nothing is said": ({}, [0, 6, 12]),
    "a number of steps": ({"eval_batch_step": 5}, [0, 5, 10, 12]),
    "start and steps: first at start + steps": ({"eval_batch_step": [3, 4]}, [0, 7, 11, 12]),
    "epochs": ({"eval_batch_epoch": 2}, [0, 12]),
    "neither before nor after": ({"eval_batch_step": 7, "eval_at_start": False, "eval_at_end": False}, [7]),
}


@pytest.mark.parametrize("name", WHEN)
def test_when_evaluations_are_due(data: Path, tmp_path: Path, name: str) -> None:
    settings, expected = WHEN[name]
    assert steps(trained(data, tmp_path / "run", **{f"Global__{key}": value for key, value in settings.items()})) == expected


def test_an_interval_beyond_the_run_is_said(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert steps(trained(data, tmp_path / "run", Global__eval_batch_step=2000)) == [0, 12]
    assert "eval_batch_step is 2000, but the whole run has 12 steps" in caplog.text


def test_all_sets_are_measured_and_the_first_decides(data: Path, tmp_path: Path) -> None:
    sets = {"target": {}, "general": {"label_file_list": [str(data / "other.txt")]}}
    evaluations = trained(data, tmp_path / "run", Eval__datasets=sets)
    assert [record["set"] for record in evaluations] == ["target", "general"] * 3
    with safe_open(tmp_path / "run" / "best_accuracy.safetensors", "pt") as file:
        metadata = file.metadata()
    assert set(json.loads(metadata["metrics"])) == {"target", "general"}
    assert json.loads(metadata["charset"])["entries"] == list("0123456789")
    assert json.loads(metadata["recipe"])["Global"]["seed"] == 7
    target = [record for record in evaluations if record["set"] == "target" and record["global_step"] > 0]
    best = torch.load(tmp_path / "run" / "latest.ckpt", weights_only=True)["best"]
    assert best["value"] == max(record["acc"] for record in target)
    wanted = max(target, key=lambda record: (record["acc"], record["norm_edit_dis"], -record["cer"], record["global_step"]))
    assert best["step"] == wanted["global_step"]


def test_a_start_that_counts_must_be_measured(data: Path, tmp_path: Path) -> None:
    with pytest.raises(OcrError, match=r"keep_start.*eval_at_start"):
        trained(data, tmp_path / "run", Global__keep_start=True, Global__eval_at_start=False)
    assert not (tmp_path / "run").exists()


def test_rejected_samples_count_as_wrong_and_are_listed(data: Path, reference: Path, tmp_path: Path) -> None:
    good = (data / "eval.txt").read_text(encoding="utf-8")
    (tmp_path / "eval.txt").write_text(good + "img/none.png\t123\nimg/eval_0.png\txyz\n", encoding="utf-8")
    over = {"Eval__dataset__label_file_list": [str(tmp_path / "eval.txt")], "Global__pretrained_model": str(reference)}
    recipe = write_recipe(tmp_path / "recipe.yml", tiny_recipe(data, tmp_path / "run", **over))
    output = tmp_path / "lines.json"
    printed = run("eval", recipe, "Global.num_threads=1", "--report", str(output))
    assert f"({EVAL} samples, 2 rejected, counted as wrong)" in printed
    content = json.loads(output.read_text(encoding="utf-8"))["eval"]
    assert len(content["lines"]) == EVAL
    assert set(content["lines"][0]) == {"path", "file", "line", "reference", "prediction", "confidence"}
    rejected = [(entry["line"], entry["reference"]) for entries in content["rejected"].values() for entry in entries]
    assert sorted(rejected) == [(EVAL + 1, "123"), (EVAL + 2, "xyz")]
    correct = sum(line["reference"] == line["prediction"] for line in content["lines"])
    assert content["metrics"]["acc"] == pytest.approx(correct / (EVAL + 2))
    edits = sum(Levenshtein.distance(line["reference"], line["prediction"]) for line in content["lines"])
    length = sum(len(line["reference"]) for line in content["lines"])
    assert content["metrics"]["cer"] == pytest.approx((edits + 6) / (length + 6)) and content["metrics"]["n"] == EVAL + 2
    assert not (tmp_path / "run").exists()


def test_evaluating_a_checkpoint_repeats_the_runs_last_evaluation(data: Path, reference: Path, tmp_path: Path) -> None:
    load_components()
    (evaluation,) = evaluate(Recipe.from_tree(tiny_recipe(data, tmp_path / "run", Global__checkpoints=str(reference))), keep=None)
    last = [record for record in records(reference) if record["kind"] == "eval"][-1]
    assert {name: evaluation.metrics[name] for name in ("acc", "cer", "norm_edit_dis")} == {
        name: last[name] for name in ("acc", "cer", "norm_edit_dis")
    }
    assert report(evaluation)["samples"] == EVAL


def test_evaluation_without_weights_or_sets(data: Path, reference: Path, tmp_path: Path) -> None:
    load_components()
    with pytest.raises(TrainingError, match=r"no weights to evaluate: set Global.pretrained_model"):
        evaluate(Recipe.from_tree(tiny_recipe(data, tmp_path / "run")))
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    over = {"Eval__dataset__label_file_list": [str(tmp_path / "empty.txt")]}
    with pytest.raises(OcrError, match=r"empty.txt"):
        train(Recipe.from_tree(tiny_recipe(data, tmp_path / "run", **over)))
    assert not (tmp_path / "run" / "latest.ckpt").exists()


def test_evaluation_leaves_generators_and_mode_alone(data: Path, tmp_path: Path) -> None:
    with made(data, tmp_path / "run") as run:
        state = torch.get_rng_state()
        buffers = [buffer.clone() for buffer in run.objective.model.buffers()]
        hook = next(hook for hook in run.hooks if hook.name == "evaluation")
        hook._evaluate(run, "now")
        assert run.objective.model.training and run.objective.model.backbone.training
        assert torch.equal(state, torch.get_rng_state())
        assert all(torch.equal(a, b) for a, b in zip(buffers, run.objective.model.buffers(), strict=True))


class Scores(Hook):
    """Puts chosen values in the place of an evaluation's."""

    def __init__(self, values: Sequence[float]) -> None:
        self.values = list(values)

    def after_evaluation(self, run: Run, evaluations: Sequence[Evaluation]) -> None:
        if run.progress.step:
            evaluations[0].metrics["acc"] = self.values.pop(0)


def test_early_stop_counts_evaluations(data: Path, tmp_path: Path) -> None:
    over = {"Global__early_stop": {"patience": 2, "min_delta": 0.05}, "Global__epoch_num": 20}
    with made(data, tmp_path / "run", **over) as run:
        # 0.53 is better than 0.5, but by less than min_delta; after 0.6 two evaluations pass without a better one
        place = next(i for i, hook in enumerate(run.hooks) if hook.name == "evaluation")
        run.hooks.insert(place, Scores([0.5, 0.53, 0.6, 0.6, 0.64, 0.9]))
        fit(run)
        assert run.progress.step == 5 * 6
        assert "early stop: 2 evaluations" in run.state.stop_reason


def test_early_stop_waits_for_min_epochs(data: Path, tmp_path: Path) -> None:
    over = {"Global__early_stop": {"patience": 1, "min_epochs": 4}, "Global__epoch_num": 20}
    with made(data, tmp_path / "run", **over) as run:
        place = next(i for i, hook in enumerate(run.hooks) if hook.name == "evaluation")
        run.hooks.insert(place, Scores([0.5] * 9))
        fit(run)
        assert run.progress.step == 4 * 6
