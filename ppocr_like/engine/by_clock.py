"""`Global.max_minutes`: the length of a run by the clock, settled once in steps."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from ppocr_like.config import GlobalConfig
from ppocr_like.engine.clocks import CLOCKS
from ppocr_like.engine.hooks import save_latest
from ppocr_like.engine.manifest import add_entry
from ppocr_like.engine.run import Hook, Run, StepResult
from ppocr_like.engine.run_length import evaluations, length_warnings
from ppocr_like.errors import ConfigError

logger = logging.getLogger("ppocr_like")

UNTIMED = 3  # steps of a process that are slower than those to come: memory and workers are new
LEAST, SHARE = 8, 0.08  # so many steps, and so much of the time, are measured before the length is settled
LATEST = 0.3  # of the time: then it is settled with whatever was measured
ROUNDING = 1e-6  # s
FORWARD = 0.4  # what evaluating a sample costs beside training on it, while no evaluation was made


@dataclass
class Pace:
    """What the steps of this process took: (seconds, work), work 1 being that of the epoch's mean step.

    Args:
        within: each step but the first ones of an epoch, evaluations aside.
        between: the first step of each epoch but the process's first, with the end of the epoch before.
    """

    within: list[tuple[float, float]] = field(default_factory=list)
    between: list[tuple[float, float]] = field(default_factory=list)

    @property
    def steps(self) -> int:
        return len(self.within) + len(self.between)

    @property
    def seconds(self) -> float:
        return _sums([*self.within, *self.between])[0]

    def of_step_and_epoch(self) -> tuple[float, float]:
        """Seconds of a mean step, and what the end of an epoch adds to it."""
        if not self.steps:
            return 0.0, 0.0
        if not self.within or len(self.between) > len(self.within):  # epochs of a step or two: their ends are part of the steps
            seconds, work = _sums([*self.within, *self.between])
            return seconds / work, 0.0
        seconds, work = _sums(self.within)
        step = seconds / work
        seconds, work = _sums(self.between)
        return step, max(0.0, seconds - step * work) / len(self.between) if self.between else 0.0


def _sums(steps: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(seconds for seconds, _ in steps), sum(work for _, work in steps)


def work_of_steps(batches: np.ndarray, accumulate: int) -> np.ndarray:
    """(steps,) Work of an epoch's optimizer steps, 1 in the mean; `batches`: `Batches.work`."""
    work = np.add.reduceat(batches, np.arange(0, len(batches), accumulate))
    return work / work.mean()


