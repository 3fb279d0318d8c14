"""tools/make_dict.py as a user calls it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def make_dict(*arguments):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "tools/make_dict.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)


def test_writes_the_shipped_dictionary(tmp_path):
    out = tmp_path / "dict.txt"
    done = make_dict("train_data/typewritten_fr/train.txt", "train_data/fraktur_archiscribe/train.txt", "--out", out)
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == (ROOT / "train_data/dict.txt").read_bytes()
    assert "125 different characters" in done.stdout
    assert "U+0112" not in done.stdout
    assert "U+0113 LATIN SMALL LETTER E WITH MACRON" in done.stdout


def test_an_existing_dictionary_is_not_replaced_unasked(tmp_path):
    out = tmp_path / "dict.txt"
    out.write_text("x\n", encoding="utf-8")
    done = make_dict("train_data/typewritten_fr/train.txt", "--out", out)
    assert done.returncode == 2
    assert done.stderr.startswith("error:")
    assert "--force" in done.stderr
    assert make_dict("train_data/typewritten_fr/train.txt", "--out", out, "--force").returncode == 0
    assert out.read_text(encoding="utf-8") != "x\n"
