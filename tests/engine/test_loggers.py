"""TensorBoard and Weights & Biases, written by real runs and read back."""

from __future__ import annotations

import json
import logging
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.config.wandb import wandb_config
from ppocr_like.engine.api import train
from ppocr_like.engine.log_targets import make_loggers, shows_pictures
from ppocr_like.engine.trainer import fit
from ppocr_like.errors import ConfigError, TrainingError

from .helpers import records, tiny_recipe
from .test_trainer import StopAt, made

STEPS = 12


def trained(data: Path, run: Path, **over: Any) -> None:
    load_components()
    train(Recipe.from_tree(tiny_recipe(data, run, **{"Train__loader__num_workers": 0, **over})))


def stopped_beyond_its_checkpoint(data: Path, run: Path, **over: Any) -> None:
    """A run with a checkpoint of step 6 that logged up to step 9 before it was killed."""
    over = {"Global__save_batch_step": None, "Global__eval_batch_step": [0, 1000], **over}
    with made(data, run, **over) as killed:
        killed.hooks.append(StopAt(9))
        fit_without_the_last_save(killed)


def fit_without_the_last_save(run: Any) -> None:
    checkpoints = next(hook for hook in run.hooks if type(hook).__name__ == "Checkpoints")
    checkpoints.finish = lambda run: None
    fit(run)
    for target in run.output.loggers:
        target.close()


def accumulated(folder: Path) -> Any:
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard")
    found = module.EventAccumulator(str(folder / "tensorboard"), size_guidance={module.SCALARS: 0, module.IMAGES: 0})
    return found.Reload()


def test_tensorboard_has_the_records_and_pictures(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    trained(data, tmp_path / "run", Global__use_tensorboard=True)
    found = accumulated(tmp_path / "run")
    told = [r for r in records(tmp_path / "run") if r["kind"] == "train"]
    losses = found.Scalars("train/loss")
    assert [event.step for event in losses] == [r["global_step"] for r in told]
    assert [event.value for event in losses] == pytest.approx([r["loss"] for r in told])
    assert {"train/lr", "train/samples_per_s", "eval/eval/acc"} <= set(found.Tags()["scalars"])
    assert "predictions/eval/0" in found.Tags()["images"]
    assert found.Images("predictions/eval/0")[0].width > 50


def test_a_resumed_tensorboard_curve_has_no_step_twice(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    over = {"Global__use_tensorboard": True, "Global__eval_at_start": False}
    stopped_beyond_its_checkpoint(data, tmp_path / "run", **over)
    assert [event.step for event in accumulated(tmp_path / "run").Scalars("train/loss")] == list(range(1, 10))
    trained(data, tmp_path / "run", **over, Global__checkpoints=str(tmp_path / "run"))
    assert [event.step for event in accumulated(tmp_path / "run").Scalars("train/loss")] == list(range(1, STEPS + 1))


@pytest.mark.thorough
def test_an_overwritten_tensorboard_curve_is_gone(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    trained(data, tmp_path / "run", Global__use_tensorboard=True)
    trained(data, tmp_path / "run", Global__use_tensorboard=True, Global__overwrite=True, Global__epoch_num=1)
    assert [event.step for event in accumulated(tmp_path / "run").Scalars("train/loss")] == list(range(1, 7))


def chunks(raw: bytes) -> Iterator[bytes]:
    """The records of a .wandb file: blocks of 32 kB as LevelDB's log has them, behind a header of 7 bytes."""
    place, parts = 7, b""
    while place + 7 <= len(raw):
        if 32768 - place % 32768 < 7:  # too little for another head: filled up
            place += 32768 - place % 32768
            continue
        _, size, kind = struct.unpack("<IHB", raw[place : place + 7])
        parts += raw[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""


def sent_to_wandb(folder: Path) -> list[dict[str, Any]]:
    """The history of all offline runs in a run folder."""
    messages = pytest.importorskip("wandb.proto.wandb_internal_pb2", reason="needs wandb")
    rows = []
    for path in sorted(folder.glob("wandb/offline-run-*/*.wandb")):
        for raw in chunks(path.read_bytes()):
            record = messages.Record.FromString(raw)
            if record.WhichOneof("record_type") == "history":
                items = {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
                rows.append({"file": str(path), "_step": record.history.step.num, **items})
    return rows


@pytest.mark.slow
def test_wandb_offline_has_the_records_and_goes_on(data: Path, tmp_path: Path) -> None:
    """Stopped and resumed: one id, each tag's steps once, pictures too."""
    pytest.importorskip("wandb")
    over = {"wandb__project": "tiny", "wandb__mode": "offline", "Global__eval_at_start": False}
    stopped_beyond_its_checkpoint(data, tmp_path / "run", **over)
    before = json.loads((tmp_path / "run" / "wandb.json").read_text(encoding="utf-8"))
    assert before["last"]["train/loss"] == 9
    trained(data, tmp_path / "run", **over, Global__checkpoints=str(tmp_path / "run"))
    after = json.loads((tmp_path / "run" / "wandb.json").read_text(encoding="utf-8"))
    assert after["id"] == before["id"] and after["last"]["train/loss"] == STEPS
    rows = sent_to_wandb(tmp_path / "run")
    assert len({row["file"] for row in rows}) == 2
    assert all(before["id"] in row["file"] for row in rows)
    losses = {row["_step"]: row["train/loss"] for row in rows if "train/loss" in row}
    steps = Counter(row["_step"] for row in rows if "train/loss" in row)
    assert steps == Counter(range(1, STEPS + 1))
    told = {r["global_step"]: r["loss"] for r in records(tmp_path / "run") if r["kind"] == "train"}
    assert losses == pytest.approx(told)
    shown = [row["predictions/eval/0/path"] for row in rows if "predictions/eval/0/path" in row]
    assert shown and all(list((tmp_path / "run").glob(f"wandb/*/files/{path}")) for path in shown)
    assert any("eval/eval/acc" in row for row in rows)


@pytest.mark.parametrize(("package", "over"), [("torch.utils.tensorboard", "use_tensorboard"), ("wandb", "use_wandb")])
def test_a_missing_package_is_said(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, over: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    name = package.rpartition(".")[2]
    with pytest.raises(TrainingError, match=rf"pip install {name}, or set Global\.{over}=false"):
        trained(data, tmp_path / "run", **{f"Global__{over}": True})


def test_other_ranks_have_no_loggers(data: Path, tmp_path: Path) -> None:
    recipe = Recipe.from_tree(tiny_recipe(data, tmp_path / "run"))
    assert make_loggers(recipe, tmp_path, None) == [] and not shows_pictures(recipe)


def test_when_wandb_is_asked_for(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    def config(**over: Any) -> Any:
        return wandb_config(Recipe.from_tree(tiny_recipe(data, tmp_path, **over)))

    assert config() is None
    assert config(Global__use_wandb=True).project is None
    assert config(wandb__project="ocr", wandb__save_dir="x").project == "ocr"  # PaddleOCR: the section alone
    assert config(wandb=None).tags == []
    assert config(wandb__project="ocr", Global__use_wandb=False) is None
    with pytest.raises(ConfigError, match=r"wandb\.projekt: unknown key; nearest: project"):
        config(wandb__projekt="ocr")
