"""The run folder: who may write to it, what lies in it, and the records of the run."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

from ppocr_like.atomic import atomic_write, open_lock, open_to_append
from ppocr_like.engine.checkpoint import LATEST, PREVIOUS, save_checkpoint
from ppocr_like.errors import CheckpointError, TrainingError
from ppocr_like.outside import Malformed, number, parse_json
from ppocr_like.printable import PrintableFormatter

try:
    import fcntl
except ImportError:  # Windows has no such locks: the folder is then not guarded
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger("ppocr_like")

BEST = "best_accuracy.safetensors"
REMEMBERING = "best_remembering.safetensors"  # of `Global.forgetting.keep`
KEPT = "best_step_{}.safetensors"  # of `Global.keep_best`
RUN_FILES = (LATEST, PREVIOUS, BEST, REMEMBERING, "metrics.jsonl", "config.yml", "run.json")
RECORDS = "metrics.jsonl"
LOCK = "run.lock"
CACHE = "cache"  # folder of arrays that the next start finds


class RunFolder:
    """A run's folder (`Global.save_model_dir`), held by a lock until `close`.

    Args:
        path: made when missing.
        lock: False on all ranks but the main one.

    Raises:
        TrainingError: another run holds it, or it cannot be written.
    """

    def __init__(self, path: str | Path, lock: bool = True) -> None:
        self.path = Path(path)
        self._lock: IO[str] | None = None
        self.latest_is_whole = False  # this process has written or read it
        if not lock:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = open_lock(self.path / LOCK)  # held open as long as the run
        except OSError as error:
            raise TrainingError(
                f"cannot write to the run folder {self.path} ({error.strerror or error}); "
                "set Global.save_model_dir to a folder of yours"
            ) from error
        self._take(self._lock)
        for left in self.path.glob(".*.tmp"):  # of a run killed while writing
            left.unlink()

    def _take(self, lock: IO[str]) -> None:
        """A record lock, not `flock`: worker processes must not inherit it, or they would hold it after a kill."""
        if fcntl is None:
            return
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise TrainingError(
                f"another run (process {holder}) is using the run folder {self.path}; "
                "wait for it, or set another Global.save_model_dir"
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()

    def save_latest(self, content: dict[str, Any]) -> None:
        """Writes `latest.ckpt`; the one before becomes `previous.ckpt`, unless it may be damaged (the run was resumed from
        `previous.ckpt`, which then stays).

        Raises:
            CheckpointError: it cannot be written; the earlier ones are intact.
        """
        save_checkpoint(self.path / LATEST, content, keep=self.path / PREVIOUS if self.latest_is_whole else None)
        self.latest_is_whole = True

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def earlier_run(self) -> list[Path]:
        """Checkpoints and weights that an earlier run left."""
        found = [self.path / name for name in (LATEST, PREVIOUS, BEST, REMEMBERING) if (self.path / name).exists()]
        return [*found, *sorted(self.path.glob("iter_epoch_*.safetensors"))]

    def refuse_earlier_run(self, overwrite: bool) -> None:
        """A fresh run must not mix with an earlier one: stops unless `overwrite` was asked for. Removes nothing.

        Raises:
            TrainingError: there are checkpoints; says how to continue them and how to replace them.
        """
        found = self.earlier_run()
        if found and not overwrite:
            resume = (
                f"continue it with --resume {self.path} (or Global.checkpoints={self.path}), "
                if (self.path / LATEST) in found
                else ""
            )
            raise TrainingError(
                f"the run folder {self.path} holds an earlier run ({', '.join(p.name for p in found[:4])}): {resume}"
                "replace it with Global.overwrite=true, or set another Global.save_model_dir"
            )

    def clear_earlier_run(self) -> None:
        """Removes what an earlier run left, once the new one is known to start: it may have begun with the earlier weights.

        `train.log` is continued, because messages of the new run stand in it already.
        """
        kept = self.path.glob(KEPT.format("*"))
        for path in [*self.earlier_run(), *kept, *(self.path / name for name in RUN_FILES)]:
            path.unlink(missing_ok=True)


class Records:
    """`metrics.jsonl`: one JSON object per logged step and evaluation, each with `kind`, `epoch` and `global_step`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0

    def cut_back(self, count: int, step: int) -> None:
        """Keeps the first `count` records up to global step `step`: what came after the checkpoint will come again."""
        if not self.path.exists():
            self.count = 0
            return
        kept = []
        for line in self.path.read_bytes().splitlines(keepends=True)[:count]:
            if not line.endswith(b"\n") or _step_of(line) > step:
                break
            kept.append(line)
        atomic_write(self.path, lambda file: file.write(b"".join(kept)))
        self.count = len(kept)

    def add(self, kind: str, values: Mapping[str, Any]) -> None:
        """Appends one record.

        Raises:
            CheckpointError: the file cannot be written.
        """
        line = json.dumps({"kind": kind, **values, "time": round(time.time(), 3)}, ensure_ascii=False)
        try:
            with open_to_append(self.path) as file:
                file.write(line + "\n")
        except OSError as error:
            raise CheckpointError(f"cannot write {self.path}: {error.strerror or error}") from error
        self.count += 1


def _step_of(line: bytes) -> float:
    try:
        return number(parse_json(line).get("global_step", 0), "global_step", 0, math.inf)
    except (Malformed, AttributeError):
        return math.inf  # a record cut in two by a kill


class _LogFile(logging.FileHandler):
    """Gives up, and says so once, when the disk is full; the checkpoints will say the rest. No symbolic link is followed."""

    def _open(self) -> TextIOWrapper:
        return open_to_append(self.baseFilename)

    def handleError(self, record: logging.LogRecord) -> None:
        logger.removeHandler(self)
        logger.warning("%s can no longer be written; messages go to the console only", self.baseFilename)


def add_log_file(path: Path) -> logging.Handler:
    """Sends the program's messages to `train.log` as well, with time and level.

    Raises:
        TrainingError: the file cannot be written.
    """
    try:
        handler = _LogFile(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise TrainingError(f"cannot write {path} ({error.strerror or error})") from error
    handler.setFormatter(PrintableFormatter("[%(asctime)s] %(levelname)s: %(message)s", "%Y/%m/%d %H:%M:%S"))
    logger.addHandler(handler)
    return handler
