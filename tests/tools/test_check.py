"""tools/check.py as a user calls it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def check(*arguments):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "tools/check.py", "-c", "configs/rec/svtr_ft.yml", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)


@pytest.mark.thorough
def test_odd_dictionary_entries_and_pictures(tmp_path):
    odd = tmp_path / "odd.txt"
    odd.write_text((ROOT / "train_data/dict.txt").read_text(encoding="utf-8") + "ch\na\n", encoding="utf-8")
    done = check("--draw", "3", "--draw-to", tmp_path / "out", "-o", f"Global.character_dict_path={odd}")
    assert done.returncode == 0, done.stderr
    assert "stand twice" in done.stdout and "'a' (lines " in done.stdout and "'ch' (line 126)" in done.stdout
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["lines_001.png"] and "1 picture" in done.stdout


def test_a_dictionary_without_a_usable_entry_is_a_problem(tmp_path):
    odd = tmp_path / "odd.txt"
    odd.write_text("0\t0\n1\t1\n", encoding="utf-8")
    done = check("-o", f"Global.character_dict_path={odd}")
    assert done.returncode == 1, done.stderr
    assert "Global.character_dict_path" in done.stdout and "columns, separated by tabs" in done.stdout
    assert "good" not in done.stdout


def test_a_wrong_number_is_refused():
    assert check("--draw", "0").returncode == 2


@pytest.mark.parametrize(
    ("key", "told"),
    [("Global.pretrained_model", "weights 'nowhere/x' not found"), ("Global.checkpoints", "nowhere/x: no checkpoint there")],
)
def test_weights_that_are_not_there_are_told_beside_other_mistakes(key, told):
    done = check("-o", f"{key}=nowhere/x", "Optimizer.lr.learning_rat=3")
    assert done.returncode == 1, done.stderr
    assert f"{key}: {told}" in done.stdout and "nearest: learning_rate" in done.stdout


def test_a_file_that_holds_no_weights_is_told():
    done = check("-o", "Global.pretrained_model=README.md")
    assert done.returncode == 1, done.stderr
    assert "unknown kind of weights file '.md'" in done.stdout and "good" not in done.stdout
