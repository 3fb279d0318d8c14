"""The bar that is shown while a data set is read through, on a real terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.conftest import TinyRun

ROOT = Path(__file__).parents[2]


def evaluation(run: TinyRun) -> list[str]:
    tool = [sys.executable, "tools/eval.py", "-c", str(run.recipe), "-o", f"Global.pretrained_model={run.folder}"]
    return [*tool, "Eval.loader.batch_size_per_card=1"]


@pytest.mark.thorough
def test_evaluation_shows_a_bar_on_a_terminal_and_nothing_in_a_file(tiny_run: TinyRun, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TQDM_MININTERVAL": "0"}
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    with subprocess.Popen(
        evaluation(tiny_run), cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=side, stdin=subprocess.DEVNULL
    ) as process:
        os.close(side)
        shown = b""
        while part := _read(main):
            shown += part
        os.close(main)
        assert process.stdout is not None and b"acc" in process.stdout.read()
    assert process.returncode == 0
    assert f"/{len(tiny_run.images) + 1} [".encode() in shown  # the missing image of its label file counts, too
    assert b"eval:" in shown and b"sample" in shown

    log = tmp_path / "log"
    with open(log, "wb") as file:
        subprocess.run(evaluation(tiny_run), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=file, check=True)
    assert b"it/s" not in log.read_bytes() and b"sample/s" not in log.read_bytes()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other side is closed
        return b""
