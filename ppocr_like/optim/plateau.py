"""A schedule that follows the evaluations instead of the step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ppocr_like.optim.checks import bad, number, one_of
from ppocr_like.optim.schedules import FromRate
from ppocr_like.registry import SCHEDULES


@SCHEDULES.register("ReduceOnPlateau")
@SCHEDULES.register()
@dataclass(eq=False, repr=False)
class ReduceLROnPlateau(FromRate):
    """`learning_rate`, times `factor` whenever the deciding metric, or the loss, was no better for `patience` evaluations.

    The rules and the numbers are those of torch.optim.lr_scheduler.ReduceLROnPlateau, the names of the arguments those of
    paddle.optimizer.lr.ReduceOnPlateau. Evaluations within the warm-up and before the first step do not count. The best value
    goes on being noted in the cool-down (Paddle's forgets it).

    Args:
        follow: the deciding "metric", or the "loss" of the first evaluation set (`Global.eval_loss`).
        mode: "max" when more is better, "min" when less is. null: "max" for the metric, "min" for the loss.
        factor: above 0, below 1.
        patience: so many evaluations in a row may be no better; the next one lowers the rate.
        threshold: by how much a value must be better to count: a share of the best one ("rel") or a difference ("abs").
        cooldown: so many evaluations after a lower rate do not count as no better.
        min_lr: the rate does not fall below it.
        epsilon: a change of the rate by no more than this is left out.
    """

    mode: Literal["max", "min"] | None = None
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: Literal["rel", "abs"] = "rel"
    cooldown: int = 0
    min_lr: float = 0.0
    epsilon: float = 1e-8
    follow: Literal["metric", "loss"] = "metric"

    follows_metric = True
    saved: ClassVar = {"rate": float, "best": float, "waited": int, "cooling": int}

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of(self.follow, ("metric", "loss"), "lr.follow")
        if self.mode is None:
            self.mode = "min" if self.follow == "loss" else "max"
        one_of(self.mode, ("max", "min"), "lr.mode")
        if (self.follow, self.mode) == ("loss", "max"):
            raise bad("lr.mode", "is max, but of a loss less is better; remove it, or set follow: metric")
        one_of(self.threshold_mode, ("rel", "abs"), "lr.threshold_mode")
        self.factor = number(self.factor, "lr.factor", above=True)
        if self.factor >= 1:
            raise bad("lr.factor", f"must be below 1, got {self.factor:g}")
        for key in ("patience", "cooldown", "threshold", "min_lr", "epsilon"):
            number(getattr(self, key), f"lr.{key}")
        self._rate = self.first
        self._best = self._worst
        self._waited = 0  # evaluations in a row without a better value
        self._cooling = 0  # evaluations of the cool-down that are left

    @property
    def _worst(self) -> float:
        return -math.inf if self.mode == "max" else math.inf

    def after_warmup(self, step: int) -> float:
        return self._rate

    def observe(self, value: float, step: int) -> bool:
        """Hears the followed value of an evaluation, after which optimizer step `step` comes. True when that lowers the rate."""
        if step < self.warmup_steps:
            return False
        if self._better(value):
            self._best, self._waited = value, 0
        else:
            self._waited += 1
        if self._cooling:
            self._cooling, self._waited = self._cooling - 1, 0
        if self._waited <= self.patience:
            return False
        self._cooling, self._waited = self.cooldown, 0
        before, lower = self._rate, max(self._rate * self.factor, self.min_lr)
        if before - lower > self.epsilon:
            self._rate = lower
        return self._rate < before

    def _better(self, value: float) -> bool:
        """Whether a value is better than the best by the threshold. The first value always is, NaN never."""
        sign = 1 if self.mode == "max" else -1
        if math.isinf(self._best):
            return sign * value > sign * self._best
        margin = self._best * self.threshold if self.threshold_mode == "rel" else self.threshold
        return sign * value > sign * self._best + margin

    def state(self) -> dict[str, Any]:
        """What a checkpoint must remember: numbers by name."""
        own = {"rate": self._rate, "best": self._best, "waited": self._waited, "cooling": self._cooling}
        return {**own, "follow": self.follow}

    def load(self, state: Mapping[str, Any]) -> None:
        """What `state` gave in an earlier process. Where that followed something else, only the rate goes on."""
        self._rate = state["rate"]
        if state.get("follow", "metric") == self.follow:
            self._best, self._waited, self._cooling = state["best"], state["waited"], state["cooling"]
