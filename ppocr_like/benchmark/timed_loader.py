"""The loader of a run that is measured."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import cast

from ppocr_like.data.loader import Loader
from ppocr_like.engine.objective import Batch
from ppocr_like.engine.run import Run


class TimedLoader:
    """A loader that adds up how long its batches were waited for."""

    def __init__(self, inner: Loader) -> None:
        self.inner = inner
        self.waited = 0.0

    def steps(self, epoch: int) -> int:
        return self.inner.steps(epoch)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        stream = self.inner.batches(epoch, start)
        while True:
            begin = time.perf_counter()
            batch = next(stream, None)
            self.waited += time.perf_counter() - begin
            if batch is None:
                return
            yield batch

    def close(self) -> None:
        self.inner.close()


def timed(run: Run) -> TimedLoader:
    """The run's loader, which `whole` has put there."""
    return cast(TimedLoader, run.parts.loader)
