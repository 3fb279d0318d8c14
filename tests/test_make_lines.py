"""pretrained/make_lines.py: what its texts look like. Drawing them needs a Debian system's fonts and word lists."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "pretrained/make_lines.py"
WORDS = [["alpha", "beta", "gamma"], ["été", "öl"]]


def test_it_names_debians_packages():
    done = subprocess.run([sys.executable, str(SCRIPT), "--packages"], capture_output=True, text=True, check=True)
    names = done.stdout.split()
    assert len(names) == len(set(names)) > 50 and all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)


def test_texts_can_be_written_with_the_shipped_dictionary():
    made = runpy.run_path(str(SCRIPT))
    known = set((ROOT / "train_data/pretrain_dict.txt").read_text(encoding="utf-8").split("\n")) | {" "}
    rng = np.random.default_rng(3)
    for kind in ("_sentence", "_sign", "_slip"):
        texts = [made[kind](WORDS, rng) for _ in range(400)]
        assert len(set(texts)) > 60 and all(text and set(text) <= known for text in texts), kind
    assert all(text == text.upper() for text in texts)  # of receipts


def test_what_is_missing_is_said(tmp_path):
    made = runpy.run_path(str(SCRIPT))
    made["_words"].__globals__["WORDS"] = tmp_path
    with pytest.raises(SystemExit, match="--packages"):
        made["Texts"](np.random.default_rng(0))
