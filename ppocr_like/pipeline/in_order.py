"""Work on many things at a time, results in the order of the things."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Given = TypeVar("Given")
Result = TypeVar("Result")


def in_order(pool: Executor, work: Callable[[Given], Result], things: Iterable[Given], ahead: int) -> Iterator[Result]:
    """`work(thing)` of each thing, in the threads of `pool`.

    So many things and one more are taken before the first result is given, and no more results than that are held: who takes them
    slowly makes the threads wait. What `work` raises is raised where its result would be given.
    """
    waiting: deque[Future[Result]] = deque()
    try:
        for thing in things:
            waiting.append(pool.submit(work, thing))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
