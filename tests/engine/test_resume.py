"""A run that was stopped, however, continues as if it had not been."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.engine import train
from ppocr_like.engine.checkpoint import compare_recipes
from ppocr_like.errors import CheckpointError
from tests.marks import first

from .conftest import Case
from .helpers import kill_after, records, run, same_run, start, tiny_recipe, write_recipe

LATEST = "latest.ckpt"


def until_training(process) -> None:
    """Reads the output up to the first evaluation, after which steps follow."""
    for line in process.stdout:
        if "before training" in line or "resumed from" in line:
            return


def killed_and_resumed(recipe: Path, folder: Path, kills: int, most: float, seed: int) -> int:
    """Kills the run at random moments, resuming each time, until `kills` have struck; then lets it finish."""
    rng = random.Random(seed)
    struck = 0
    for _ in range(kills):
        options = [f"Global.checkpoints={folder}"] if (folder / LATEST).exists() else []
        process = start("train", recipe, *options)
        if rng.random() < 0.8:  # else anywhere, also while it starts
            until_training(process)
        kill_after(process, rng.uniform(0, most))
        struck += process.returncode == -signal.SIGKILL
    options = [f"Global.checkpoints={folder}"] if (folder / LATEST).exists() else []
    run("train", recipe, *options)
    return struck


@pytest.mark.parametrize("case", first(["rec", "det"]), indirect=True)
def test_killed_three_times(case: Case, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "recipe.yml", case.tree(tmp_path / "run", Global__epoch_num=4))
    assert killed_and_resumed(recipe, tmp_path / "run", 3, 0.5, seed=1) > 0
    same_run(case.reference, tmp_path / "run")


@pytest.mark.slow
def test_killed_twenty_times(case: Case, tmp_path: Path) -> None:
    """The step interval of saving is 3, so most kills lose steps that are done again."""
    trees = [case.tree(tmp_path / name, Global__epoch_num=40, Global__save_batch_step=3) for name in ("whole", "killed")]
    whole, killed = (write_recipe(tmp_path / f"{i}.yml", tree) for i, tree in enumerate(trees))
    run("train", whole)
    assert killed_and_resumed(killed, tmp_path / "killed", 20, 1.0, seed=2) == 20
    same_run(tmp_path / "whole", tmp_path / "killed")


@pytest.mark.parametrize("signum", first([signal.SIGTERM, signal.SIGINT]))
def test_signal_saves_within_the_epoch(case: Case, tmp_path: Path, signum: int) -> None:
    folder = tmp_path / "run"
    tree = case.tree(folder, Global__epoch_num=4, Global__save_batch_step=None)
    recipe = write_recipe(tmp_path / "recipe.yml", tree)
    process = start("train", recipe, start_new_session=True)
    for line in process.stdout:
        if "global_step: 8," in line:
            break
    output = kill_after(process, 0, signum)
    assert process.returncode == 128 + signum, output
    assert f"Global.checkpoints={folder}" in output
    progress = torch.load(folder / LATEST, weights_only=True)["progress"]
    assert progress["step"] >= 8
    run("train", recipe, f"Global.checkpoints={folder}")
    same_run(case.reference, folder)


def test_signal_to_the_whole_group(data: Path, tmp_path: Path) -> None:
    """`timeout`, service managers and terminals signal the worker processes too."""
    recipe = write_recipe(tmp_path / "recipe.yml", tiny_recipe(data, tmp_path / "run", Global__epoch_num=50))
    process = start("train", recipe, start_new_session=True)
    until_training(process)
    for line in process.stdout:
        if "global_step: 3," in line:
            break
    os.killpg(process.pid, signal.SIGTERM)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 143, output
    assert "Traceback" not in output
    assert (tmp_path / "run" / LATEST).exists()


def alive(pid: str) -> bool:
    """Whether a process runs (a dead one may wait for its parent to notice)."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_workers_die_with_a_killed_run(data: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "recipe.yml", tiny_recipe(data, tmp_path / "run", Global__epoch_num=500))
    process = start("train", recipe)
    for line in process.stdout:
        if "global_step: 3," in line:
            break
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    assert workers
    kill_after(process, 0)  # ends only when nobody holds the output's other end any more
    for _ in range(30):
        if not any(alive(pid) for pid in workers):
            return
        time.sleep(0.1)
    pytest.fail(f"workers {workers} outlive their run")


