"""The processes that prepare batches: how they start, and what is said when one of them dies.

A worker can be killed at any time, most often by the kernel when memory ends. PyTorch answers with an exception out of its
handler of SIGCHLD, wherever the main process happens to be: within an update of the weights, or while a checkpoint is being
written. Here the handler raises only while the main process waits for a batch; otherwise the death is noticed when the next
batch is asked for.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import cv2
import torch

from ppocr_like.data.orphans import end_with_parent
from ppocr_like.errors import TrainingError
from ppocr_like.memory import keep_freed_memory

logger = logging.getLogger("ppocr_like")
_SETTLES = 2.0  # seconds until a broken connection turns out to be a dead worker
_SHUTDOWN = 10.0  # seconds for PyTorch to end what is left
_TORCH = "torch.utils.data"


class WorkerDied(Exception):
    """Raised out of a wait for a batch; becomes a TrainingError in `told_as_death`."""


class _Watch:
    """What the handler of SIGCHLD goes by: a handler takes no arguments of ours.

    `awaited`: the workers that the main thread is waiting for; `earlier`: the handler that was set before.
    """

    awaited: Sequence[Any] = ()
    earlier: Callable[[int, FrameType | None], Any] | None = None


def start_worker(parent: int | None, worker: int) -> None:
    """One thread per worker; Ctrl-C and SIGTERM to the whole group are left to the main process, which ends the workers.

    A forked worker dies with its parent (process id `parent`), however that ends. torch's own watch over the parent starts too
    late for one that is killed while it starts its workers: these would wait for ever.

    Pages are decoded, cropped and normalised in blocks so large that the system gives new ones, zeroed, for each sample: with
    the freed ones kept a worker prepares pages in two thirds of the time.
    """
    if parent is not None:
        end_with_parent(parent)
    if hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    keep_freed_memory()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)


def usable_workers(asked: int) -> int:
    """The number of workers that shared memory allows: what was asked for, or 0 (said)."""
    if asked and os.name == "posix" and not os.access("/dev/shm", os.W_OK) and os.path.isdir("/dev/shm"):
        logger.warning(
            "/dev/shm cannot be written: batches are prepared in the main process (num_workers 0 instead of %d)", asked
        )
        return 0
    return asked


def take_over_signals() -> None:
    """Puts our handler of SIGCHLD in the place of PyTorch's; call it when workers were started. What others had set is kept."""
    if not hasattr(signal, "SIGCHLD") or threading.current_thread() is not threading.main_thread():
        return  # PyTorch sets none there either
    now = signal.getsignal(signal.SIGCHLD)
    if now is _on_child:
        return
    _Watch.earlier = now if callable(now) and not getattr(now, "__module__", "").startswith(_TORCH) else None
    signal.signal(signal.SIGCHLD, _on_child)


def _on_child(signum: int, frame: FrameType | None) -> None:
    if _Watch.earlier is not None:
        _Watch.earlier(signum, frame)
    if _dead(_Watch.awaited):
        _Watch.awaited = ()  # once is enough
        raise WorkerDied


@contextmanager
def told_as_death(workers: Sequence[Any], asked: int) -> Iterator[None]:
    """Around the wait for a batch.

    Args:
        workers: the processes that prepare batches.
        asked: the recipe's number of them, for the message.

    Raises:
        TrainingError: one of them is dead, or died during the wait.
    """
    try:  # the signal of a further death may come at any line below until nobody is awaited any more
        try:
            if _dead(workers):
                raise WorkerDied
            if threading.current_thread() is threading.main_thread():
                _Watch.awaited = workers
            yield
        except (OSError, EOFError, RuntimeError) as error:
            # A dead worker also breaks the connection over which its batch was to come.
            _Watch.awaited = ()
            by_torch = str(error).startswith("DataLoader worker")
            if not by_torch and (isinstance(error, RuntimeError) or not _settled(workers)):
                raise
            raise TrainingError(death_told(workers, asked)) from error
        finally:
            _Watch.awaited = ()
    except WorkerDied as error:
        raise TrainingError(death_told(workers, asked)) from error


def _dead(workers: Sequence[Any]) -> list[Any]:
    return [worker for worker in workers if not worker.is_alive()]


def _settled(workers: Sequence[Any]) -> bool:
    """Whether a worker is dead, or is within a moment."""
    end = time.monotonic() + _SETTLES
    while workers and not _dead(workers) and time.monotonic() < end:
        time.sleep(0.02)
    return bool(_dead(workers))


def death_told(workers: Sequence[Any], asked: int) -> str:
    """Who died of what, the likely reason, and what to do."""
    dead = _dead(workers)
    code = dead[0].exitcode if dead else None
    who = f"a process that prepares batches ({', '.join(f'process {worker.pid}' for worker in dead) or 'its number is unknown'})"
    lower = f"set loader.num_workers (now {asked}) or batch_size_per_card lower"
    name = ""
    if code is not None and code < 0:
        with suppress(ValueError):
            name = signal.Signals(-code).name
    if name == "SIGBUS":
        return (
            f"{who} was ended by SIGBUS: shared memory (/dev/shm) ran out, or a file that it reads was cut while in use; "
            f"{lower}, give the container more shared memory (docker: --shm-size), or look at the data's disk"
        )
    if name in ("", "SIGKILL", "SIGTERM"):
        how = f"was killed ({name})" if name else f"ended (status {code})" if code is not None else "died"
        return (
            f"{who} {how}. That happens most often because memory or shared memory (/dev/shm) ran out (the kernel's log, dmesg, "
            f"then says so): {lower}, or give the machine or container more memory"
        )
    return (
        f"{who} was ended by {name}: a library failed on some sample, or memory ran out; num_workers: 0 shows where, "
        f"tools/check.py --data names what cannot be read; or {lower}"
    )


def end_workers(iterator: Any) -> None:
    """Ends the workers of a DataLoader's iterator, also where one was killed while it held a lock that the others wait for."""
    workers = list(getattr(iterator, "_workers", ()))
    if not _dead(workers):
        iterator._shutdown_workers()
        return
    for worker in workers:
        worker.kill()
    with suppress(AttributeError):
        iterator._worker_result_queue.cancel_join_thread()
    # In a thread of its own: its wait for the thread that pins memory has no end when half a message is in the pipe.
    ender = threading.Thread(target=iterator._shutdown_workers, daemon=True)
    ender.start()
    ender.join(_SHUTDOWN)
