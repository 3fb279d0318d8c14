from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ppocr_like.engine.runfolder import Records, RunFolder
from ppocr_like.errors import CheckpointError, TrainingError

HOLD = """
import sys, time
from ppocr_like.engine.runfolder import RunFolder
import multiprocessing
folder = RunFolder(sys.argv[1])
child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,), daemon=False)
child.start()
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.thorough
def test_second_run_in_a_folder_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    """A worker process of a killed run must not hold the folder."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    worker = int(holder.stdout.readline())
    try:
        with pytest.raises(TrainingError, match=f"another run .process {holder.pid}. is using the run folder"):
            RunFolder(tmp_path)
        holder.kill()
        holder.wait()
        os.kill(worker, 0)  # still there
        RunFolder(tmp_path).close()
    finally:
        os.kill(worker, 9)
        holder.kill()


def test_earlier_run_is_not_overwritten_silently(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    names = ("latest.ckpt", "best_accuracy.safetensors", "iter_epoch_3.safetensors", "metrics.jsonl", "mine.txt")
    for name in names:
        (tmp_path / name).write_text("x", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"Global.checkpoints=.*Global.overwrite=true"):
        folder.refuse_earlier_run(False)
    assert all((tmp_path / name).exists() for name in names)
    folder.refuse_earlier_run(True)
    assert all((tmp_path / name).exists() for name in names)  # the new run may still fail, or need these weights
    folder.clear_earlier_run()
    assert {path.name for path in tmp_path.iterdir()} == {"mine.txt", "run.lock"}
    folder.close()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"cannot write to the run folder .*Global.save_model_dir"):
        RunFolder(tmp_path / "file" / "run")


def test_left_overs_of_a_kill_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".latest.ckpt.tmp").write_bytes(b"half")
    RunFolder(tmp_path).close()
    assert not (tmp_path / ".latest.ckpt.tmp").exists()


def test_records_are_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    records = Records(tmp_path / "metrics.jsonl")
    for step in (1, 2, 2, 3):
        records.add("train", {"global_step": step})
    again = Records(records.path)
    again.cut_back(2, 2)
    again.add("eval", {"global_step": 2, "acc": 0.5})
    lines = [json.loads(line) for line in records.path.read_text(encoding="utf-8").splitlines()]
    assert [(line["kind"], line["global_step"]) for line in lines] == [("train", 1), ("train", 2), ("eval", 2)]
    assert again.count == 3


def test_a_record_cut_in_two_by_a_kill_is_dropped(tmp_path: Path) -> None:
    records = Records(tmp_path / "metrics.jsonl")
    records.add("train", {"global_step": 1})
    with open(records.path, "a", encoding="utf-8") as file:
        file.write('{"kind": "train", "glob')
    records.cut_back(2, 5)
    assert records.count == 1
    assert records.path.read_text(encoding="utf-8").count("\n") == 1


def test_records_say_when_they_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot write"):
        Records(tmp_path / "missing" / "metrics.jsonl").add("train", {})
