"""Taking times: figures with their spread, rounds in which everything has its turn, a stopwatch for CPU and GPU."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch

Key = TypeVar("Key")
Result = TypeVar("Result")
Figure = dict[str, Any]

SMALLER_IS_BETTER = frozenset({"ms", "s", "MB"})


def figure(values: Sequence[float], unit: str) -> Figure:
    """What was measured several times, as plain data: the median, the quartiles `low` and `high`, how often, the unit."""
    low, middle, high = (float(value) for value in np.percentile(np.asarray(values, np.float64), (25, 50, 75)))
    return {"value": middle, "low": low, "high": high, "n": len(values), "unit": unit}


def told(entry: Figure, digits: int = 3) -> str:
    """A figure for people: "12.3 ms (12.1 to 12.9)"."""
    value, low, high = (_short(entry[name], digits) for name in ("value", "low", "high"))
    return f"{value} {entry['unit']}" + (f" ({low} to {high})" if entry["n"] > 1 else "")


def _short(value: float, digits: int) -> str:
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def in_turns(
    takes: Mapping[Key, Callable[[], Result]], rounds: int, tick: Callable[[], None] = lambda: None
) -> dict[Key, list[Result]]:
    """Runs each of `takes` once to warm up, then all of them `rounds` times in turns, so that what else the machine does meets
    all of them alike.

    Args:
        tick: called after each run: `rounds` + 1 times as often as there are takes.

    Returns:
        what the rounds gave, without the first run.
    """
    for take in takes.values():
        take()
        tick()
    found: dict[Key, list[Result]] = {name: [] for name in takes}
    for number in range(rounds):
        names = list(takes)
        for name in names if number % 2 == 0 else reversed(names):
            found[name].append(takes[name]())
            tick()
    return found


class Stopwatch:
    """Seconds between marks; on a GPU those of the GPU's own work.

    Args:
        device: where the work is done.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._names: list[str] = []
        self._marks: list[Any] = []
        self._stamp()

    def _stamp(self) -> None:
        if self.device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)
            event.record(torch.cuda.current_stream(self.device))
            self._marks.append(event)
            return
        synchronise(self.device)
        self._marks.append(time.perf_counter())

    def mark(self, name: str) -> None:
        """Ends the stretch `name`, which began at the mark before. A name that comes again is added up."""
        self._names.append(name)
        self._stamp()

    def seconds(self) -> dict[str, float]:
        """By name, in order, once all the work is done."""
        synchronise(self.device)
        spent: dict[str, float] = {}
        for name, begin, end in zip(self._names, self._marks[:-1], self._marks[1:], strict=True):
            length = begin.elapsed_time(end) / 1e3 if self.device.type == "cuda" else end - begin
            spent[name] = spent.get(name, 0.0) + length
        return spent


def synchronise(device: torch.device) -> None:
    """Waits until the device has done what it was given; nothing on a CPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def seconds_of(work: Callable[[], Any], device: torch.device) -> float:
    """Seconds by the wall clock until the work is done on the device."""
    synchronise(device)
    begin = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - begin
