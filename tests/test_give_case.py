"""pretrained/give_case.py: labels that are all upper case get the case of what another recogniser reads."""

import runpy
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "pretrained/give_case.py"


@pytest.mark.parametrize(
    ("label", "read", "expected"),
    [
        ("TAX INVOICE NO: 7", "Tax InvoiceNo: 7", "Tax Invoice No: 7"),  # spaces are the label's
        ("TOTAL", "TOTAL", "TOTAL"),
        ("TOTAL", "T0TAL", "TOTAL"),  # misread, but no small letter anywhere
        ("TOTAL", "T0tal", None),
        ("STRASSE", "Straße", None),  # upper case has another length
        ("8.95", "", "8.95"),
    ],
)
def test_case(label, read, expected):
    assert runpy.run_path(str(SCRIPT))["cased"](label, read) == expected


def test_every_line_is_written_or_counted(tmp_path, tiny_bundle):
    (tmp_path / "img").mkdir()
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"img/{number}.png"), np.full((32, 100, 3), 255, np.uint8))
    (tmp_path / "train.txt").write_text("".join(f"img/{n}.png\tABC\n" for n in range(3)), encoding="utf-8")
    command = [sys.executable, str(SCRIPT), str(tmp_path / "train.txt"), "--out", str(tmp_path / "new.txt")]
    done = subprocess.run([*command, "--model", str(tiny_bundle)], cwd=ROOT, capture_output=True, text=True, check=True)
    rows = [row.split("\t") for row in (tmp_path / "new.txt").read_text(encoding="utf-8").splitlines()]
    left_out = int(done.stdout.split(" left out")[0].split()[-1])
    assert done.stdout.startswith("3 lines: ") and len(rows) + left_out == 3
    assert all(text.upper() == "ABC" for _, text in rows)
