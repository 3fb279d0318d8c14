"""Work over many small files, in one process for each core where that pays."""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import current_process, get_context
from pathlib import Path
from typing import TypeVar

from ppocr_like.errors import DataError

Part = TypeVar("Part")
Made = TypeVar("Made")
GROUPS = Path("/sys/fs/cgroup")  # Linux's control groups, as a container sees its own


def cores() -> int:
    """That this process may use: of the machine, by its affinity, and by the time that a container grants."""
    may = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(may, _granted())))


def usual_threads() -> int:
    """Of PyTorch's operators: OMP_NUM_THREADS, else one for each core."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(asked) if asked.isdecimal() and int(asked) else cores()


def _granted() -> float:
    """Cores' worth of time in each period, by the limits of control groups (version 2, then 1); infinity where there are none."""
    with suppress(OSError, ValueError):
        quota, period = (GROUPS / "cpu.max").read_text(encoding="ascii").split()
        return math.inf if quota == "max" else int(quota) / int(period)
    with suppress(OSError, ValueError):
        quota, period = ((GROUPS / f"cpu/cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else math.inf
    return math.inf


def may_fork() -> bool:
    """A process that is itself a worker may not have any; elsewhere than on Linux forking is not safe."""
    return sys.platform == "linux" and not current_process().daemon


def in_processes(work: Callable[[Part], Made], parts: Sequence[Part], file: str) -> Iterator[Made]:
    """What `work` makes of each part, in their order, made in as many forked processes as there are cores.

    Args:
        file: what is read, for the error.

    Raises:
        DataError: a process died.
    """
    with ProcessPoolExecutor(cores(), get_context("fork"), leave_interrupts) as pool:
        try:
            yield from pool.map(work, parts)
        except BrokenProcessPool as error:
            raise DataError("a process that reads files died, most likely because memory ran out", file) from error


def leave_interrupts() -> None:
    """In a process of such a pool: Ctrl-C is left to the main process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
