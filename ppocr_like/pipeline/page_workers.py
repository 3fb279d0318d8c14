"""A folder of pages read by several processes, each with models of its own and one thread.

Each process has a pipe: a job (`page_work.Job`) goes in, what became of it (`page_work.Done`) comes out. It gets its next job
before it is through with one, so it never waits. A process that dies takes along the page that it was at, which is named; a new
one stands in its place.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

import cv2

from ppocr_like.config.plugins import name_on_command_line
from ppocr_like.data.orphans import end_with_parent
from ppocr_like.errors import DataError, OcrError
from ppocr_like.memory import share_heaps
from ppocr_like.pipeline.ocr import OCR
from ppocr_like.pipeline.page_work import Done, Job, PageWork, refused

AHEAD = 2  # jobs that a process has: the one it is at and the next one
IDLE_ENDS, ENDS = 0.5, 5.0  # seconds for a process to end by itself, and once it is told to
_context = multiprocessing.get_context("spawn")  # a fork would take over locks of ONNX Runtime's and OpenCV's threads


@dataclass(frozen=True)
class Orders:
    """What a process needs to know.

    Args:
        models: arguments of `OCR`; models by their paths.
        writing: arguments of `PageWork` beside the models.
        plugins: those of the command line.
    """

    models: Mapping[str, Any]
    writing: Mapping[str, Any]
    plugins: Sequence[str] = ()


@dataclass
class _Worker:
    """A process, its pipe, the numbers of the jobs that it has, and whether it has opened its models."""

    process: Any
    pipe: Connection
    jobs: deque[int] = field(default_factory=deque)
    ready: bool = False


def read_in_processes(
    orders: Orders, jobs: Sequence[Job], workers: int, begin: Callable[[Job], None] = lambda job: None
) -> Iterator[Done]:
    """What became of each job, in their order.

    When the iterator is closed, or an exception passes through it, the processes are ended; none is left behind.

    Args:
        orders: the same for all processes.
        jobs: the pages.
        workers: processes.
        begin: called before a job is given out.

    Raises:
        DataError: a result cannot be written, or a process cannot open the models.
    """
    crew = _Crew(orders, jobs, begin)
    try:
        crew.start(min(workers, len(jobs)))
        yield from crew.results()
    finally:
        crew.end()


class _Crew:
    """The processes and what is left to do."""

    def __init__(self, orders: Orders, jobs: Sequence[Job], begin: Callable[[Job], None]) -> None:
        self.orders, self.jobs, self.begin = orders, jobs, begin
        self.left = deque(range(len(jobs)))
        self.workers: list[_Worker] = []

    def start(self, count: int) -> None:
        for _ in range(count):
            ours, theirs = _context.Pipe()
            process = _context.Process(target=_work, args=(theirs, os.getpid(), self.orders), daemon=True)
            self.workers.append(_Worker(process, ours))
            with _without_interrupt():
                process.start()
            theirs.close()

    def results(self) -> Iterator[Done]:
        found: dict[int, Done] = {}
        for number in range(len(self.jobs)):
            while number not in found:
                self._hand_out()
                found.update(self._received())
            yield found.pop(number)

    def _hand_out(self) -> None:
        """One job to each process, then one more: the last ones are not heaped on one of them."""
        for length in range(1, AHEAD + 1):
            for worker in self.workers:
                if self.left and len(worker.jobs) < length:
                    number = self.left.popleft()
                    self.begin(self.jobs[number])
                    worker.jobs.append(number)
                    with suppress(OSError):  # it is dead, which `_received` finds
                        worker.pipe.send(self.jobs[number])

    def _received(self) -> dict[int, Done]:
        """Waits until something has come; by the number of the job."""
        found: dict[int, Done] = {}
        ready = wait([worker.pipe for worker in self.workers])
        for worker in [worker for worker in self.workers if worker.pipe in ready]:
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                found.update(self._replaced(worker))
                continue
            if isinstance(message, str):
                raise DataError(message)
            if message is None:
                worker.ready = True
            else:
                found[worker.jobs.popleft()] = message
        return found

    def _replaced(self, worker: _Worker) -> dict[int, Done]:
        """Puts a new process in the place of a dead one; names the page that it was at."""
        worker.process.join(ENDS)
        how = _told_end(worker.process.exitcode)
        if not worker.ready:
            raise DataError(f"a process that should read pages has ended while it opened the models ({how}); try fewer --workers")
        self.workers.remove(worker)
        worker.pipe.close()
        lost = {}
        if worker.jobs:
            number = worker.jobs.popleft()
            told = f"the process that was reading it has ended ({how}); the same call reads it again, best with fewer --workers"
            lost[number] = refused(self.jobs[number].page, told)
        self.left.extendleft(reversed(worker.jobs))
        if self.left:
            self.start(1)
        return lost

    def end(self) -> None:
        """A process without work ends when its pipe is closed; one that is at a page is told to."""
        processes = [worker.process for worker in self.workers if worker.process.pid is not None]
        for worker in self.workers:
            worker.pipe.close()
        for process in processes:
            process.join(IDLE_ENDS)
            process.terminate()
        for process in processes:
            process.join(ENDS)
            process.kill()


def _told_end(code: int | None) -> str:
    if code is not None and code < 0:
        return f"{signal.Signals(-code).name}; out of memory?" if -code == 9 else signal.Signals(-code).name
    return f"status {code}"


@contextmanager
def _without_interrupt() -> Iterator[None]:
    """Ctrl-C waits: a process that is started now takes over that it is deaf to it, and this one gets it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: Connection, parent: int, orders: Orders) -> None:
    """What each process does until its pipe is closed, or the process that started it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    end_with_parent(parent)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of PyTorch, where a model needs it
    cv2.setNumThreads(1)
    share_heaps()
    logging.getLogger("ppocr_like").setLevel(logging.ERROR)  # the first process has told what there is to tell of the models
    with suppress(BrokenPipeError):  # nobody listens any more
        try:
            for name in orders.plugins:
                name_on_command_line(name)
            work = PageWork(OCR(**orders.models), **orders.writing)
            pipe.send(None)
            while True:
                pipe.send(work(pipe.recv()))
        except EOFError:
            return
        except OcrError as error:
            pipe.send(str(error))
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _leave(signum: int, frame: Any) -> None:
    """Files that are half written are taken away on the way out."""
    raise SystemExit(0)
