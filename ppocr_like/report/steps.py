"""Which step of a data chain the time goes to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ppocr_like.contracts import Request
from ppocr_like.data.base import Dataset
from ppocr_like.report.measure import chain_seconds
from ppocr_like.transforms.base import Sample, Transform

READING = "reading and drawing"  # what lies outside the steps: label line, file, generator


class _Book:
    """Seconds by step, and those spent inside the steps that are running."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.inner = 0.0


class _Timed:
    """A step that writes down its own time, without that of steps it runs on another sample (CopyPaste)."""

    def __init__(self, step: Transform, name: str, book: _Book) -> None:
        self._step, self._name, self._book = step, name, book

    def __getattr__(self, name: str) -> Any:
        return getattr(self._step, name)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        book, before = self._book, self._book.inner
        book.inner = 0.0
        begin = time.perf_counter()
        try:
            return self._step(sample, rng)
        finally:
            whole = time.perf_counter() - begin
            book.spent[self._name] += whole - book.inner
            book.inner = before + whole


def step_seconds(dataset: Dataset, requests: Sequence[Request], rounds: int) -> dict[str, float]:
    """Seconds on one core that each step takes for all requests, `rounds` times the same, in the chain's order.

    A step that stands in the chain twice has its number behind its name. To be called after `chain_seconds`, so that the files
    are in the system's cache.
    """
    book, steps = _Book(), dataset.transforms
    timed: list[Any] = []
    for step in steps:
        name = type(step).__name__
        place = sum(type(other) is type(step) for other in steps[: len(timed)]) + 1
        name = name if place == 1 else f"{name} {place}"
        book.spent[name] = 0.0
        timed.append(_Timed(step, name, book))
    dataset.transforms = timed
    try:
        begin = time.perf_counter()
        chain_seconds(dataset, requests, rounds - 1)  # and the round that it takes first
        whole = time.perf_counter() - begin
    finally:
        dataset.transforms = steps
    return {READING: whole - sum(book.spent.values()), **book.spent}
