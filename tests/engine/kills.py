"""One whole run, and runs that are killed at random moments until they finish, for `test_kills`: python kills.py settings.json

One process imports everything once and forks a child for each start, which is then killed with SIGKILL: a start costs a tenth of
a new interpreter's. The parent computes nothing with PyTorch, so the children fork from a clean state.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.engine import train

WHOLE = 1e9  # seconds: no kill comes
SCRATCH = (".latest.ckpt.tmp", ".previous.ckpt.tmp", ".best_accuracy.safetensors.tmp", ".metrics.jsonl.tmp")


def child(tree: dict[str, Any], folder: Path) -> int:
    """Starts the run, or continues it, in a process of its own; its number."""
    pid = os.fork()
    if pid:
        return pid
    log = os.open(folder.with_suffix(".out"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    status = 1
    try:
        resumed = {"checkpoints": str(folder)} if (folder / "latest.ckpt").exists() else {}
        train(Recipe.from_tree({**tree, "Global": {**tree["Global"], **resumed}}))
        status = 0
    finally:
        os._exit(status)


def ended(pid: int) -> int | None:
    """The exit status of a child, None while it runs."""
    done, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None


def saved(folder: Path) -> int:
    """When the last checkpoint was written, ns; 0 without one."""
    try:
        return (folder / "latest.ckpt").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def strike(pid: int, folder: Path, rng: random.Random, most: float) -> int | None:
    """Waits for the moment and kills; the status of a child that was done before."""
    before, wait = saved(folder), rng.random() < 0.8  # mostly from when it has saved something new on, else also as it starts
    while wait and most < WHOLE and saved(folder) == before:
        if (status := ended(pid)) is not None:
            return status
        time.sleep(0.002)
    end = time.monotonic() + rng.uniform(0, most)
    writing = rng.random() < 0.4  # after the time is up, the next file that is being written is waited for
    while time.monotonic() < end:
        if (status := ended(pid)) is not None:
            return status
        time.sleep(0.002)
    while writing and not any((folder / name).exists() for name in SCRATCH):
        if (status := ended(pid)) is not None:
            return status
    time.sleep(rng.uniform(0, 0.004) if writing else 0)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed_until_done(tree: dict[str, Any], folder: Path, rng: random.Random, most: float) -> int:
    """How many kills it took until the run came to its end."""
    struck = 0
    while True:
        status = strike(child(tree, folder), folder, rng, most)
        if status == 0:
            return struck
        if status != -signal.SIGKILL:
            raise SystemExit(f"a start ended with {status}:\n{folder.with_suffix('.out').read_text()[-4000:]}")
        struck += 1


def placed(tree: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The recipe with a run folder of its own."""
    return {**tree, "Global": {**tree["Global"], "save_model_dir": str(folder)}}


def main() -> None:
    settings = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    load_components()
    rng = random.Random(settings["seed"])
    out = Path(settings["out"])
    if killed_until_done(placed(settings["tree"], out / "whole"), out / "whole", rng, WHOLE):
        raise SystemExit("the run that nobody should kill was killed")
    struck, number = 0, 0
    while struck < settings["kills"]:
        folder = out / f"run{number}"
        struck += killed_until_done(placed(settings["tree"], folder), folder, rng, settings["most"])
        number += 1
        print(f"{folder.name}: {struck} kills", flush=True)


if __name__ == "__main__":
    main()
