"""What the optimisation needs around the steps: averaged weights, and rates that follow the evaluations."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from ppocr_like.config import GlobalConfig
from ppocr_like.engine.evaluator import Evaluation
from ppocr_like.engine.run import Hook, Run, StepResult
from ppocr_like.optim.ema import WeightAverage

logger = logging.getLogger("ppocr_like")


def weight_average(settings: GlobalConfig, model: torch.nn.Module) -> WeightAverage | None:
    """The average of the model's weights that `Global.use_ema` asks for; None without it."""
    if not settings.use_ema:
        return None
    return WeightAverage(
        model,
        settings.ema_decay,
        settings.ema_gamma,
        settings.ema_decay_type,
        settings.ema_filter_no_grad,
        settings.paddle_exact,
        getattr(model, "fixed_names", set)(),
    )


class Averaging(Hook):
    """`Global.use_ema`: takes the weights into the average after every step. `Run.measured` puts the average in their place."""

    name = "ema"
    saved: ClassVar = {"steps": int, "divisor": float, "averages": dict[str, torch.Tensor]}

    def __init__(self, average: WeightAverage) -> None:
        self._average = average

    def after_step(self, run: Run, result: StepResult) -> None:
        with run.machine.guard.update():  # cut off within, the state cannot be saved
            self._average.update(run.machine.late.bad if run.machine.late else None)

    def state(self) -> Any:
        return self._average.state()

    def load(self, state: Any) -> None:
        self._average.load(state)


class MetricSchedule(Hook):
    """Tells a schedule that follows the evaluations each one's deciding metric, or the loss, after the start. A loss that is
    not finite counts as no better."""

    name = "schedule"

    def __init__(self, schedule: Any) -> None:
        self._schedule = schedule
        self.saved = schedule.saved  # type: ignore[misc]  # of this schedule

    def after_evaluation(self, run: Run, evaluations: Sequence[Evaluation]) -> None:
        if run.progress.step == 0:
            return
        here, decider = run.schedule_step(), evaluations[0]
        name = "loss" if getattr(self._schedule, "follow", "metric") == "loss" else decider.main_indicator
        before = self._schedule.value(here)
        if self._schedule.observe(decider.metrics.get(name, math.nan), here):
            now = self._schedule.value(here)
            why = f"{name} of {decider.name} is on a plateau" if "waited" in self.saved else "so many evaluations are done"
            logger.info("%s: learning rate %.6g -> %.6g", why, before, now)

    def state(self) -> Any:
        return self._schedule.state()

    def load(self, state: Any) -> None:
        self._schedule.load(state)
