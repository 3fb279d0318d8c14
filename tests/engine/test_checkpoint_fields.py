"""A checkpoint with an entry that is missing or of the wrong kind, and one with a flipped bit: a clear message, never a restart
from nothing; and which of the last two is whole."""

from __future__ import annotations

import copy
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.engine import train
from ppocr_like.engine.checkpoint import load_checkpoint, save_checkpoint
from ppocr_like.errors import CheckpointError
from tests.marks import first

from .helpers import assert_equal_weights, make_data, tiny_recipe


class Trained:
    """A run of one epoch, and what it saved."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_data(folder / "data")
        load_components()
        train(Recipe.from_tree(self.tree(folder / "run", Global__epoch_num=1)))
        self.path = folder / "run" / "latest.ckpt"
        self.whole = self.path.read_bytes()
        self.content = load_checkpoint(self.path)

    def tree(self, run: Path, **over: Any) -> dict[str, Any]:
        return tiny_recipe(self.folder / "data", run, Train__loader__num_workers=0, **over)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(tmp_path_factory.mktemp("fields"))


KEYS = (
    "model", "optimizer", "scaler", "rng", "progress", "best", "hooks", "recipe", "charset", "dictionary", "records",
    "rejections", "world", "threads",
)  # fmt: skip
WRONG = [{}, [], None, "text", 3, -1, 1.5, True, [1], {"a": 1}, torch.zeros(2), float("nan")]
RIGHT = {"scaler": [{}, {"a": 1}], "charset": [None, {}, {"a": 1}], "dictionary": [None, "text"], "records": [3], "threads": [3]}


def damaged(trained: Trained, path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    content = copy.deepcopy({k: v for k, v in trained.content.items() if k not in ("format", "version")})
    change(content)
    path.parent.mkdir(exist_ok=True)
    save_checkpoint(path, content)
    return path


@pytest.mark.parametrize("key", first(KEYS, 3))
def test_each_entry_missing_or_of_another_kind(trained: Trained, tmp_path: Path, key: str) -> None:
    path = tmp_path / "x.ckpt"
    damaged(trained, path, lambda content: content.pop(key))
    with pytest.raises(CheckpointError, match=rf"incomplete checkpoint, without {key}"):
        load_checkpoint(path)
    for value in WRONG:
        if any(value is right or (type(value) is type(right) and value == right) for right in RIGHT.get(key, ())):
            continue
        if key == "model" and value == {}:
            continue  # refused when the network is filled, see below
        damaged(trained, path, lambda content, value=value: content.update({key: value}))
        with pytest.raises(CheckpointError, match=rf"x\.ckpt.*{key}"):
            load_checkpoint(path)


PARTS = {
    "progress": ("epoch", "batch", "group", "step", "samples"),
    "best": ("value", "epoch", "step", "metrics"),
    "rejections": ("counts", "examples"),
    "optimizer": ("algorithm", "names", "moments"),
}


@pytest.mark.thorough
@pytest.mark.parametrize("key", PARTS)
def test_each_part_of_an_entry(trained: Trained, tmp_path: Path, key: str) -> None:
    for name in PARTS[key]:
        damaged(trained, tmp_path / "x.ckpt", lambda content, name=name: content[key].pop(name))
        with pytest.raises(CheckpointError, match=rf"{key}: lacks {name}"):
            load_checkpoint(tmp_path / "x.ckpt")
        for value in ([3], "text", -1, True, torch.zeros(2)):
            if (key, name, str(value)) in (("best", "value", "-1"), ("optimizer", "algorithm", "text")):
                continue  # a metric may be negative; the name is compared with the recipe's
            damaged(trained, tmp_path / "x.ckpt", lambda content, name=name, value=value: content[key].update({name: value}))
            with pytest.raises(CheckpointError, match=rf"{key}\.{name}"):
                load_checkpoint(tmp_path / "x.ckpt")


def evaluation(content: dict[str, Any], value: Any) -> None:
    content["hooks"]["evaluation"] = value


DEEPER: dict[str, Callable[[dict[str, Any]], None]] = {
    "model": lambda c: c.update(model={}),
    "model of another shape": lambda c: c["model"].update({next(iter(c["model"])): torch.zeros(1)}),
    "hooks.log": lambda c: c["hooks"].pop("log"),
    "hooks.evaluation": lambda c: c["hooks"].pop("evaluation"),
    "hooks.evaluation empty": lambda c: evaluation(c, {}),
    "hooks.evaluation.last_step": lambda c: c["hooks"]["evaluation"].update(last_step="six"),
    "hooks.evaluation.first": lambda c: c["hooks"]["evaluation"].update(first={"eval": 3}),
    "hooks.log.windows": lambda c: c["hooks"]["log"].update(windows={"loss": "text"}),
    "hooks.log.pending": lambda c: c["hooks"]["log"].update(pending={"losses": 3}),
    "rng": lambda c: c["rng"][0].pop("numpy"),
    "rng.python": lambda c: c["rng"][0].update(python=(3, (1, 2), None)),
    "rng.numpy": lambda c: c["rng"][0].update(numpy=("MT19937", 3, 4, 5, 6)),
    "rng.torch": lambda c: c["rng"][0].update(torch=torch.zeros(3)),
    "optimizer.moments": lambda c: c["optimizer"]["moments"].update({next(iter(c["optimizer"]["moments"])): {"exp_avg": [1]}}),
    "optimizer.names": lambda c: c["optimizer"].update(names=["x"]),
    "charset": lambda c: c.update(charset={"entries": 3}),
    "no charset": lambda c: c.update(charset=None),
    "progress.batch": lambda c: c["progress"].update(epoch=1, batch=99),
    "recipe": lambda c: c["recipe"].pop("Optimizer"),
}


@pytest.mark.parametrize("name", first(DEEPER, 5))
def test_states_that_cannot_be_put_back(trained: Trained, tmp_path: Path, name: str) -> None:
    path = damaged(trained, tmp_path / "run" / "latest.ckpt", DEEPER[name])
    with pytest.raises(CheckpointError, match=r"latest\.ckpt|the checkpoint's optimizer"):
        train(Recipe.from_tree(trained.tree(tmp_path / "run", Global__epoch_num=2, Global__checkpoints=str(path))))
    assert torch.load(path, weights_only=True)["progress"]["step"] == 6, "nothing was written over it"


def test_one_of_160_flipped_bits_is_never_resumed_from(trained: Trained, tmp_path: Path) -> None:
    path, rng = tmp_path / "latest.ckpt", np.random.default_rng(0)
    for byte in rng.integers(0, len(trained.whole), 160):
        changed = bytearray(trained.whole)
        changed[byte] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        with pytest.raises(CheckpointError, match=r"latest\.ckpt: truncated or no checkpoint .*There is no previous\.ckpt"):
            load_checkpoint(path)


def test_the_last_two_are_kept_and_the_whole_one_is_named(trained: Trained, tmp_path: Path) -> None:
    """After a damage the run goes on from `previous.ckpt`, which is kept until there is a new whole one."""
    run = tmp_path / "run"
    train(Recipe.from_tree(trained.tree(run, Global__epoch_num=2, Global__save_batch_step=None)))
    latest, previous = run / "latest.ckpt", run / "previous.ckpt"
    assert load_checkpoint(previous)["progress"]["step"] == 12  # the epoch's end and the run's end: two of one step
    reference = shutil.copytree(run, tmp_path / "reference")
    whole = latest.read_bytes()
    latest.write_bytes(whole[:1000] + bytes([whole[1000] ^ 4]) + whole[1001:])
    again = trained.tree(run, Global__epoch_num=3, Global__checkpoints=str(run))
    with pytest.raises(CheckpointError, match=r"previous\.ckpt beside it is whole \(epoch 3, step 12\).*-o Global\.checkpoints="):
        train(Recipe.from_tree(again))
    kept = previous.read_bytes()
    again["Global"].update(checkpoints=str(previous), save_epoch_step=100)
    seen: list[bool] = []

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(previous.read_bytes() == kept or load_checkpoint(latest)["progress"]["step"] > 12)

    watch = Watch()
    logging.getLogger("ppocr_like").addHandler(watch)
    try:
        train(Recipe.from_tree(again))
    finally:
        logging.getLogger("ppocr_like").removeHandler(watch)
    assert seen and all(seen)
    assert load_checkpoint(latest)["progress"]["step"] == 18
    goal = trained.tree(reference, Global__epoch_num=3, Global__checkpoints=str(reference), Global__save_epoch_step=100)
    train(Recipe.from_tree(goal))
    assert_equal_weights(latest, reference / "latest.ckpt")


def test_both_damaged_and_only_the_previous_there(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "latest.ckpt").write_bytes(trained.whole[:-500])
    (tmp_path / "previous.ckpt").write_bytes(b"x" + trained.whole[1:])
    for name in ("latest.ckpt", "previous.ckpt"):
        with pytest.raises(CheckpointError, match="beside it cannot be used either"):
            load_checkpoint(tmp_path / name)
    (tmp_path / "latest.ckpt").unlink()
    (tmp_path / "previous.ckpt").write_bytes(trained.whole)
    tree = trained.tree(tmp_path / "run", Global__checkpoints=str(tmp_path))
    with pytest.raises(CheckpointError, match=r"no checkpoint there.*previous\.ckpt beside it is whole"):
        train(Recipe.from_tree(tree))


def test_a_checkpoint_without_a_digest_is_read_and_said(
    trained: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.save(trained.content, tmp_path / "latest.ckpt")
    with caplog.at_level(logging.INFO, "ppocr_like"):
        assert load_checkpoint(tmp_path / "latest.ckpt")["progress"]["step"] == 6
    assert "has no digest" in caplog.text