@pytest.mark.thorough
def test_resume_of_a_finished_run_goes_on_to_a_higher_epoch_num(data: Path, reference: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(reference, folder)
    recipe = write_recipe(tmp_path / "recipe.yml", tiny_recipe(data, folder, Global__epoch_num=5))
    output = run("train", recipe, f"Global.checkpoints={folder / 'latest'}")
    assert "Global.epoch_num: 4 in the checkpoint, 5 in the recipe" in output
    assert records(folder)[: len(records(reference))] == records(reference)
    assert torch.load(folder / LATEST, weights_only=True)["progress"]["step"] == 30


REFUSED = {
    "architecture": ({"Architecture__Neck__dims": 8}, "Architecture.Neck.dims: 16 in the checkpoint, 8 in the recipe"),
    "optimizer": ({"Optimizer__lr__learning_rate": 0.5}, "Optimizer.lr.learning_rate"),
    "accumulation": ({"Global__accumulate_steps": 2}, "Global.accumulate_steps"),
}


def resume(data: Path, tmp_path: Path, source: Path, **over: Any) -> None:
    """`train` in this process."""
    tree = tiny_recipe(data, tmp_path / "run", Global__epoch_num=4, Global__checkpoints=str(source), **over)
    load_components()
    train(Recipe.from_tree(tree))


@pytest.mark.parametrize("name", REFUSED)
def test_another_recipe_is_refused(data: Path, reference: Path, tmp_path: Path, name: str) -> None:
    over, message = REFUSED[name]
    with pytest.raises(CheckpointError) as error:
        resume(data, tmp_path, reference, **over)
    assert message in str(error.value)
    assert "Global.pretrained_model=" in str(error.value)
    assert not (tmp_path / "run").exists()


def test_another_order_of_data_is_refused_within_an_epoch_only(data: Path, reference: Path) -> None:
    tree = torch.load(reference / LATEST, weights_only=True)["recipe"]
    other = {
        **tree,
        "Train": {**tree["Train"], "loader": {**tree["Train"]["loader"], "batch_size_per_card": 5, "num_workers": 0}},
    }
    with pytest.raises(CheckpointError, match="batch_size_per_card: 4 in the checkpoint, 5 in the recipe"):
        compare_recipes(tree, other, True, "x")
    assert compare_recipes(tree, other, False, "x") == [
        "resuming with a change, so not exactly as before: Train.loader.batch_size_per_card: 4 in the checkpoint, 5 in the recipe"
    ]


def test_another_dictionary_is_refused(data: Path, reference: Path, tmp_path: Path) -> None:
    (tmp_path / "dict.txt").write_text("0\n1\n2\n", encoding="utf-8")
    with pytest.raises(CheckpointError, match="another dictionary"):
        resume(data, tmp_path, reference, Global__character_dict_path=str(tmp_path / "dict.txt"))


def test_damaged_and_wrong_checkpoints(data: Path, reference: Path, tmp_path: Path) -> None:
    whole = (reference / LATEST).read_bytes()
    (tmp_path / "half.ckpt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"half.ckpt: truncated or no checkpoint"):
        resume(data, tmp_path, tmp_path / "half.ckpt")
    with pytest.raises(CheckpointError, match=r"best_accuracy.safetensors.*Global.pretrained_model"):
        resume(data, tmp_path, reference / "best_accuracy.safetensors")
    torch.save({"model": {}}, tmp_path / "weights.ckpt")
    with pytest.raises(CheckpointError, match="weights but no training state"):
        resume(data, tmp_path, tmp_path / "weights")  # PaddleOCR's style: a prefix
    with pytest.raises(CheckpointError, match="no checkpoint there"):
        resume(data, tmp_path, tmp_path / "nowhere")
    assert not (tmp_path / "run").exists()
