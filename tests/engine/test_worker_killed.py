"""A process that prepares batches is killed, as the kernel does when memory ends: told with its likely reason, saved once and
whole, and resumed as if nothing had been."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from tests.marks import first

from .helpers import assert_equal_weights, records, run, start, tiny_recipe, write_recipe

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")


def workers_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    for line in process.stdout:
        if text in line:
            return


def kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it has ended
            os.kill(pid, signal.SIGKILL)


def kill_one(process: subprocess.Popen[str], folder: Path) -> None:
    kill(workers_of(process.pid)[:1])


def kill_all(process: subprocess.Popen[str], folder: Path) -> None:
    kill(workers_of(process.pid))


def kill_while_saving(process: subprocess.Popen[str], folder: Path) -> None:
    """One while a checkpoint is being written, the others while the rescue writes its own."""
    scratch, end = folder / ".latest.ckpt.tmp", time.monotonic() + 20
    for pid in workers_of(process.pid):
        while not scratch.exists() and time.monotonic() < end and process.poll() is None:
            continue
        kill([pid])
        while scratch.exists():
            continue


@pytest.mark.parametrize("strike", first([kill_one, kill_all, kill_while_saving]))
def test_told_saved_and_resumed(data: Path, reference: Path, tmp_path: Path, strike) -> None:
    folder = tmp_path / "run"
    tree = tiny_recipe(data, folder, Global__epoch_num=4, Train__loader__num_workers=2)
    recipe = write_recipe(tmp_path / "recipe.yml", tree)
    process = start("train", recipe)
    wait_for(process, "global_step: 8,")
    strike(process, folder)
    output = process.communicate(timeout=120)[0]
    if process.returncode != 0:  # else all batches were there already
        assert process.returncode == 2, output
        assert "Traceback" not in output and "RuntimeError" not in output
        assert "was killed (SIGKILL)" in output and "memory" in output and "loader.num_workers (now 2)" in output
        assert output.count("is saved. To continue") == 1
        assert torch.load(folder / "latest.ckpt", weights_only=True)["progress"]["step"] >= 8
        run("train", recipe, f"Global.checkpoints={folder}")
    assert_equal_weights(reference / "latest.ckpt", folder / "latest.ckpt")
    assert records(folder) == records(reference)


@pytest.mark.slow
def test_killed_again_and_again(data: Path, reference: Path, tmp_path: Path) -> None:
    """Every start loses a worker, until one comes through without."""
    folder = tmp_path / "run"
    tree = tiny_recipe(data, folder, Global__epoch_num=4, Train__loader__num_workers=2)
    recipe = write_recipe(tmp_path / "recipe.yml", tree)
    for number in range(6):
        options = [f"Global.checkpoints={folder}"] if (folder / "latest.ckpt").exists() else []
        process = start("train", recipe, *options)
        wait_for(process, "global_step:")
        time.sleep(0.02 * number)
        kill(workers_of(process.pid)[number % 2 :][:1])
        output = process.communicate(timeout=120)[0]
        assert process.returncode in (0, 2) and "Traceback" not in output, output
    run("train", recipe, f"Global.checkpoints={folder}")
    assert_equal_weights(reference / "latest.ckpt", folder / "latest.ckpt")
    assert records(folder) == records(reference)
