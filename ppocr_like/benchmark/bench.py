"""What every section of the benchmark gets, and what a section is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from ppocr_like.benchmark.limits import Limits
from ppocr_like.benchmark.progress import Progress
from ppocr_like.benchmark.settings import Settings
from ppocr_like.benchmark.timed_loader import timed
from ppocr_like.draw.bars import Panel
from ppocr_like.engine.device import native_bfloat16
from ppocr_like.engine.objective import Objective
from ppocr_like.engine.precision import LossScaler
from ppocr_like.engine.run import Run


@dataclass(frozen=True)
class Pace:
    """Rough seconds of one sample of the chain and of one float32 step, from a first try: for the estimate at start."""

    sample: float
    step: float


@dataclass
class Bench:
    """A run that is being measured.

    Args:
        run: built as for training; its loader is a `TimedLoader`.
        settings: see there.
        limits: of this machine.
        scratch: a folder that goes away.
        progress: told of every piece of work.
        pace: see there.
        pretrained: whether the network has trained weights.
    """

    run: Run
    settings: Settings
    limits: Limits
    scratch: Path
    progress: Progress
    pace: Pace
    pretrained: bool
    notes: list[str] = field(default_factory=list)

    @property
    def device(self) -> torch.device:
        return self.run.machine.compute.device

    def precisions(self) -> dict[str, tuple[Objective, LossScaler]]:
        """Precision -> the objective computed in it: float32, bfloat16, and the recipe's own if that is another."""
        own, run = self.run.machine.compute, self.run
        kinds = dict.fromkeys((torch.float32, torch.bfloat16, own.dtype))
        if self.device.type == "cuda" and not native_bfloat16():
            del kinds[torch.bfloat16]
        found = {}
        for kind in kinds:
            other = replace(own, dtype=kind, lists=None)
            scaler = run.parts.scaler if kind is own.dtype else other.scaler(run.recipe.globals)
            compute = own if kind is own.dtype else other
            found[str(kind).removeprefix("torch.")] = replace(run.objective, compute=compute), scaler
        return found

    def worker_counts(self, cores: int) -> list[int]:
        """The numbers of workers that are tried."""
        if self.settings.workers is not None:
            return sorted(set(self.settings.workers))
        return sorted({0, 1, cores, timed(self.run).inner.num_workers})


class Section(ABC):
    """One part of the benchmark: it measures, and tells people what came out.

    `name` is what `--only` takes (`settings.SECTIONS`).
    """

    name: str = ""

    @abstractmethod
    def estimate(self, bench: Bench) -> float:
        """Seconds it will take, roughly."""

    @abstractmethod
    def measure(self, bench: Bench) -> dict[str, Any]:
        """Figures as plain data; what was measured are `timing.figure`s."""

    @abstractmethod
    def rows(self, figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """(what, figure) for people; what is indented stands under the row before."""

    def panels(self, figures: dict[str, Any]) -> list[Panel]:
        """For the picture."""
        return []

    def verdict(self, figures: dict[str, Any]) -> list[str]:
        """A sentence or two: what holds this part back."""
        return []
