"""`batch_size_per_card: auto`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe, load_recipe
from ppocr_like.engine import auto_batch
from ppocr_like.engine.api import train
from ppocr_like.engine.auto_batch import settle_batch_size
from ppocr_like.engine.ranks import Ranks
from ppocr_like.errors import ConfigError, TrainingError

from .helpers import tiny_recipe

AUTO = {"Train__loader__batch_size_per_card": "auto", "Train__loader__num_workers": 0}


def recipe(data: Path, run: Path, **over: Any) -> Recipe:
    load_components()
    return Recipe.from_tree(tiny_recipe(data, run, **{**AUTO, "Global__epoch_num": 1, **over}))


def settled(data: Path, tmp_path: Path, **over: Any) -> int:
    return settle_batch_size(recipe(data, tmp_path, **over), Ranks(), tmp_path / "cache").get("Train.loader.batch_size_per_card")


def test_the_size_follows_the_memory(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of N samples measured as N MB, of 10 MB that it may use: 8 fit, unless `auto_most` or the data end before."""
    monkeypatch.setattr(auto_batch._Trial, "_used", lambda trial, size: size << 20)
    monkeypatch.setattr(auto_batch, "available_bytes", lambda: 20 << 20)
    assert settled(data, tmp_path) == 8
    assert settled(data, tmp_path, Train__loader__auto_memory=0.25) == 4
    assert settled(data, tmp_path, Train__loader__auto_most=2) == 2
    assert settled(data, tmp_path, Train__loader__auto_memory=1.0) == 16
    with pytest.raises(TrainingError, match=r"auto: a step of one sample needs more than 0 MB"):
        settled(data, tmp_path, Train__loader__auto_memory=0.01)


def test_real_steps_are_measured(data: Path, tmp_path: Path) -> None:
    """Larger batches use more; the trial batch has the size that was asked for."""
    trial = auto_batch._Trial(recipe(data, tmp_path), Ranks(), tmp_path / "cache")
    batch = trial._batch(16)
    assert batch["image"].shape == (16, 3, 32, 96) and len(batch["info"]) == 16
    trial._used(1)  # what the first step of a process takes for good
    few, many = trial._used(2), trial._used(16)
    assert few is not None and many is not None and many > 2 * max(few, 1 << 20)


def test_a_run_keeps_its_size_on_resume_and_scales_its_rate(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(auto_batch._Trial, "_used", lambda trial, size: size << 20)
    monkeypatch.setattr(auto_batch, "available_bytes", lambda: 10 << 20)
    caplog.set_level("INFO")
    scaled = {"Optimizer__lr__auto_scale": {"base_batch": 8}}
    train(recipe(data, tmp_path / "run", **scaled))
    assert load_recipe(tmp_path / "run" / "config.yml").get("Train.loader.batch_size_per_card") == 4
    assert "batch_size_per_card: auto is 4 (4 MB of the 5 MB" in caplog.text
    assert "4 samples a step for 8: learning_rate 0.001 -> 0.0005" in caplog.text
    assert "1 samples a step for 8" not in caplog.text
    monkeypatch.setattr(auto_batch, "available_bytes", lambda: 1 << 40)
    train(recipe(data, tmp_path / "run", **scaled, Global__epoch_num=2, Global__checkpoints=str(tmp_path / "run")))
    assert load_recipe(tmp_path / "run" / "config.yml").get("Train.loader.batch_size_per_card") == 4
    assert "auto is 4 (as in the checkpoint)" in caplog.text


def test_where_auto_cannot_stand(data: Path, tmp_path: Path) -> None:
    sampler = {"name": "MultiScaleSampler", "scales": [[96, 32]], "first_bs": 5}
    with pytest.raises(ConfigError, match=r"Train\.loader\.batch_size_per_card: auto: Train\.sampler decides"):
        Builder(recipe(data, tmp_path, Train__sampler=sampler)).check()
    with pytest.raises(ConfigError, match=r"Eval\.loader\.batch_size_per_card: is 'auto', but an integer is needed"):
        Builder(recipe(data, tmp_path, Eval__loader__batch_size_per_card="auto")).check()


def test_a_samplers_batch_is_counted(data: Path, tmp_path: Path) -> None:
    over: dict[str, Any] = {"Train__loader__batch_size_per_card": 4}
    assert Builder(recipe(data, tmp_path, **over)).batch_per_rank() == 4
    over["Train__sampler"] = {"name": "MultiScaleSampler", "scales": [[96, 32]], "first_bs": 5}
    assert Builder(recipe(data, tmp_path, **over)).batch_per_rank() == 5
    over["Train__sampler"] = {"name": "MultiScaleSampler", "scales": [[96, 32]]}
    assert Builder(recipe(data, tmp_path, **over)).batch_per_rank() == 128
