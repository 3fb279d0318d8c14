"""What every section of the benchmark gets, and what a section is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ppocr_like.draw.bars import Panel
from ppocr_like.engine.device import Compute
from ppocr_like.engine.precision import LossScaler
from ppocr_like.engine.run import Run
from ppocr_like.report.speed.limits import Limits
from ppocr_like.report.speed.measure import Shape
from ppocr_like.report.speed.progress import Progress


@dataclass(frozen=True)
class Settings:
    """What is measured, and how long.

    Args:
        shape: canvas of the chain and batch of the steps; None takes the recipe's own batches.
        chain_samples: samples through the data chain in a round.
        rounds: how often each figure is taken, in turns.
        steps: training steps in a round of the loop.
        widths: how many of the recipe's canvas widths are measured.
        workers: numbers of worker processes; None: the recipe's, 0, 1 and as many as there are cores.
        loader_seconds: how long each number of workers runs in a round.
        eval_batches: batches of the evaluation.
        runtime_sizes: widths (lines) or sides (pages), px, that ONNX Runtime gets, each with each of `runtime_batches`.
        only: names of the sections; empty: all.
        profile: where a profiler's trace goes; None: none is taken.
    """

    shape: Shape | None = None
    chain_samples: int = 200
    rounds: int = 5
    steps: int = 6
    widths: int = 4
    workers: Sequence[int] | None = None
    loader_seconds: float = 1.5
    eval_batches: int = 8
    runtime_sizes: Sequence[int] = ()
    runtime_batches: Sequence[int] = (1, 8)
    only: Sequence[str] = ()
    profile: str | None = None

    @classmethod
    def quick(cls) -> dict[str, Any]:
        """Arguments for a look of half a minute or so; the figures are rough."""
        return {
            "chain_samples": 50,
            "rounds": 2,
            "steps": 3,
            "widths": 1,
            "loader_seconds": 0.7,
            "eval_batches": 2,
            "runtime_batches": (1,),
        }


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
        return self.run.compute.device

    def computes(self) -> dict[str, tuple[Compute, LossScaler]]:
        """Precision -> how the network runs in it: float32, bfloat16, and the recipe's own if that is another."""
        own, run = self.run.compute, self.run
        kinds = dict.fromkeys((torch.float32, torch.bfloat16, own.dtype))
        if self.device.type == "cuda" and not torch.cuda.is_bf16_supported():
            del kinds[torch.bfloat16]
        found = {}
        for kind in kinds:
            other = Compute(own.device, kind, own.channels_last)
            both = (own, run.scaler) if kind is own.dtype else (other, other.scaler(run.recipe.globals))
            found[str(kind).removeprefix("torch.")] = both
        return found

    def worker_counts(self, cores: int) -> list[int]:
        """The numbers of workers that are tried."""
        if self.settings.workers is not None:
            return sorted(set(self.settings.workers))
        return sorted({0, 1, cores, self.run.loader.inner.num_workers})


class Section(ABC):
    """One part of the benchmark: it measures, and tells people what came out.

    `name` is what `--only` takes.
    """

    name: str = ""
    about: str = ""

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
