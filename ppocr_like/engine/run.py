"""What a training run consists of, and the hooks that watch it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

import torch

from ppocr_like.charset import Charset
from ppocr_like.config import Recipe
from ppocr_like.config.globals import ENDLESS
from ppocr_like.contracts import Rejections
from ppocr_like.data.loader import Loader
from ppocr_like.engine.device import Compute
from ppocr_like.engine.evaluator import EvalSet, Evaluation, Postprocess
from ppocr_like.engine.guard import Signals, StepGuard
from ppocr_like.engine.loggers import Logger
from ppocr_like.engine.objective import Batch, Objective
from ppocr_like.engine.precision import LossScaler
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.ranks.gradients import GradientSum
from ppocr_like.engine.ranks.joint import Joint
from ppocr_like.engine.runfolder import Records, RunFolder
from ppocr_like.engine.state import Progress, RunState
from ppocr_like.engine.stats import StepClock
from ppocr_like.metrics.base import Metric
from ppocr_like.optim.base import Optimizer
from ppocr_like.optim.ema import WeightAverage


@dataclass
class StepResult:
    """What one optimizer step gave.

    Args:
        losses: `loss` and its parts, means over the step's samples of all ranks; `count/...` entries are sums.
        rates: what the optimizer reports: `lr`, and `grad_norm` where it was computed.
        samples: of all ranks.
    """

    losses: dict[str, float]
    rates: dict[str, float]
    samples: int

    @property
    def told(self) -> bool:
        """Whether its numbers are here, so that nobody waits for them."""
        return True


class LateResult(StepResult):
    """A step whose numbers are still on a device: who first looks at `losses` or `rates` waits for it (`engine.late`).

    `void`: the step did not count, because it or one before it was not finite.
    """

    void = False

    def __init__(self, samples: int, fetch: Callable[[], None]) -> None:
        self.samples = samples
        self._fetch = fetch

    def __getattr__(self, name: str) -> Any:
        """What is not here yet."""
        if name not in ("losses", "rates"):
            raise AttributeError(name)
        self._fetch()
        if name not in self.__dict__:
            raise AttributeError(f"{name} of a step that did not count, for one before it was not finite")
        return self.__dict__[name]

    @property
    def told(self) -> bool:
        return "losses" in self.__dict__


class Hook:
    """Watches a run. Every method does nothing unless a hook overrides it; `state` travels in the checkpoint under `name`.

    `saved`: types of the state's entries, which are checked before `load`.
    """

    name = ""
    every_step: ClassVar[bool] = False  # whether it acts around every step, and so stays where steps are timed
    saved: ClassVar[Mapping[str, Any]] = {}

    def start(self, run: Run) -> None:
        """Before the first step (of the run, or after a resume)."""

    def before_step(self, run: Run) -> None:
        """Batches are there, nothing is computed yet."""

    def after_forward(self, run: Run, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, Any]) -> None:
        """After each batch's forward pass in training; `outputs` carry no gradient."""

    def after_step(self, run: Run, result: StepResult) -> None:
        """Weights are updated and `run.progress` counts the step. Whoever keeps them calls `run.confirm` before."""

    def after_evaluation(self, run: Run, evaluations: Sequence[Evaluation]) -> None:
        """All evaluation sets are measured; the first one decides."""

    def after_epoch(self, run: Run) -> None:
        """The epoch's last step is done; `run.progress.epoch` is still this epoch."""

    def finish(self, run: Run) -> None:
        """The last step is done, or `run.state.stop_reason` is set."""

    def close(self, run: Run) -> None:
        """The run is over, however it ended."""

    def state(self) -> Any:
        """Plain data for the checkpoint; None: nothing."""
        return None

    def load(self, state: Any) -> None:
        """What `state` gave in an earlier process."""


class Waiting(Protocol):
    """Steps whose numbers are still on the device (`engine.late.Late`)."""

    bad: torch.Tensor

    def before(self, run: Run, group: Sequence[Batch], rejections: Rejections) -> Any: ...

    def judge(self, sums: Any, parameters: Sequence[torch.nn.Parameter]) -> torch.Tensor: ...

    def wait(self, before: Any, sums: Any, whole: torch.Tensor, rates: Any, run: Run, samples: int) -> StepResult: ...

    def confirm(self, run: Run) -> None: ...


@dataclass
class Machine:
    """Where a run computes: its processes, its device, and what stops it.

    Args:
        gradients: adds up the ranks' gradients.
        joint: how far a step's maths spans the ranks.
        guard: undoes a step that failed halfway.
        late: the steps whose numbers wait on the device; None: they are looked at in each step, before the weights change.
    """

    ranks: Ranks
    compute: Compute
    signals: Signals
    gradients: GradientSum
    joint: Joint
    guard: StepGuard
    late: Waiting | None = None


