"""Hundreds of SIGKILLs at random moments of training and saving: every run comes to the state of one that nothing interrupted.

`PPOCR_LIKE_KILLS` sets how many (300, half of them of a recogniser and half of a detector).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Case
from .helpers import ROOT, run, same_run, write_recipe

KILLS = int(os.environ.get("PPOCR_LIKE_KILLS", "300"))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("workers", [0, 2])
def test_killed_again_and_again(case: Case, tmp_path: Path, workers: int) -> None:
    keys = {"Global__epoch_num": 8, "Global__save_batch_step": 2, "Train__loader__num_workers": workers}
    run("train", write_recipe(tmp_path / "whole.yml", case.tree(tmp_path / "whole", **keys)))
    out = tmp_path / "killed"
    out.mkdir()
    settings = {"tree": case.tree(out, **keys), "out": str(out), "kills": -(-KILLS // 4), "most": 4.0, "seed": workers}
    (tmp_path / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, str(Path(__file__).with_name("kills.py")), str(tmp_path / "settings.json")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    folders = sorted(path for path in out.iterdir() if path.is_dir())
    assert folders
    for folder in folders:
        same_run(tmp_path / "whole", folder)
    print(f"{case.tree(out)['Architecture']['model_type']}, {workers} workers: {done.stdout}")