class ByTheClock(Hook):
    """Measures the first steps, then settles how many the run has, so that it takes `minutes` from the command to the end of its
    last evaluation. From there on steps alone decide: a resumed run has the same length.

    While the length is open, the schedule's rates are those of a run without end: its warm-up, then its first rate.

    Args:
        settings: `max_minutes` and `clock`.
        began: when the command did, `time.perf_counter`; the processor's clock counts from the start of the process.
        set_length: `Run.set_length`.
    """

    name = "by_clock"
    saved: ClassVar = {"minutes": float | int, "steps": int | None, "seconds": float}

    def __init__(self, settings: GlobalConfig, began: float, set_length: Callable[[int], None]) -> None:
        assert settings.max_minutes is not None
        self._minutes, self._set_length = settings.max_minutes, set_length
        self._seconds, self._what = CLOCKS[settings.clock], "" if settings.clock == "wall" else " of processor time"
        self._began = began if settings.clock == "wall" else 0.0
        self._before = 0.0  # seconds of earlier processes of this run
        self._steps: int | None = None
        self._pace = Pace()
        self._untimed, self._new_epoch = UNTIMED, False
        self._mark = self._evaluating = 0.0
        self._work: tuple[int, np.ndarray] = (0, np.zeros(0))  # epoch, work of its steps

    def state(self) -> Any:
        return {"minutes": self._minutes, "steps": self._steps, "seconds": self._gone()}

    def load(self, state: Any) -> None:
        """The settled length holds as long as the same time is asked for."""
        self._before = state["seconds"]
        if state["steps"] is not None and state["minutes"] == self._minutes:
            self._steps = state["steps"]
            self._set_length(state["steps"])

    def start(self, run: Run) -> None:
        self._mark, self._evaluating = self._seconds(), run.state.evaluating
        if self._steps is not None:
            self._note(run)

    def after_step(self, run: Run, result: StepResult) -> None:
        if self._steps is not None:
            return
        run.confirm()  # what is measured must be done
        took = self._seconds() - self._mark - (run.state.evaluating - self._evaluating)
        if self._untimed:
            self._untimed -= 1
        else:
            steps = self._pace.between if self._new_epoch else self._pace.within
            steps.append((took, float(self._works(run)[run.progress.group - 1])))
        self._new_epoch = False
        if run.machine.ranks.share(self._enough()):
            self._settle(run)
        self._mark, self._evaluating = self._seconds(), run.state.evaluating

    def after_epoch(self, run: Run) -> None:
        self._new_epoch = True

    def finish(self, run: Run) -> None:
        if not run.machine.ranks.main:
            return
        taken = self._gone() / 60
        more = 100 * (taken / self._minutes - 1)
        logger.info("asked for %g minutes%s, took %.2f (%+.1f %%)", self._minutes, self._what, taken, more)
        self._note(run, taken_minutes=round(taken, 3))

    def _works(self, run: Run) -> np.ndarray:
        """Work of the epoch's steps."""
        epoch = run.progress.epoch
        if self._work[0] != epoch:
            self._work = (epoch, work_of_steps(run.parts.loader.plan(epoch).work(), run.length.accumulate))
        return self._work[1]

    def _gone(self) -> float:
        return self._before + self._seconds() - self._began

    def _enough(self) -> bool:
        asked, gone = 60 * self._minutes, self._gone()
        if self._pace.steps >= LEAST and self._pace.seconds >= SHARE * asked:
            return True
        return gone >= asked or (self._pace.steps > 0 and gone >= LATEST * asked)

    def _settle(self, run: Run) -> None:
        began = self._seconds()
        save_latest(run)
        saving = self._seconds() - began
        self._steps = run.machine.ranks.share(self._most_steps(run, saving))
        try:
            self._set_length(self._steps)
        except ConfigError as error:
            raise ConfigError(
                [replace(p, message=f"{p.message}; Global.max_minutes is too short") for p in error.problems]
            ) from error
        save_latest(run)  # from here on the length cannot be lost
        if not run.machine.ranks.main:
            return
        self._note(run)
        step, _ = self._pace.of_step_and_epoch()
        per_epoch = run.length.steps_per_epoch
        logger.info(
            "Global.max_minutes: the run has %d steps, %.2f epochs (%d steps measured: %.3g s each)",
            self._steps,
            self._steps / per_epoch,
            self._pace.steps,
            step,
        )
        if self._steps < per_epoch:
            logger.warning(
                "%g minutes are %d of the %d steps of an epoch: not every line is trained on; give more time, or a batch or a "
                "network that takes less of it",
                self._minutes,
                self._steps,
                per_epoch,
            )
        for line in length_warnings(run):
            logger.warning(line)

    def _most_steps(self, run: Run, saving: float) -> int:
        """The most steps that end in time, those that are done at least."""
        done, left = run.progress.step, 60 * self._minutes - self._gone() - saving
        step, epoch = self._pace.of_step_and_epoch()
        settings, per_epoch = run.recipe.globals, run.length.steps_per_epoch
        made = evaluations(replace(settings, eval_at_end=False), done, per_epoch)
        evaluating = self._evaluation(run, step) if run.parts.eval_sets else 0.0

        here = self._works(run)[run.progress.group :]  # of the steps that are left of this epoch
        so_far = np.append(0.0, here.cumsum())

        def takes(steps: int) -> float:
            evals, more = evaluations(settings, steps, per_epoch) - made, steps - done
            work = so_far[min(more, len(here))] + max(0, more - len(here))
            return work * step + (steps // per_epoch - done // per_epoch) * max(epoch, saving) + evals * evaluating

        low, high = done, done + len(here) + max(0, math.ceil(left / step)) if step else done
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if takes(middle) <= left + ROUNDING else (low, middle - 1)
        return low

    def _evaluation(self, run: Run, step: float) -> float:
        """What an evaluation takes: as the last one did, else by the samples."""
        if run.state.evaluation is not None:
            return run.state.evaluation
        samples = sum(len(part.loader.dataset) for part in run.parts.eval_sets) / run.machine.ranks.world
        return FORWARD * step * samples / run.length.samples_per_step

    def _note(self, run: Run, **more: Any) -> None:
        if run.machine.ranks.main:
            add_entry(run.output.folder / "run.json", "clock", {"asked_minutes": self._minutes, "steps": self._steps, **more})
