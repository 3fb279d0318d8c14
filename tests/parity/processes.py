"""Work in processes of their own, some at a time: one that dies or takes too long is an answer, and the others go on."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

METHOD = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"


@dataclass
class _Job:
    number: int
    process: Any
    pipe: Connection
    until: float


def _work(function: Callable[..., Any], arguments: tuple, pipe: Connection) -> None:
    try:
        pipe.send((function(*arguments), ""))
    except Exception as error:  # noqa: BLE001 (whatever it is, it is the answer)
        pipe.send((None, f"{type(error).__name__}: {error}"))
    pipe.close()


def in_processes(
    function: Callable[..., Any], tasks: Sequence[tuple], jobs: int, seconds: float
) -> Iterator[tuple[int, Any, str]]:
    """(number of the task, result, ""), or (number, None, why there is none), as they come.

    Args:
        function: is called with each task's arguments; its result is sent through a pipe.
        jobs: processes at a time.
        seconds: that a task may take.
    """
    context = multiprocessing.get_context(METHOD)
    waiting, running = list(enumerate(tasks)), []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                number, arguments = waiting.pop(0)
                mine, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(function, arguments, theirs), daemon=True)
                process.start()
                theirs.close()
                running.append(_Job(number, process, mine, time.monotonic() + seconds))
            wait([job.pipe for job in running], timeout=1.0)
            for job in list(running):
                answer = _answer(job, seconds)
                if answer is not None:
                    running.remove(job)
                    yield answer
    finally:
        for job in running:
            job.process.kill()


def _answer(job: _Job, seconds: float) -> tuple[int, Any, str] | None:
    """None as long as the task runs."""
    if job.pipe.poll():
        try:
            result, reason = job.pipe.recv()
        except EOFError:
            job.process.join()
            return job.number, None, f"its process ended with status {job.process.exitcode}"
        job.process.join()
        return job.number, result, reason
    if time.monotonic() > job.until:
        job.process.kill()
        job.process.join()
        return job.number, None, f"took longer than {seconds:.0f} s"
    return None
