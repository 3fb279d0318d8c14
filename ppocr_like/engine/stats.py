"""Numbers of the log line: medians over a window, time shares, time to go."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from statistics import median
from typing import Any


class Smoother:
    """Median of the last `window` values of each name, as PaddleOCR's TrainingStats (`log_smooth_window`)."""

    def __init__(self, window: int) -> None:
        self.window = max(1, window)
        self._values: dict[str, deque[float]] = {}

    def add(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._values.setdefault(name, deque(maxlen=self.window)).append(value)

    def medians(self) -> dict[str, float]:
        """By name, in the order in which the names first came."""
        return {name: median(values) for name, values in self._values.items()}

    def state(self) -> dict[str, list[float]]:
        return {name: list(values) for name, values in self._values.items()}

    def load(self, state: Mapping[str, list[float]]) -> None:
        self._values = {name: deque(values, maxlen=self.window) for name, values in state.items()}


class StepClock:
    """Splits the run's time into waiting for data and computing, and estimates what is left.

    `ready` is called when a step has its batches, `done` when its maths is finished, `told` when its hooks are (logging and
    saving count as computing). An evaluation is kept out by `resume_after_pause`.
    """

    def __init__(self) -> None:
        self._mark = time.perf_counter()
        self._waited = self._computed = 0.0
        self._samples = 0
        self._all_time = 0.0
        self._all_steps = 0

    def resume_after_pause(self) -> None:
        """What happened since `done` belongs to no step."""
        self._mark = time.perf_counter()

    def ready(self) -> None:
        now = time.perf_counter()
        self._waited += now - self._mark
        self._all_time += now - self._mark
        self._mark = now

    def done(self, samples: int) -> None:
        now = time.perf_counter()
        self._computed += now - self._mark
        self._all_time += now - self._mark
        self._all_steps += 1
        self._samples += samples
        self._mark = now

    def told(self) -> None:
        now = time.perf_counter()
        self._computed += now - self._mark
        self._all_time += now - self._mark
        self._mark = now

    def report(self, steps_left: int) -> dict[str, Any]:
        """Samples/s and share of waiting since the last report; seconds to go from the run's mean step."""
        spent = self._waited + self._computed
        numbers = {
            "samples_per_s": self._samples / spent if spent else 0.0,
            "data_wait": self._waited / spent if spent else 0.0,
            "eta_s": self._all_time / self._all_steps * max(0, steps_left) if self._all_steps else 0.0,
        }
        self._waited = self._computed = 0.0
        self._samples = 0
        return numbers


def duration(seconds: float) -> str:
    """ "1:02:03"."""
    whole = int(seconds + 0.5)
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