@dataclass
class Parts:
    """What the recipe was built into, beside network and loss.

    Args:
        charset: the characters that the network tells apart; None where it reads no text.
        dictionary: those of the recipe's file.
        make_train_metric: a fresh (postprocess, metric) for `Global.cal_metric_during_train`.
    """

    optimizer: Optimizer
    scaler: LossScaler
    loader: Loader
    eval_sets: list[EvalSet]
    make_train_metric: Callable[[], tuple[Postprocess, Metric]]
    charset: Charset | None
    dictionary: Charset | None
    average: WeightAverage | None = None


@dataclass
class Length:
    """How long a run is.

    Args:
        accumulate: batches of each rank in an optimizer step.
        batch: samples of a full batch, over all ranks.
        steps: optimizer steps of the run where these end it (`Global.max_steps`, `Global.max_minutes` once it is settled).
    """

    epochs: int
    batches_per_epoch: int
    accumulate: int
    batch: int
    steps: int | None = None

    @property
    def bounded(self) -> bool:
        """Whether the number of epochs or steps ends the run, and not `Global.early_stop` alone."""
        return self.epochs < ENDLESS

    def settle(self, steps: int) -> None:
        """The run ends after so many optimizer steps."""
        self.steps, self.epochs = steps, -(-steps // self.steps_per_epoch)

    @property
    def samples_per_step(self) -> int:
        return self.batch * self.accumulate

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of a nominal epoch, on which schedules are based."""
        return -(-self.batches_per_epoch // self.accumulate)

    @property
    def total_steps(self) -> int:
        return self.steps or self.epochs * self.steps_per_epoch


@dataclass
class Output:
    """Where a run writes."""

    folder: RunFolder
    records: Records
    loggers: list[Logger] = field(default_factory=list)


@dataclass
class Run:
    """A training run. Made by `setup.build_run`, driven by `trainer.fit`, watched by hooks.

    Args:
        labels: by set, what its labels hold that cannot be used (main rank).
    """

    recipe: Recipe
    objective: Objective
    parts: Parts
    machine: Machine
    length: Length
    output: Output
    progress: Progress = field(default_factory=Progress)
    state: RunState = field(default_factory=RunState)
    clock: StepClock = field(default_factory=StepClock)
    hooks: list[Hook] = field(default_factory=list)
    labels: dict[str, Any] = field(default_factory=dict)

    def settle(self) -> None:
        """Marks this moment as the one at which a run that is stopped goes on: batches that gave no step since then, because
        none of their samples could be used, are tried again."""
        self.state.settled, self.state.set_aside = (self.progress.batch, self.progress.group), None

    def resumable(self) -> Progress:
        """The progress of the last `settle`, with the rejections of that moment put back."""
        state = self.state
        if state.set_aside is not None:
            state.rejections, state.set_aside = state.set_aside, None
        return replace(self.progress, batch=state.settled[0], group=state.settled[1])

    def confirm(self) -> None:
        """All steps so far were good: called before weights are kept or measured, or numbers are shown.

        Raises:
            TrainingError: a loss or gradient was not finite; the run stands where it stood before that step.
        """
        if self.machine.late is not None:
            self.machine.late.confirm(self)

    def tell(self, event: str, *args: Any) -> None:
        """Calls `event` of every hook, in order."""
        for hook in self.hooks:
            getattr(hook, event)(self, *args)

    def measured(self) -> AbstractContextManager[None]:
        """Within it the model holds the weights that are evaluated and kept: under `Global.use_ema` the averaged ones."""
        return self.parts.average.in_place() if self.parts.average is not None else nullcontext()

    def groups_of_epoch(self) -> int:
        """Optimizer steps of the epoch in progress, if every one has a usable sample."""
        return -(-self.parts.loader.steps(self.progress.epoch) // self.length.accumulate)

    def schedule_step(self) -> int:
        """Position on the learning-rate schedule.

        Epochs may differ in their number of batches (draws by ratio fall into other width buckets); each one is mapped on
        the nominal length, so that warm-up and decay end where the recipe says. With equal epochs it is the step's number, and
        so it is where steps end the run.
        """
        if self.recipe.globals.counts_no_epochs:
            return self.progress.step
        done, nominal, here = self.progress, self.length.steps_per_epoch, self.groups_of_epoch()
        return (done.epoch - 1) * nominal + min(done.group, here) * nominal // max(1, here)

    def set_length(self, steps: int) -> None:
        """The run ends after so many optimizer steps, and what follows its length is laid over them.

        Raises:
            ConfigError: the schedule needs a longer run.
        """
        self.parts.optimizer.set_length(steps)
        self.length.settle(steps)

    @property
    def over(self) -> bool:
        """Whether nothing is left to train."""
        if self.state.stop_reason:
            return True
        return self.progress.step >= self.length.steps if self.length.steps else self.progress.epoch > self.length.epochs

    @property
    def evaluated(self) -> list[str]:
        return [part.name for part in self.parts.eval_sets]
