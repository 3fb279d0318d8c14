"""`Global.forgetting`: what a run loses on the evaluation sets that do not decide which weights are best."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ppocr_like.config import Forgetting
from ppocr_like.engine.evaluator import Evaluation
from ppocr_like.engine.hooks import save_run_weights
from ppocr_like.engine.run import Hook, Run
from ppocr_like.engine.runfolder import REMEMBERING
from ppocr_like.engine.state import Best

logger = logging.getLogger("ppocr_like")
ROUNDING = 1e-9  # a loss of exactly `max_loss` is allowed, whatever the difference of two floats makes of it


class ForgettingGuard(Hook):
    """Compares every evaluation with the first one of the run; warns, and where it is asked to stops or keeps second weights."""

    name = "forgetting"

    def __init__(self, settings: Forgetting, names: Sequence[str]) -> None:
        """`names`: the evaluation sets, the deciding one first."""
        watched = list(names[1:]) if settings.sets is None else settings.sets
        self._settings, self._watched = settings, watched
        self._first: dict[str, dict[str, float]] = {}
        self._first_step = 0
        self._best = Best()

    def state(self) -> Any:
        return {"first": self._first, "first_step": self._first_step, "best": asdict(self._best)}

    def load(self, state: Any) -> None:
        self._first, self._first_step, self._best = state["first"], state["first_step"], Best(**state["best"])

    def after_evaluation(self, run: Run, evaluations: Sequence[Evaluation]) -> None:
        progress, decider = run.progress, evaluations[0]
        if not self._first:
            self._first, self._first_step = {e.name: dict(e.metrics) for e in evaluations}, progress.step
        lost = [text for e in evaluations if e.name in self._watched for text in self._losses(e)]
        if progress.step == 0:
            return
        if lost:
            since = "the start" if self._first_step == 0 else f"step {self._first_step}"
            told = (
                f"forgotten since {since} (more than Global.forgetting.max_loss {self._settings.max_loss:g}): {'; '.join(lost)}"
            )
            logger.warning("%s; more general lines in Train, a lower rate or fewer epochs keep more", told)
            if self._settings.stop and not run.state.stop_reason:
                run.state.stop_reason = told
        elif self._settings.keep and self._best.accepts(decider.value, decider.ties):
            self._best = Best(decider.value, progress.trained_epoch, progress.step, dict(decider.metrics), decider.ties)
            save_run_weights(run, REMEMBERING)
            logger.info(
                "%s: the best weights so far that have forgotten no more than allowed (step %d)", REMEMBERING, progress.step
            )

    def _losses(self, evaluation: Evaluation) -> Iterator[str]:
        before = self._first.get(evaluation.name, {})
        for indicator in (evaluation.main_indicator, *evaluation.tie_breakers):
            name = indicator.removeprefix("-")
            if name not in before or name not in evaluation.metrics:
                continue
            then, now = before[name], evaluation.metrics[name]
            loss = now - then if indicator.startswith("-") else then - now
            if loss > self._settings.max_loss + ROUNDING:
                yield f"{evaluation.name}, {name} {then:.4f} -> {now:.4f}"
