"""Learning-rate schedules: functions of the step; their arguments are dataclass fields.

Values follow PaddleOCR's `ppocr.optimizer.learning_rate`: one value per optimizer step, a warm-up that rises linearly
from 0 over `round(warmup_epoch * steps_per_epoch)` steps, and then the schedule itself from *its* step 0 on. Warm-up
therefore shifts the schedule: Piecewise boundaries come that much later, and a cosine ends before it reaches 0.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ppocr_like.optim.checks import bad, count, number
from ppocr_like.registry import SCHEDULES


@dataclass(kw_only=True, eq=False, repr=False)
class Schedule(ABC):
    """The rate for every optimizer step, with warm-up.

    A subclass sets `first`, the rate at the end of the warm-up, from which the schedule goes on.

    Args:
        epochs: `Global.epoch_num`.
        steps_per_epoch: optimizer steps in an epoch.
        warmup_epoch: length of the warm-up, epochs (fractions allowed).
    """

    epochs: int
    steps_per_epoch: int
    warmup_epoch: float = 0
    run_steps: int | None = field(default=None, init=False)  # see `set_length`

    first = 0.0
    warmup_from = 0.0  # the rate of step 0 when there is a warm-up
    follows_metric = (
        False  # it has `observe`, `state` and `load` as `plateau.ReduceLROnPlateau`; its rates depend on more than the step
    )

    def __post_init__(self) -> None:
        count(self.epochs, "lr.epochs")
        count(self.steps_per_epoch, "lr.steps_per_epoch")
        self.warmup_steps = round(number(self.warmup_epoch, "lr.warmup_epoch") * self.steps_per_epoch)

    @property
    def total_steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.run_steps or self.epochs * self.steps_per_epoch

    def set_length(self, steps: int) -> None:
        """The run has so many optimizer steps, in the place of `epochs`. What the schedule heard of evaluations stays."""
        count(steps, "lr.run_steps")
        own: Any = self
        heard = own.state() if self.follows_metric else None
        self.run_steps = steps
        self.__post_init__()
        if heard is not None:
            own.load(heard)

    @property
    def run_length(self) -> str:
        """The run's length in words, for messages."""
        return f"{self.run_steps} steps" if self.run_steps else f"Global.epoch_num: {self.epochs}"

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

    def phase(self, step: int, hold: bool = True) -> float:
        """Share of the run's length that `step` steps are; with `hold` 1 at most."""
        return (min(step, self.total_steps) if hold else step) / self.total_steps

    @property
    def epochs_left(self) -> float:
        """Epochs of the run behind the warm-up; below 0 where the warm-up is longer than the run."""
        return (self.total_steps - self.warmup_steps) / self.steps_per_epoch

    @property
    def counts_epochs(self) -> bool:
        """Whether the warm-up is as long as `warmup_epoch` says: then epochs alone decide what the run reaches."""
        return self.warmup_steps == round(self.warmup_epoch * self.steps_per_epoch)

    def misfits(self) -> list[tuple[str, str]]:
        """(argument, what to say) of the parts of the schedule that the run is too short to reach."""
        return self._warmup_misfit()

    def _warmup_misfit(self) -> list[tuple[str, str]]:
        if not self.warmup_steps or self.epochs_left > 0:
            return []
        length = f"{self.warmup_steps / self.steps_per_epoch:g}"
        last = self.value(self.total_steps - 1)
        message = (
            f"the warm-up takes {length} epochs, and the run has {self.run_length}: the rate never arrives at "
            f"{self.first:g}, it ends at {last:.3g}; make the warm-up shorter or the run longer"
        )
        return [("warmup_epoch" if self.counts_epochs else "warmup_steps", message)]

    def _beyond(self, argument: str, edges: Sequence[float], what: str) -> list[tuple[str, str]]:
        """What is said of the warm-up, and of those `edges` (epochs after the warm-up) to which the run does not come."""
        late = [f"{edge:g}" for edge in edges if edge >= max(0.0, self.epochs_left)]
        if not late:
            return self._warmup_misfit()
        behind = f" behind the warm-up of {self.warmup_steps / self.steps_per_epoch:g}" if self.warmup_steps else ""
        message = (
            f"{what} after {', '.join(late)} epochs{behind}, which the run of {self.run_length} does not reach: "
            f"its last rate is {self.value(self.total_steps - 1):.3g}"
        )
        return [*self._warmup_misfit(), (argument, message)]

    @abstractmethod
    def after_warmup(self, step: int) -> float:
        """The rate `step` steps after the warm-up."""

    def __repr__(self) -> str:
        end = self.total_steps - 1
        warmup = f"warm-up of {self.warmup_steps} steps to {self.first:g}"
        return f"{type(self).__name__}({warmup}; {self.value(end):.3g} at step {end})"


