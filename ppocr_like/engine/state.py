"""How far a run has come, and what of it a checkpoint must remember."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


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

    def next_epoch(self) -> None:
        self.epoch += 1
        self.batch = self.group = 0


@dataclass
class Best:
    """The best evaluation so far by the main indicator of the first evaluation set."""

    value: float | None = None
    epoch: int = 0
    step: int = 0
    metrics: dict[str, float] = field(default_factory=dict)

    def accepts(self, value: float) -> bool:
        """Ties count as better, as in PaddleOCR: of two equal models the one trained longer is kept."""
        return self.value is None or value >= self.value

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
