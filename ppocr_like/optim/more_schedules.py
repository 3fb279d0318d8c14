"""The rarer schedules of PaddleOCR: Step, MultiStepDecay, CyclicalCosine, OneCycle, TwoStepCosine, LinearWarmupCosine,
DecayLearningRate. Rules for warm-up and end as in `optim.schedules`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from ppocr_like.optim.checks import bad, number, one_of
from ppocr_like.optim.schedules import FromRate, Schedule, half_cosine, power_curve, rising
from ppocr_like.registry import SCHEDULES

ONE_CYCLE_RISE = 0.3  # share of the run in which OneCycle rises (paddle.optimizer.lr.OneCycleLR phase_pct)
ONE_CYCLE_START = 25.0  # it starts at max_lr / 25
ONE_CYCLE_END = 250_000.0  # and ends at max_lr / 250000
FIRST_COSINE_EPOCHS = 200  # TwoStepCosine's first arc (T_max1)


@SCHEDULES.register()
@dataclass(eq=False, repr=False)
class Step(FromRate):
    """`learning_rate` times `gamma` for every `step_size` epochs that passed."""

    step_size: float
    gamma: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.length = number(self.step_size, "lr.step_size", above=True) * self.steps_per_epoch
        self.gamma = number(self.gamma, "lr.gamma")

    def misfits(self) -> list[tuple[str, str]]:
        return self._beyond("step_size", [self.step_size], "the rate first changes")

    def after_warmup(self, step: int) -> float:
        return self.first * self.gamma ** (step // self.length)


@SCHEDULES.register()
@dataclass(eq=False, repr=False)
class MultiStepDecay(FromRate):
    """`learning_rate` times `gamma` for every milestone (epoch after the warm-up) that passed."""

    milestones: Sequence[float]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.boundaries = [edge * self.steps_per_epoch for edge in rising(self.milestones, "lr.milestones")]
        self.gamma = number(self.gamma, "lr.gamma")

    def misfits(self) -> list[tuple[str, str]]:
        return self._beyond("milestones", self.milestones, "the rate changes")

    def after_warmup(self, step: int) -> float:
        return self.first * self.gamma ** bisect_right(self.boundaries, step)


@SCHEDULES.register()
@dataclass(eq=False, repr=False)
class CyclicalCosine(FromRate):
    """Half a cosine from `learning_rate` to 0 in every `cycle` epochs."""

    cycle: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self.cycle_steps = round(number(self.cycle, "lr.cycle", above=True) * self.steps_per_epoch)
        if self.cycle_steps < 1:
            raise bad("lr.cycle", f"of {self.cycle} epochs is shorter than one of the {self.steps_per_epoch} steps of an epoch")

    def misfits(self) -> list[tuple[str, str]]:
        last = self.value(self.total_steps - 1)
        if self.cycle > self.epochs_left or self.epochs_left <= 0 or last <= self.first / 2:
            return self._beyond("cycle", [self.cycle] if self.cycle > self.epochs_left else [], "the first cycle ends")
        message = f"the run of {self.run_length} ends within the first half of a cycle, at the high rate {last:.3g}"
        return [("cycle", message)]

    def after_warmup(self, step: int) -> float:
        return half_cosine(self.first, 0.0, (step % self.cycle_steps) / self.cycle_steps)


@SCHEDULES.register()
@dataclass(eq=False, repr=False)
class OneCycle(Schedule):
    """Rises to `max_lr` in the first 30 % of the run and falls to nearly 0 in the rest (Smith and Topin 2018).

    A warm-up leads to the schedule's first rate, max_lr / 25, and the last rate holds. With `paddle_exact` it leads to
    `max_lr`, from where the rate falls back to max_lr / 25, and rates past the end are extrapolated as there.

    Args:
        anneal_strategy: "cos" or "linear".
        three_phase: fall back to max_lr / 25 as fast as it rose, then fall to the end.
    """

    max_lr: float
    anneal_strategy: str = "cos"
    three_phase: bool = False
    paddle_exact: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.max_lr = number(self.max_lr, "lr.max_lr")
        one_of(self.anneal_strategy, ("cos", "linear"), "lr.anneal_strategy")
        start, end = self.max_lr / ONE_CYCLE_START, self.max_lr / ONE_CYCLE_END
        self.first = self.max_lr if self.paddle_exact else start
        top = ONE_CYCLE_RISE * self.total_steps - 1
        last = self.total_steps - 1
        self.corners = [(0.0, start), (top, self.max_lr), (last, end)]
        if self.three_phase:
            self.corners.insert(2, (2 * top, start))
        if not 0 < top < self.corners[2][0] <= last:
            raise bad("lr.max_lr", f"OneCycle needs a run of more than 4 steps to rise and fall, this one has {self.total_steps}")

    def after_warmup(self, step: int) -> float:
        if step >= self.corners[-1][0] and not self.paddle_exact:
            return self.corners[-1][1]
        part = min(bisect_left([place for place, _ in self.corners[1:]], step), len(self.corners) - 2)
        (begin, high), (stop, low) = self.corners[part : part + 2]
        phase = (step - begin) / (stop - begin)
        return half_cosine(high, low, phase) if self.anneal_strategy == "cos" else high + (low - high) * phase


@SCHEDULES.register()
@dataclass(eq=False, repr=False)
class TwoStepCosine(FromRate):
    """Half a cosine from `learning_rate` to 0 over 200 epochs, and 0 afterwards.

    With `paddle_exact`, in runs of more than 200 epochs, the rate goes on as PaddleOCR's: with warm-up it jumps to a
    cosine over the whole run; without, that shows only past the run's end.
    """

    paddle_exact: bool = False

    def misfits(self) -> list[tuple[str, str]]:
        left = self.epochs_left - FIRST_COSINE_EPOCHS
        if left < 0:
            return self._beyond("name", [FIRST_COSINE_EPOCHS], "its cosine ends")
        message = f"its cosine ends after {FIRST_COSINE_EPOCHS} epochs, and in the last {left:g} epochs the rate is 0"
        return [("name", message)] if left > 0 and not self.paddle_exact else []

    def after_warmup(self, step: int) -> float:
        arc = FIRST_COSINE_EPOCHS * self.steps_per_epoch
        if step <= arc:
            return half_cosine(self.first, 0.0, step / arc)
        if not self.paddle_exact or (self.warmup_steps == 0 and step <= self.total_steps):
            return 0.0
        return half_cosine(self.first, 0.0, step / self.total_steps)


@SCHEDULES.register()
@dataclass(eq=False, repr=False)
class LinearWarmupCosine(FromRate):
    """From `start_lr` to `learning_rate` in `warmup_steps` steps, then half a cosine to `min_lr` over `epochs`.

    A `warmup_epoch` above 0 takes the place of `warmup_steps`. Past its end the value stays. With `paddle_exact`,
    `warmup_epoch` has no effect and the value rises again past the end, as there.
    """

    start_lr: float = 1e-5
    min_lr: float = 1e-8
    warmup_steps: int = 5000
    paddle_exact: bool = False

    def __post_init__(self) -> None:
        steps = round(number(self.warmup_steps, "lr.warmup_steps"))
        super().__post_init__()
        if self.warmup_steps == 0 or self.paddle_exact:
            self.warmup_steps = steps
        self.warmup_from = number(self.start_lr, "lr.start_lr")
        self.min_lr = number(self.min_lr, "lr.min_lr")

    def after_warmup(self, step: int) -> float:
        return half_cosine(self.first, self.min_lr, self.phase(step, hold=not self.paddle_exact))


@SCHEDULES.register()
@dataclass(eq=False, repr=False)
class DecayLearningRate(FromRate):
    """`learning_rate` to `end_lr` over `epochs` as (1 - t) ** factor.

    With `paddle_exact`, `warmup_epoch` and `end_lr` have no effect, as there.
    """

    factor: float = 0.9
    end_lr: float = 0.0
    paddle_exact: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.factor = number(self.factor, "lr.factor", above=True)
        self.end_lr = number(self.end_lr, "lr.end_lr")
        if self.paddle_exact:
            self.warmup_steps, self.end_lr = 0, 0.0

    def after_warmup(self, step: int) -> float:
        return power_curve(self.first, self.end_lr, self.phase(step), self.factor)
