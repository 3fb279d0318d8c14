"""Learning-rate schedules: pure functions of the step.

Values follow PaddleOCR's `ppocr.optimizer.learning_rate`: one value per optimizer step, a warm-up that rises linearly
from 0 over `round(warmup_epoch * steps_per_epoch)` steps, and then the schedule itself from *its* step 0 on. Warm-up
therefore shifts the schedule: Piecewise boundaries come that much later, and a cosine ends before it reaches 0.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence

from ppocr_like.optim.checks import bad, count, number
from ppocr_like.registry import SCHEDULES


class Schedule(ABC):
    """The rate for every optimizer step, with warm-up.

    Args:
        first: the rate at the end of the warm-up, from which the schedule goes on.
        warmup_epoch: length of the warm-up, epochs (fractions allowed).
        epochs: `Global.epoch_num`.
        steps_per_epoch: optimizer steps in an epoch.
    """

    def __init__(self, first: float, warmup_epoch: float, epochs: int, steps_per_epoch: int) -> None:
        self.first = first
        self.warmup_from = 0.0
        self.epochs = count(epochs, "lr.epochs")
        self.steps_per_epoch = count(steps_per_epoch, "lr.steps_per_epoch")
        self.warmup_steps = round(number(warmup_epoch, "lr.warmup_epoch") * steps_per_epoch)

    @property
    def total_steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.epochs * self.steps_per_epoch

    def value(self, step: int) -> float:
        """The rate to use in optimizer step `step` (0 is the first one).

        Raises:
            ValueError: a negative step.
        """
        if step < 0:
            raise ValueError(f"a step cannot be negative: {step}")
        if step < self.warmup_steps:
            return (self.first - self.warmup_from) * step / self.warmup_steps + self.warmup_from
        return self.after_warmup(step - self.warmup_steps)

    @abstractmethod
    def after_warmup(self, step: int) -> float:
        """The rate `step` steps after the warm-up."""

    def __repr__(self) -> str:
        end = self.total_steps - 1
        warmup = f"warm-up of {self.warmup_steps} steps to {self.first:g}"
        return f"{type(self).__name__}({warmup}; {self.value(end):.3g} at step {end})"


@SCHEDULES.register()
class Const(Schedule):
    """The same rate throughout; PaddleOCR's schedule when `Optimizer.lr` has no name."""

    def __init__(self, learning_rate: float, epochs: int, steps_per_epoch: int, warmup_epoch: float = 0) -> None:
        super().__init__(number(learning_rate, "lr.learning_rate"), warmup_epoch, epochs, steps_per_epoch)

    def after_warmup(self, step: int) -> float:
        return self.first


@SCHEDULES.register()
class Cosine(Schedule):
    """Half a cosine from `learning_rate` to 0 over `epochs` (counted from the end of the warm-up, as in PaddleOCR).

    Past its end the value stays 0; with `paddle_exact` it rises again, as it does there.
    """

    def __init__(
        self, learning_rate: float, epochs: int, steps_per_epoch: int, warmup_epoch: float = 0, paddle_exact: bool = False
    ) -> None:
        super().__init__(number(learning_rate, "lr.learning_rate"), warmup_epoch, epochs, steps_per_epoch)
        self.paddle_exact = paddle_exact

    def after_warmup(self, step: int) -> float:
        if not self.paddle_exact:
            step = min(step, self.total_steps)
        return self.first * (1 + math.cos(math.pi * step / self.total_steps)) / 2


@SCHEDULES.register()
class Linear(Schedule):
    """`learning_rate` to `end_lr` over `epochs` as (1 - t) ** power; `end_lr` afterwards."""

    def __init__(
        self,
        learning_rate: float,
        epochs: int,
        steps_per_epoch: int,
        end_lr: float = 0.0,
        power: float = 1.0,
        warmup_epoch: float = 0,
    ) -> None:
        super().__init__(number(learning_rate, "lr.learning_rate"), warmup_epoch, epochs, steps_per_epoch)
        self.end_lr = number(end_lr, "lr.end_lr")
        self.power = number(power, "lr.power", above=True)

    def after_warmup(self, step: int) -> float:
        left = 1 - min(step, self.total_steps) / self.total_steps
        return (self.first - self.end_lr) * left**self.power + self.end_lr


@SCHEDULES.register()
class Piecewise(Schedule):
    """`values[i]` until `decay_epochs[i]` epochs after the warm-up; the last value to the end.

    Args:
        decay_epochs: where the value changes, rising.
        values: one more than `decay_epochs`.
    """

    def __init__(
        self,
        decay_epochs: Sequence[float],
        values: Sequence[float],
        epochs: int,
        steps_per_epoch: int,
        warmup_epoch: float = 0,
    ) -> None:
        if isinstance(decay_epochs, str) or not isinstance(decay_epochs, Sequence):
            raise bad("lr.decay_epochs", f"must be a list of epochs, got {decay_epochs!r}")
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise bad("lr.values", f"must be a list of rates, got {values!r}")
        edges = [number(epoch, f"lr.decay_epochs.{i}") for i, epoch in enumerate(decay_epochs)]
        rates = [number(rate, f"lr.values.{i}") for i, rate in enumerate(values)]
        if len(rates) != len(edges) + 1:
            raise bad("lr.values", f"needs one rate more than decay_epochs has epochs: {len(edges) + 1}, got {len(rates)}")
        if sorted(edges) != edges:
            raise bad("lr.decay_epochs", f"must rise, got {list(decay_epochs)}")
        super().__init__(rates[0], warmup_epoch, epochs, steps_per_epoch)
        self.rates = rates
        self.boundaries = [edge * self.steps_per_epoch for edge in edges]

    def after_warmup(self, step: int) -> float:
        return self.rates[bisect_right(self.boundaries, step)]
