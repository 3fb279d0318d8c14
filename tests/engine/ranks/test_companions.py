"""`Global.processes`: ranks that a run starts itself, stopped, killed, and gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.engine import train
from ppocr_like.engine.ranks import companions
from ppocr_like.errors import TrainingError

from ..helpers import assert_equal_weights, records, run, start, tiny_recipe, write_recipe
from ..test_torchrun import ended, launch, until

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the processes in /proc")


def tree(data: Path, folder: Path, **over: Any) -> dict[str, Any]:
    own = {"Global__epoch_num": 4, "Global__processes": 2, "Train__loader__batch_size_per_card": 2}
    return tiny_recipe(data, folder, **{**own, **over})


@pytest.fixture(scope="module")
def two(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of two processes that nothing interrupted."""
    folder = tmp_path_factory.mktemp("two")
    output = run("train", write_recipe(folder / "recipe.yml", tree(data, folder / "run")))
    assert output.count("] done: ") == 1 and "rank 1" not in output, output
    return folder / "run"


def companion_of(process: subprocess.Popen[str]) -> int:
    """Process id of the one companion."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    found = [pid for pid in children if b"ppocr_like.cli.companion" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(found) == 1
    return int(found[0])


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_both_train(data: Path, two: Path) -> None:
    assert max(record["global_step"] for record in records(two)) == 4 * 6  # of 4 samples each


@pytest.mark.slow
def test_it_is_the_run_of_torchrun(data: Path, two: Path, tmp_path: Path) -> None:
    process = launch(2, "train", write_recipe(tmp_path / "recipe.yml", tree(data, tmp_path / "run")))
    output, _ = ended(process)
    assert process.returncode == 0, output
    assert_equal_weights(two / "latest.ckpt", tmp_path / "run" / "latest.ckpt")
    assert records(two) == records(tmp_path / "run")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_a_resume_goes_on(data: Path, two: Path, tmp_path: Path, signum: int) -> None:
    process = start("train", write_recipe(tmp_path / "recipe.yml", tree(data, tmp_path / "run", Global__save_batch_step=None)))
    until(process, "global_step: 8,")
    other = companion_of(process)
    process.send_signal(signum)
    output, _ = ended(process)
    assert process.returncode == 128 + signum and output.count("is saved. To continue") == 1, output
    assert not lives(other)
    again = start("train", tmp_path / "recipe.yml", f"Global.checkpoints={tmp_path / 'run'}")
    output, _ = ended(again)
    assert again.returncode == 0 and "resumed from" in output, output
    assert_equal_weights(two / "latest.ckpt", tmp_path / "run" / "latest.ckpt")


@pytest.mark.parametrize("killed", ["first", "companion"])
def test_one_that_is_killed_ends_the_run(data: Path, tmp_path: Path, killed: str) -> None:
    process = start("train", write_recipe(tmp_path / "recipe.yml", tree(data, tmp_path / "run", Global__epoch_num=500)))
    until(process, "global_step: 8,")
    other = companion_of(process)
    os.kill(process.pid if killed == "first" else other, signal.SIGKILL)
    output, seconds = ended(process)
    assert seconds < 30
    if killed == "companion":
        assert process.returncode == 2 and "rank 0 of 2 has lost another rank" in output, output
    end = time.monotonic() + 30
    while lives(other) and time.monotonic() < end:
        time.sleep(0.1)
    assert not lives(other)
    assert torch.load(tmp_path / "run" / "latest.ckpt", weights_only=True)["progress"]["step"] >= 7  # the last one saved


def test_called_from_python_it_leaves_the_process_as_it_was(data: Path, tmp_path: Path) -> None:
    load_components()
    before, threads = dict(os.environ), torch.get_num_threads()
    result = train(Recipe.from_tree(tree(data, tmp_path / "run", Global__epoch_num=1)))
    assert result.steps == 6 and "eval" in result.last
    assert dict(os.environ) == before and torch.get_num_threads() == threads


def test_one_that_cannot_begin_is_told(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_components()
    monkeypatch.setattr(companions, "MODULE", "no_such_module")
    with pytest.raises(TrainingError, match=r"process 1 of Global\.processes cannot begin: it ended with status 1"):
        train(Recipe.from_tree(tree(data, tmp_path / "run")))
    assert not (tmp_path / "run" / "run.json").exists()


def test_why_one_cannot_begin_is_told(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_components()
    (tmp_path / "only_here.py").write_text("import os\nassert 'RANK' not in os.environ\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    load_components(["only_here"])
    recipe = Recipe.from_tree(tree(data, tmp_path / "run", Global__plugins=["only_here"]))
    with pytest.raises(TrainingError, match=r"(?s)cannot begin: .*'only_here' fails while it is imported: AssertionError"):
        train(recipe)


def test_a_launcher_has_the_last_word(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_components()
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert train(Recipe.from_tree(tree(data, tmp_path / "run", Global__epoch_num=1))).steps == 11  # of 2 samples each
