"""File names that would steer a terminal, or are no UTF-8: what the tools print, log and write of them."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ppocr_like.cli.process import run
from ppocr_like.engine.runfolder import add_log_file
from ppocr_like.errors import DataError

ROOT = Path(__file__).parents[2]
NAMES = [
    b"clear\x1b[2J.png",
    b"title\x1b]0;x\x07.png",
    b"two\nlines.png",
    b"txt\xe2\x80\xaegnp.png",
    b"c1\xc2\x9b31m.png",
    b"latin\xe9.png",
]
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def hostile(tmp_path: Path, tiny_run) -> Path:
    """A folder of lines with such names; one of them is no image."""
    folder = os.fsencode(tmp_path / "scans")
    os.mkdir(folder)
    for name in NAMES:
        shutil.copy(tiny_run.images[0], os.path.join(folder, name))
    with open(os.path.join(folder, b"broken\x1b[31m\n[12:00:00] forged.png"), "wb") as file:
        file.write(b"no image")
    return tmp_path / "scans"


def call(tool: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "tools" / tool), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, timeout=240, check=False)
    for said in (done.stdout, done.stderr):
        text = said.decode("utf-8").replace("\r", "")  # of the bars
        assert not STEERS.search(text), text
        assert not re.search(r"^\[12:00:00\] forged", text, re.MULTILINE), text
        assert "Traceback" not in text, text
    return done


def test_lines_that_are_read(hostile: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    done = call("infer.py", "--model", tiny_bundle, hostile, "--out", tmp_path / "out")
    assert done.returncode == 1 and rb"broken\x1b[31m\n[12:00:00] forged.png" in done.stderr
    for told in (rb"clear\x1b[2J.png", rb"two\nlines.png", rb"txt\u202egnp.png", rb"latin\udce9.png"):
        assert told in done.stdout
    rows = (tmp_path / "out" / "predictions.txt").read_text(encoding="utf-8").splitlines()
    assert len(rows) == len(NAMES) and all(row.count("\t") == 2 for row in rows)
    entries = json.loads((tmp_path / "out" / "predictions.json").read_text(encoding="utf-8"))
    names = {os.fsencode(entry["image"]).rpartition(b"/")[2] for entry in entries}
    assert names > set(NAMES)


def test_pages_that_are_read_twice(hostile: Path, tiny_bundle: Path, ink_bundle: Path, tmp_path: Path) -> None:
    again = ["infer.py", "--det", ink_bundle, "--rec", tiny_bundle, hostile, "--out", tmp_path / "out", "--format", "txt,json"]
    for _ in range(2):  # what is done is known again
        assert call(*again).returncode == 1
        assert (tmp_path / "out" / "pages.jsonl").read_bytes().count(b'"written"') == len(NAMES)


def test_label_files(tmp_path: Path, tiny_run) -> None:
    text = tiny_run.recipe.read_text(encoding="utf-8").replace("lines.txt", "hostile\x1b[2J.txt".replace("\x1b", r"\x1b"))
    text = re.sub(r"^(\s*-?\s*)(\S*hostile\S*)$", r'\1"\2"', text, flags=re.MULTILINE)
    (tmp_path / "recipe.yml").write_text(text, encoding="utf-8")
    done = call("check.py", "-c", tmp_path / "recipe.yml", "--data")
    assert done.returncode != 0 and rb"hostile\x1b[2J.txt" in done.stdout + done.stderr


def test_options_that_a_shell_made_of_names() -> None:
    done = call("infer.py", "-\x1b[2J.png", "--model", "x")
    assert done.returncode == 2 and rb"\x1b[2J" in done.stderr


def test_errors_and_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> int:
        handler = add_log_file(tmp_path / "train.log")
        log = logging.getLogger("ppocr_like")
        log.warning("%s is gone", "a\x1b[1m\n[2026/01/01] INFO: forged")
        log.removeHandler(handler)
        handler.close()
        print("printed\x1b[1m")
        raise DataError("is empty", "a\n\x1b[31mb.txt", 3)

    with pytest.raises(SystemExit):
        run(main)
    told = capsys.readouterr()
    assert told.out == "printed\\x1b[1m\n"
    assert told.err.endswith("error: a\\n\\x1b[31mb.txt, line 3: is empty\n")
    logged = (tmp_path / "train.log").read_text(encoding="utf-8")
    assert re.fullmatch(r"\[.*\] WARNING: a\\x1b\[1m\n  \[2026/01/01\] INFO: forged is gone\n", logged)
