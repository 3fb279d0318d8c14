"""Which step of a data chain the time goes to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ppocr_like.benchmark.measure import fetch_all, one_core
from ppocr_like.contracts import Request
from ppocr_like.data.base import Dataset
from ppocr_like.transforms.base import GeometricTransform, Sample, Transform
from ppocr_like.transforms.view import View

READING = "reading and drawing"  # what lies outside the steps: label line, file, generator
PIXELS = "pixels of geometric steps"  # turned, scaled and cropped in one go, behind a run of such steps


class _Book:
    """Seconds by step, and those spent inside the steps that are running."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.inner = 0.0

    @contextmanager
    def entry(self, name: str) -> Iterator[None]:
        """Time within is the step's own, less that of steps that run meanwhile (CopyPaste runs some on another sample)."""
        before, self.inner = self.inner, 0.0
        begin = time.perf_counter()
        try:
            yield
        finally:
            whole = time.perf_counter() - begin
            self.spent[name] = self.spent.get(name, 0.0) + whole - self.inner
            self.inner = before + whole


class _Timed:
    """A step that writes down its own time."""

    def __init__(self, step: Transform, name: str, book: _Book) -> None:
        self._step, self._name, self._book = step, name, book

    def __getattr__(self, name: str) -> Any:
        return getattr(self._step, name)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        with self._book.entry(self._name):
            return self._step(sample, rng)


class _TimedPlacing(GeometricTransform):
    """A geometric step, timed; the chain still samples pixels once behind a run of them."""

    def __init__(self, step: GeometricTransform, name: str, book: _Book) -> None:
        self._step, self._name, self._book = step, name, book
        self._view = _timed_view(book)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._step, name)

    def place(self, sample: Sample, view: View, rng: np.random.Generator) -> View:
        with self._book.entry(self._name):
            placed = self._step.place(sample, view, rng)
        return self._view(placed.source, placed.matrix, placed.size, placed.window, placed.fill, placed.complete)


def _timed_view(book: _Book) -> Callable[..., View]:
    class TimedView(View):
        def render(self) -> np.ndarray:
            with book.entry(PIXELS):
                return super().render()

    return TimedView


def step_seconds(dataset: Dataset, requests: Sequence[Request]) -> dict[str, float]:
    """Seconds on one core that each step takes for all requests together, in the chain's order.

    A step that stands in the chain twice has its number behind its name.
    """
    book, steps = _Book(), dataset.transforms
    timed: list[Any] = []
    for step in steps:
        name = type(step).__name__
        place = sum(type(other) is type(step) for other in steps[: len(timed)]) + 1
        name = name if place == 1 else f"{name} {place}"
        book.spent[name] = 0.0
        kind: Any = _TimedPlacing if isinstance(step, GeometricTransform) else _Timed
        timed.append(kind(step, name, book))
    dataset.transforms = timed
    try:
        with one_core():
            begin = time.perf_counter()
            fetch_all(dataset, requests)
            whole = time.perf_counter() - begin
    finally:
        dataset.transforms = steps
    return {READING: whole - sum(book.spent.values()), **book.spent}
