"""Averaged weights and a schedule that follows the metric, in real runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.engine import evaluate, train
from ppocr_like.errors import TrainingError
from ppocr_like.losses.ctc_loss import CTCLoss
from ppocr_like.weights import load_weights
from tests.marks import first

from .helpers import records, tiny_recipe, weights
from .test_resume import same_run

LATEST, BEST = "latest.ckpt", "best_accuracy.safetensors"
# Nothing is read correctly after 12 steps, so every evaluation is on the plateau.
PLATEAU = {"name": "ReduceLROnPlateau", "learning_rate": 1e-3, "factor": 0.5, "patience": 0, "warmup_epoch": 0.5}
OPTIONS = {
    "Global__use_ema": True,
    "Global__ema_decay": 0.9,
    "Global__eval_batch_step": 2,
    "Optimizer__lr": PLATEAU,
    "Train__loader__num_workers": 0,
}


def recipe_of(data: Path, folder: Path, **over: Any) -> Recipe:
    load_components()
    return Recipe.from_tree(tiny_recipe(data, folder, **{**OPTIONS, **over}))


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two epochs, twelve steps, that nothing interrupted."""
    folder = tmp_path_factory.mktemp("averaged") / "run"
    train(recipe_of(data, folder))
    return folder


def hooks(folder: Path) -> dict[str, Any]:
    return torch.load(folder / LATEST, weights_only=True)["hooks"]


def test_the_averages_are_kept_and_the_trained_weights_beside_them(data: Path, whole: Path) -> None:
    trained, averages = weights(whole / LATEST), hooks(whole)["ema"]["averages"]
    assert hooks(whole)["ema"]["steps"] == 12
    assert any(not torch.equal(trained[name], value) for name, value in averages.items())
    assert "backbone.conv1._batch_norm.running_mean" in averages
    kept = weights(whole / "iter_epoch_2.safetensors")
    assert kept.keys() == trained.keys() == weights(whole / BEST).keys()
    assert all(torch.equal(kept[n], averages.get(n, trained[n])) for n in kept)
    read = load_weights(whole / LATEST).state
    assert all(torch.equal(value, averages.get(name, trained[name])) for name, value in read.items())


def test_what_is_measured_are_the_averages(data: Path, whole: Path) -> None:
    measured = [record for record in records(whole) if record["kind"] == "eval"]
    best = max(measured, key=lambda record: (record["acc"], record["norm_edit_dis"], -record["cer"]))
    for source in ("Global__checkpoints", "Global__pretrained_model"):
        (again,) = evaluate(recipe_of(data, whole, **{source: str(whole / BEST)}))
        assert [again.metrics[name] for name in ("norm_edit_dis", "acc")] == [best["norm_edit_dis"], best["acc"]]
    (again,) = evaluate(recipe_of(data, whole, Global__checkpoints=str(whole / LATEST)))
    assert again.metrics["norm_edit_dis"] == measured[-1]["norm_edit_dis"]


def test_the_rate_falls_on_the_plateau_after_the_warmup(whole: Path) -> None:
    rates = [record["lr"] for record in records(whole) if record["kind"] == "train"]
    accuracies = {record["acc"] for record in records(whole) if record["kind"] == "eval"}
    assert accuracies == {0.0}
    third = 1e-3 / 3
    # Warm-up of three steps; evaluations after steps 2 (not counted), 4 (the first), 6, 8, 10 (each lowers the rate).
    assert rates == pytest.approx([0, third, 2 * third, 1e-3, 1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4, 2.5e-4, 1.25e-4, 1.25e-4])


@pytest.mark.parametrize("stop", first([5, 9]))
def test_a_run_that_was_cut_off_goes_on_to_the_last_bit(
    data: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    calls = []

    def fail_in_step(self: CTCLoss, outputs: dict, batch: dict) -> dict:
        calls.extend([] if torch.is_inference_mode_enabled() else [1])  # not those of evaluations
        if len(calls) == stop and not torch.is_inference_mode_enabled():
            raise TrainingError("cut off")
        return forward(self, outputs, batch)

    forward = CTCLoss.forward
    with monkeypatch.context() as patch:
        patch.setattr(CTCLoss, "forward", fail_in_step)
        with pytest.raises(TrainingError, match="cut off"):
            train(recipe_of(data, tmp_path / "run"))
    assert hooks(tmp_path / "run")["ema"]["steps"] == stop - 1
    train(recipe_of(data, tmp_path / "run", Global__checkpoints=str(tmp_path / "run")))
    same_run(whole, tmp_path / "run")
    one, two = hooks(whole), hooks(tmp_path / "run")
    assert one["schedule"] == two["schedule"]
    assert all(torch.equal(value, two["ema"]["averages"][name]) for name, value in one["ema"]["averages"].items())


def test_averaging_may_begin_with_a_resume(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(recipe_of(data, tmp_path / "run", Global__epoch_num=1, Global__use_ema=False))
    before = weights(tmp_path / "run" / LATEST)
    assert "ema" not in hooks(tmp_path / "run")
    train(recipe_of(data, tmp_path / "run", Global__checkpoints=str(tmp_path / "run")))
    assert "Global.use_ema: False in the checkpoint, True in the recipe" in caplog.text
    assert hooks(tmp_path / "run")["ema"]["steps"] == 6
    assert any(not torch.equal(before[name], value) for name, value in weights(tmp_path / "run" / BEST).items())