@dataclass(eq=False, repr=False)
class FromRate(Schedule):
    """A schedule that starts at `learning_rate`."""

    learning_rate: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self.first = number(self.learning_rate, "lr.learning_rate")


def half_cosine(start: float, end: float, phase: float) -> float:
    """From `start` at phase 0 to `end` at phase 1 along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * phase)) / 2


def power_curve(start: float, end: float, phase: float, power: float) -> float:
    """From `start` at phase 0 to `end` at phase 1 as (1 - phase) ** power."""
    return (start - end) * (1 - phase) ** power + end


def rising(values: Sequence[float], path: str) -> list[float]:
    """A recipe's list of epochs as floats.

    Raises:
        ConfigError: no list, no numbers, or falling ones.
    """
    epochs = numbers(values, path, "epochs")
    if sorted(epochs) != epochs:
        raise bad(path, f"must rise, got {list(values)}")
    return epochs


def numbers(values: Sequence[float], path: str, what: str) -> list[float]:
    """A recipe's list of numbers as floats.

    Raises:
        ConfigError: no list, or no numbers.
    """
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise bad(path, f"must be a list of {what}, got {values!r}")
    return [number(value, f"{path}.{i}") for i, value in enumerate(values)]


@SCHEDULES.register()
class Const(FromRate):
    """The same rate throughout; PaddleOCR's schedule when `Optimizer.lr` has no name."""

    def after_warmup(self, step: int) -> float:
        return self.first


@SCHEDULES.register()
@dataclass(eq=False, repr=False)
class Cosine(FromRate):
    """Half a cosine from `learning_rate` to 0 over `epochs` (counted from the end of the warm-up, as in PaddleOCR).

    Past its end the value stays 0; with `paddle_exact` it rises again, as it does there.
    """

    paddle_exact: bool = False

    def after_warmup(self, step: int) -> float:
        return half_cosine(self.first, 0.0, self.phase(step, hold=not self.paddle_exact))


@SCHEDULES.register()
@dataclass(eq=False, repr=False)
class Linear(FromRate):
    """`learning_rate` to `end_lr` over `epochs` as (1 - t) ** power; `end_lr` afterwards."""

    end_lr: float = 0.0
    power: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.end_lr = number(self.end_lr, "lr.end_lr")
        self.power = number(self.power, "lr.power", above=True)

    def after_warmup(self, step: int) -> float:
        return power_curve(self.first, self.end_lr, self.phase(step), self.power)


@SCHEDULES.register()
@dataclass(eq=False, repr=False)
class Piecewise(Schedule):
    """`values[i]` until `decay_epochs[i]` epochs after the warm-up; the last value to the end.

    Args:
        decay_epochs: where the value changes, rising.
        values: one more than `decay_epochs`.
    """

    decay_epochs: Sequence[float]
    values: Sequence[float]

    def __post_init__(self) -> None:
        super().__post_init__()
        edges = rising(self.decay_epochs, "lr.decay_epochs")
        self.rates = numbers(self.values, "lr.values", "rates")
        if len(self.rates) != len(edges) + 1:
            raise bad("lr.values", f"needs one rate more than decay_epochs has epochs: {len(edges) + 1}, got {len(self.rates)}")
        self.first = self.rates[0]
        self.boundaries = [edge * self.steps_per_epoch for edge in edges]

    def misfits(self) -> list[tuple[str, str]]:
        return self._beyond("decay_epochs", self.decay_epochs, "the rate changes")

    def after_warmup(self, step: int) -> float:
        return self.rates[bisect_right(self.boundaries, step)]
