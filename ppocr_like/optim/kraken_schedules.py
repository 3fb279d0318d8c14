"""Schedules under kraken's names and with its arguments, as its training guide describes them.

Where kraken's code does otherwise, the guide counts: the cosine's floor holds after `cos_t_max`; `gamma`, `step_size` and
`rop_patience` are counted in evaluations. The warm-up is in optimizer steps: step i of `warmup` has (i + 1) / `warmup` of the
rate, and the schedule begins behind it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ppocr_like.optim.checks import bad, count, number
from ppocr_like.optim.more_schedules import ONE_CYCLE_END, ONE_CYCLE_RISE, ONE_CYCLE_START
from ppocr_like.optim.schedules import FromRate, half_cosine
from ppocr_like.registry import SCHEDULES


@SCHEDULES.register("constant")
@dataclass(eq=False, repr=False)
class Constant(FromRate):
    """`learning_rate` throughout, behind a warm-up of `warmup` optimizer steps."""

    warmup: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.warmup and self.warmup_epoch:
            raise bad("lr.warmup", "is in optimizer steps and warmup_epoch in epochs; remove one of them")
        if self.warmup:
            count(self.warmup, "lr.warmup")
            self.warmup_steps = self.warmup

    def value(self, step: int) -> float:
        if 0 <= step < self.warmup_steps:
            return self.first * (step + 1) / self.warmup_steps
        return super().value(step)

    def after_warmup(self, step: int) -> float:
        return self.first


@SCHEDULES.register("1cycle")
@dataclass(eq=False, repr=False)
class OneCycleToRate(Constant):
    """Rises from 1/25 of `learning_rate` to it in the first 30 % of the steps behind the warm-up, then falls to 1/250000."""

    def misfits(self) -> list[tuple[str, str]]:
        if not self.warmup:
            return super().misfits()
        start = self.first / ONE_CYCLE_START
        said = f"rises to {self.first:g}, from where 1cycle begins anew at {start:g}: it has a rise of its own"
        return [*super().misfits(), ("warmup", said)]

    def after_warmup(self, step: int) -> float:
        last = max(1, self.total_steps - self.warmup_steps - 1)
        top = ONE_CYCLE_RISE * last
        if step <= top:
            return half_cosine(self.first / ONE_CYCLE_START, self.first, step / top)
        return half_cosine(self.first, self.first / ONE_CYCLE_END, min(1.0, (step - top) / (last - top)))


@SCHEDULES.register("cosine")
@dataclass(eq=False, repr=False)
class CosineToFloor(Constant):
    """Half a cosine from `learning_rate` to `cos_min_lr` over `cos_t_max` epochs (null: to the run's end); the floor holds to
    the end.
    """

    cos_t_max: float | None = 10
    cos_min_lr: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cos_t_max is None:
            self.arc: float = max(1, self.total_steps - self.warmup_steps)
        else:
            self.arc = number(self.cos_t_max, "lr.cos_t_max", above=True) * self.steps_per_epoch
        self.cos_min_lr = number(self.cos_min_lr, "lr.cos_min_lr")
        if self.cos_min_lr > self.first:
            raise bad("lr.cos_min_lr", f"is {self.cos_min_lr:g}, above the learning_rate {self.first:g}")

    def after_warmup(self, step: int) -> float:
        return half_cosine(self.first, self.cos_min_lr, min(1.0, step / self.arc))


@SCHEDULES.register("cosine_warm_restarts")
@dataclass(eq=False, repr=False)
class CosineWithRestarts(CosineToFloor):
    """Half a cosine from `learning_rate` to `cos_min_lr` in every `cos_t_max` epochs."""

    cos_t_max: float = 10

    def after_warmup(self, step: int) -> float:
        return half_cosine(self.first, self.cos_min_lr, math.fmod(step, self.arc) / self.arc)


@SCHEDULES.register("step")
@SCHEDULES.register("exponential")
@dataclass(eq=False, repr=False)
class PerEvaluations(Constant):
    """`learning_rate` times `gamma` after every `step_size` evaluations behind the warm-up.

    kraken's guide describes `exponential` and `step` in the same words.
    """

    gamma: float = 0.1
    step_size: int = 10

    follows_metric = True
    saved: ClassVar = {"evaluations": int}

    def __post_init__(self) -> None:
        super().__post_init__()
        self.gamma = number(self.gamma, "lr.gamma", above=True)
        count(self.step_size, "lr.step_size")
        self._evaluations = 0

    def after_warmup(self, step: int) -> float:
        return self.first * self.gamma ** (self._evaluations // self.step_size)

    def observe(self, value: float, step: int) -> bool:
        """Counts an evaluation, after which optimizer step `step` comes. True when that lowers the rate."""
        if step < self.warmup_steps:
            return False
        self._evaluations += 1
        return self._evaluations % self.step_size == 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint must remember."""
        return {"evaluations": self._evaluations}

    def load(self, state: Mapping[str, Any]) -> None:
        """What `state` gave in an earlier process."""
        self._evaluations = state["evaluations"]


@SCHEDULES.register("reduceonplateau")
@dataclass(eq=False, repr=False)
class OnPlateau(Constant):
    """`learning_rate`, times `gamma` whenever `rop_patience` evaluations in a row were no better than the best, warm-up aside."""

    gamma: float = 0.1
    rop_patience: int = 5

    follows_metric = True
    saved: ClassVar = {"rate": float, "best": float, "waited": int}

    def __post_init__(self) -> None:
        super().__post_init__()
        self.gamma = number(self.gamma, "lr.gamma", above=True)
        count(self.rop_patience, "lr.rop_patience")
        self._rate, self._best, self._waited = self.first, -math.inf, 0

    def after_warmup(self, step: int) -> float:
        return self._rate

    def observe(self, value: float, step: int) -> bool:
        """Hears the deciding metric of an evaluation, after which optimizer step `step` comes. True when that lowers the rate."""
        if step < self.warmup_steps:
            return False
        if value > self._best:
            self._best, self._waited = value, 0
            return False
        self._waited += 1
        if self._waited < self.rop_patience:
            return False
        self._rate, self._waited = self._rate * self.gamma, 0
        return True

    def state(self) -> dict[str, Any]:
        """What a checkpoint must remember."""
        return {"rate": self._rate, "best": self._best, "waited": self._waited}

    def load(self, state: Mapping[str, Any]) -> None:
        """What `state` gave in an earlier process."""
        self._rate, self._best, self._waited = state["rate"], state["best"], state["waited"]
