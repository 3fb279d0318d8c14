"""tools/convert_data.py as a user calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).parents[2]


def convert(*arguments, cwd):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "tools/convert_data.py"), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120)


def page(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((60, 200, 3), 230, np.uint8))


def test_icdar_to_both_kinds_of_labels(tmp_path):
    for n in range(1, 5):
        page(tmp_path / "img" / f"img_{n}.jpg")
        (tmp_path / f"gt_img_{n}.txt").write_text(
            f"10,10,110,10,110,40,10,40,Word {n}, more\n120,10,190,10,190,40,120,40,###\n", encoding="utf-8-sig"
        )
    done = convert("icdar", ".", "--images", "img", "--out", "det.txt", "--val-share", "0.25", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "det.txt: 3 lines" in done.stdout and "val.txt: 1 lines" in done.stdout
    assert "boxes: 8, of which 4 are ignored" in done.stdout
    name, boxes = (tmp_path / "det.txt").read_text(encoding="utf-8").splitlines()[0].split("\t")
    assert (tmp_path / name).exists() and json.loads(boxes)[0]["transcription"] == "Word 1, more"
    done = convert("icdar", ".", "--images", "img", "--task", "rec", "--out", "rec.txt", "--max-images", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "rec.txt: 2 lines" in done.stdout and "illegible or ignored" in done.stdout
    assert (tmp_path / "rec.txt").read_text(encoding="utf-8").splitlines()[1] == "rec_crops/img_2/0000.jpg\tWord 2, more"


def test_mistakes_are_told_without_a_traceback(tmp_path):
    page(tmp_path / "img_1.jpg")
    (tmp_path / "gt_img_1.txt").write_text("10,10,110,10,110,40,10,40,a\n1,2,3\n")
    done = convert("icdar", ".", "--out", "a.txt", cwd=tmp_path)
    assert done.returncode == 2 and "gt_img_1.txt, line 2" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "a.txt").exists()
    for wrong in (["--val-share", "0.9"], ["--max-images", "0"], ["--encoding", "klingon"]):
        done = convert("icdar", ".", "--out", "a.txt", *wrong, cwd=tmp_path)
        assert done.returncode == 2 and "Traceback" not in done.stderr and "error:" in done.stderr, wrong
