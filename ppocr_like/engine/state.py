"""How far a run has come, and what of it a checkpoint must remember."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ppocr_like.contracts import Rejections


@dataclass
class Progress:
    """Counters of a run. All of them go into every checkpoint.

    Args:
        epoch: epoch in progress, counted from 1.
        batch: batches of this epoch whose gradients are in the weights (this rank's; equal on all ranks).
        group: optimizer steps of this epoch (several batches each with `accumulate_steps`).
        step: `global_step`, optimizer steps of the whole run.
        samples: training samples used so far, over all ranks.
    """

    epoch: int = 1
    batch: int = 0
    group: int = 0
    step: int = 0
    samples: int = 0

    @property
    def trained_epoch(self) -> int:
        """The epoch to which the latest step belongs: behind the last batch of an epoch `epoch` already counts the next one."""
        return self.epoch - 1 if self.batch == 0 and self.epoch > 1 else self.epoch

    def pass_group(self, batches: int, samples: int = 0) -> None:
        """A group of batches is done; without samples it was no step."""
        self.batch += batches
        self.group += 1
        self.step += samples > 0
        self.samples += samples

    def next_epoch(self) -> None:
        self.epoch += 1
        self.batch = self.group = 0


@dataclass
class Best:
    """The best evaluation so far by the main indicator of the first evaluation set.

    Args:
        ties: what decides between two equal main indicators, in this order, greater is better (`Evaluation.ties`).
    """

    value: float | None = None
    epoch: int = 0
    step: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    ties: list[float] = field(default_factory=list)

    def accepts(self, value: float, ties: Sequence[float] = ()) -> bool:
        """Whether an evaluation is better. Of two that are equal in everything the later one is kept, as in PaddleOCR."""
        if self.value is None or value != self.value:
            return self.value is None or value > self.value
        shared = min(len(ties), len(self.ties))  # a checkpoint of an earlier version has none
        return list(ties)[:shared] >= self.ties[:shared]

    def when(self) -> str:
        """For people."""
        return f"epoch {self.epoch}, step {self.step}" if self.step else "before training"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Results:
    """Metrics by evaluation set of a run's first evaluation and of its latest.

    Args:
        first_step, last_step: after how many optimizer steps those were made; -1: none was.
    """

    first: dict[str, dict[str, float]] = field(default_factory=dict)
    last: dict[str, dict[str, float]] = field(default_factory=dict)
    first_step: int = -1
    last_step: int = -1

    def add(self, step: int, metrics: dict[str, dict[str, float]]) -> None:
        self.last_step, self.last = step, metrics
        if not self.first:
            self.first_step, self.first = step, metrics


@dataclass
class RunState:
    """What a run has come to, beside the counters.

    Args:
        rejections: samples that could not be used, so far.
        stop_reason: why it ends before its last epoch; empty while it does not.
        settled: `progress.batch`, `progress.group` after the last step, or where the epoch began.
        set_aside: the rejections of that moment, when batches without a usable sample came since.
        in_step: all ranks are stopping at one and the same point, so that they can save together.
        loss_names: of the loss and its parts, once a rank has met them.
        evaluating: seconds that this process spent in evaluations, with what follows them.
        evaluation: seconds of the latest one; None: there was none in this process.
    """

    best: Best = field(default_factory=Best)
    results: Results = field(default_factory=Results)
    rejections: Rejections = field(default_factory=Rejections)
    stop_reason: str = ""
    settled: tuple[int, int] = (0, 0)
    set_aside: Rejections | None = None
    in_step: bool = False
    loss_names: list[str] = field(default_factory=list)
    evaluating: float = 0.0
    evaluation: float | None = None
