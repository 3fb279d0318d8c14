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
from det_pages import det_recipe

from .helpers import ROOT, same_run, tiny_recipe

KILLS = int(os.environ.get("PPOCR_LIKE_KILLS", "300"))
MOST = float(os.environ.get("PPOCR_LIKE_KILL_SECONDS", "2"))  # most, from a checkpoint to the kill


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", ["rec", "det"])
def test_killed_again_and_again(kind: str, workers: int, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    out.mkdir()
    make, name = (tiny_recipe, "data") if kind == "rec" else (det_recipe, "pages")
    tree = make(
        request.getfixturevalue(name), out, Global__epoch_num=8, Global__save_batch_step=2, Train__loader__num_workers=workers
    )
    settings = {"tree": tree, "out": str(out), "kills": -(-KILLS // 4), "most": MOST, "seed": workers}
    (tmp_path / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, str(Path(__file__).with_name("kills.py")), str(tmp_path / "settings.json")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    folders = sorted(out.glob("run*/"))
    assert folders
    for folder in folders:
        same_run(out / "whole", folder)
    print(f"{kind}, {workers} workers: {done.stdout}")
