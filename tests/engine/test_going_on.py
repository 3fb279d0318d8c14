"""`tools/train.py --resume RUN` and `--load FILE`: real processes, runs killed, moved, finished, of earlier versions, no runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from ppocr_like.cli import train as command
from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.engine import train
from ppocr_like.engine.checkpoint import load_checkpoint, save_checkpoint
from ppocr_like.engine.going_on import recipe_of_run
from ppocr_like.errors import CheckpointError, ConfigError

from .helpers import ROOT, kill_after, records, run, same_run, start, tiny_recipe, write_recipe

LATEST = "latest.ckpt"


def tool(*arguments: str | Path, cwd: Path, expect: int = 0) -> str:
    """tools/train.py to its end; what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    call = [sys.executable, str(ROOT / "tools" / "train.py"), *map(str, arguments)]
    done = subprocess.run(call, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == expect, done.stderr
    return done.stdout + done.stderr


def relative_recipe(data: Path, folder: Path, **over: Any) -> Path:
    """A recipe that names its run folder relatively, and whose classes the training texts make."""
    tree = tiny_recipe(data, Path("output/x"), Global__epoch_num=4, Global__codec="auto", **over)
    return write_recipe(folder / "recipe.yml", tree)


@pytest.mark.thorough
def test_a_killed_run_goes_on_where_its_folder_is_moved_to(data: Path, tmp_path: Path) -> None:
    for name in ("whole", "killed", "elsewhere"):
        (tmp_path / name).mkdir()
    run("train", relative_recipe(data, tmp_path / "whole"))
    process = start("train", relative_recipe(data, tmp_path / "killed"))
    for line in process.stdout or ():
        if "global_step: 8," in line:
            break
    kill_after(process, 0)
    moved = tmp_path / "elsewhere" / "archive of May"
    shutil.move(tmp_path / "killed" / "output" / "x", moved)
    output = tool("--resume", moved, cwd=tmp_path / "elsewhere")
    assert f"Global.codec is {moved / 'codec.json'}" in output and "the run was begun in" in output
    same_run(tmp_path / "whole" / "output" / "x", moved)
    assert not (tmp_path / "elsewhere" / "output").exists()

    finished = tool("--resume", "archive of May", cwd=tmp_path / "elsewhere")
    assert "its 4 epochs (24 steps) are all that Global.epoch_num: 4 asks for" in finished
    same_run(tmp_path / "whole" / "output" / "x", moved)
    longer = tool("--resume", f"archive of May/{LATEST}", "-o", "Global.epoch_num=5", cwd=tmp_path / "elsewhere")
    assert "Global.epoch_num: 4 in the checkpoint, 5 in the recipe" in longer
    assert torch.load(moved / LATEST, weights_only=True)["progress"]["step"] == 30


def test_a_killed_run_needs_nothing_but_its_folder(data: Path, reference: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "recipe.yml", tiny_recipe(data, tmp_path / "run", Global__epoch_num=4))
    process = start("train", recipe)
    for line in process.stdout or ():
        if "global_step: 9," in line:
            break
    kill_after(process, 0)
    recipe.unlink()
    tool("--resume", tmp_path / "run", cwd=tmp_path)
    same_run(reference, tmp_path / "run")


@pytest.fixture
def copy(reference: Path, tmp_path: Path) -> Path:
    """A copy of a finished run of four epochs in another place."""
    load_components()
    return Path(shutil.copytree(reference, tmp_path / "copy"))


def test_a_run_of_an_earlier_version_goes_on(copy: Path, reference: Path) -> None:
    """Without the files and entries that came later: the recipe is then the checkpoint's."""
    content = load_checkpoint(copy / LATEST)
    for later in ("order", "batches_per_epoch", "format", "version"):
        content.pop(later, None)
    save_checkpoint(copy / LATEST, content)
    (copy / "config.yml").unlink()
    (copy / "run.json").unlink()
    recipe = recipe_of_run(copy, ["Global.epoch_num=5", "Train.loader.num_workers=0"])
    assert any("config.yml is missing" in note for note in recipe.notes)
    assert train(recipe).steps == 30
    assert records(copy)[: len(records(reference))] == records(reference)
    assert yaml.safe_load((copy / "config.yml").read_text(encoding="utf-8"))["Global"]["save_model_dir"] == str(copy)


def test_what_may_change_is_what_may_change_with_checkpoints(copy: Path) -> None:
    with pytest.raises(CheckpointError, match=r"Optimizer\.lr\.learning_rate: 0\.001 in the checkpoint, 0\.5 in the recipe"):
        train(recipe_of_run(copy, ["Optimizer.lr.learning_rate=0.5"]))
    assert recipe_of_run(copy, ["Global.epoch_num=9"]).globals.epoch_num == 9
    with pytest.raises(ConfigError, match=r"Global\.epoch_nun.*epoch_num"):
        recipe_of_run(copy, ["Global.epoch_nun=9"]).globals  # noqa: B018


def test_a_run_that_early_stop_ended_stays_ended(data: Path, tmp_path: Path) -> None:
    load_components()
    quiet = {"Train__loader__num_workers": 0, "Global__epoch_num": 3}
    tree = tiny_recipe(data, tmp_path / "run", Global__early_stop={"patience": 1, "stop_at": 0.0, "min_epochs": 1}, **quiet)
    assert train(Recipe.from_tree(tree)).steps == 6  # nothing is as bad as 0
    again = train(recipe_of_run(tmp_path / "run"))
    assert again.steps == 6 and "stop_at" in again.stop_reason
    assert train(recipe_of_run(tmp_path / "run", ["Global.early_stop.min_epochs=2"])).steps == 12
    assert train(recipe_of_run(tmp_path / "run", ["Global.early_stop=null"])).steps == 18


def test_files_of_the_run_are_followed_and_others_left_alone(copy: Path) -> None:
    tree = yaml.safe_load((copy / "config.yml").read_text(encoding="utf-8"))
    old = tree["Global"]["save_model_dir"]
    (copy / "codec.json").write_text("{}", encoding="utf-8")
    tree["Global"].update(codec=f"{old}/codec.json", log_dir=old, pretrained_model=f"{old}/not_copied.safetensors")
    (copy / "config.yml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    recipe = recipe_of_run(copy)
    assert recipe.get("Global.codec") == str(copy / "codec.json")
    assert recipe.get("Global.log_dir") == recipe.get("Global.save_model_dir") == str(copy)
    assert recipe.get("Global.pretrained_model") == f"{old}/not_copied.safetensors"
    assert recipe.get("Train.dataset") == tree["Train"]["dataset"]
    assert recipe.get("Global.checkpoints") == str(copy / LATEST)


def test_another_folder_may_be_asked_for(copy: Path, tmp_path: Path) -> None:
    assert recipe_of_run(copy, [f"Global.save_model_dir={tmp_path / 'new'}"]).get("Global.save_model_dir") == str(
        tmp_path / "new"
    )


@pytest.mark.parametrize("key", ["Global.checkpoints=x", "Global.pretrained_model=x"])
def test_resume_names_the_weights_already(copy: Path, key: str) -> None:
    with pytest.raises(ConfigError, match="--resume"):
        recipe_of_run(copy, [key])


def test_no_run_at_all(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"^--resume .*: no checkpoint there .* begin a new run from weights with --load"):
        recipe_of_run(tmp_path)
    (copy / LATEST).unlink()
    with pytest.raises(CheckpointError, match=r"previous\.ckpt beside it is whole .* go on from it"):
        recipe_of_run(copy)
    assert recipe_of_run(copy / "previous.ckpt").get("Global.checkpoints") == str(copy / "previous.ckpt")
    (copy / "previous.ckpt").unlink()
    with pytest.raises(CheckpointError, match=r"ended before it saved one\. Begin it anew: tools/train\.py -c .*config\.yml"):
        recipe_of_run(copy)
    with pytest.raises(CheckpointError, match=r"holds weights only; start a new run from it"):
        train(recipe_of_run(copy / "best_accuracy.safetensors"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume", "run", "--load", "w.safetensors"], "--resume and --load exclude each other"),
        (["--resume", "run", "-c", "r.yml"], "leave out -c"),
        ([], "give a recipe with -c"),
        (["--load", "w.safetensors"], "give a recipe with -c"),
        (["-c", "r.yml", "--load", "a", "-o", "Global.pretrained_model=b"], "--load is short for"),
    ],
)
def test_contradictions(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.parametrize("name", [LATEST, "best_accuracy.safetensors", ""])
def test_load_takes_the_weights_alone(name: str, data: Path, reference: Path, tmp_path: Path) -> None:
    file = write_recipe(tmp_path / "recipe.yml", tiny_recipe(data, tmp_path / "new: a run"))
    recipe = command.asked_recipe(command.make_parser().parse_args(["-c", str(file), "--load", str(reference / name)]))
    assert recipe.globals.pretrained_model == str(reference / name) and recipe.globals.checkpoints is None
    assert recipe.was_overridden("Global.pretrained_model")
