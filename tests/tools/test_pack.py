"""tools/pack.py as a user calls it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def call(*arguments):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "tools/pack.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)


def test_packs_the_shipped_lines(tmp_path):
    labels = ROOT / "train_data/typewritten_fr/val.txt"
    count = sum(1 for line in labels.read_text(encoding="utf-8").splitlines() if line.strip())
    done = call(labels, "--data-dir", ROOT / "train_data", "--out", tmp_path / "out", "--threads", 2)
    assert done.returncode == 0, done.stderr
    assert f"{count:,} records of {count:,} lines" in done.stdout
    again = call(labels, "--data-dir", ROOT / "train_data", "--out", tmp_path / "out")
    assert f"{count:,} lines were packed by an earlier call" in again.stdout


def test_what_cannot_be_read_is_said(tmp_path):
    done = call(tmp_path / "gone.txt", "--data-dir", tmp_path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "gone.txt" in done.stderr
    assert "Traceback" not in done.stderr
