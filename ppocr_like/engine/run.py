"""What a training run consists of, and the hooks that watch it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch

from ppocr_like.charset import Charset
from ppocr_like.config import Recipe
from ppocr_like.contracts import Rejections
from ppocr_like.engine.device import Compute
from ppocr_like.engine.evaluator import EvalSet, Evaluation
from ppocr_like.engine.guard import Signals, StepGuard
from ppocr_like.engine.precision import LossScaler
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.ranks.gradients import GradientSum
from ppocr_like.engine.runfolder import Records, RunFolder
from ppocr_like.engine.state import Best, Progress
from ppocr_like.engine.stats import StepClock
from ppocr_like.modeling.sync_norm import NormSync
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


class Hook:
    """Watches a run. Every method does nothing unless a hook overrides it; `state` travels in the checkpoint under `name`.

    `saved`: types of the state's entries, which are checked before `load`.
    """

    name = ""
    saved: ClassVar[Mapping[str, Any]] = {}

    def start(self, run: Run) -> None:
        """Before the first step (of the run, or after a resume)."""

    def before_step(self, run: Run) -> None:
        """Batches are there, nothing is computed yet."""

    def after_forward(self, run: Run, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, Any]) -> None:
        """After each batch's forward pass in training; `outputs` carry no gradient."""

    def after_step(self, run: Run, result: StepResult) -> None:
        """Weights are updated and `run.progress` counts the step."""

    def after_evaluation(self, run: Run, evaluations: Sequence[Evaluation]) -> None:
        """All evaluation sets are measured; the first one decides."""

    def after_epoch(self, run: Run) -> None:
        """The epoch's last step is done; `run.progress.epoch` is still this epoch."""

    def finish(self, run: Run) -> None:
        """The last step is done, or `run.stop_reason` is set."""

    def state(self) -> Any:
        """Plain data for the checkpoint; None: nothing."""
        return None

    def load(self, state: Any) -> None:
        """What `state` gave in an earlier process."""


@dataclass
class Run:
    """All parts of a training run. Made by `setup.build_run`, driven by `trainer.fit`, watched by hooks."""

    recipe: Recipe
    ranks: Ranks
    compute: Compute
    model: torch.nn.Module
    loss: Callable[..., dict[str, torch.Tensor]]
    optimizer: Any
    scaler: LossScaler
    loader: Any
    eval_sets: list[EvalSet]
    make_train_metric: Callable[[], tuple[Callable[..., list[Any]], Any]]
    charset: Charset | None
    dictionary: Charset | None
    folder: RunFolder
    records: Records
    guard: StepGuard
    signals: Signals
    epochs: int
    batches_per_epoch: int
    accumulate: int
    gradients: GradientSum
    sync: NormSync | None = None
    loss_over_ranks: bool = False
    average: WeightAverage | None = None
    progress: Progress = field(default_factory=Progress)
    best: Best = field(default_factory=Best)
    clock: StepClock = field(default_factory=StepClock)
    rejections: Rejections = field(default_factory=Rejections)
    hooks: list[Hook] = field(default_factory=list)
    loggers: list[Any] = field(default_factory=list)
    labels: dict[str, Any] = field(default_factory=dict)  # by set, what its labels hold that cannot be used (main rank)
    loss_names: list[str] = field(default_factory=list)
    stop_reason: str = ""
    resumed: bool = False
    settled: tuple[int, int] = (0, 0)  # `progress.batch`, `progress.group` after the last step, or where the epoch began
    set_aside: Rejections | None = None  # those of that moment, when batches without a usable sample came since
    in_step: bool = False  # all ranks are stopping at one and the same point, so that they can save together

    def settle(self) -> None:
        """Marks this moment as the one at which a run that is stopped goes on: batches that gave no step since then, because
        none of their samples could be used, are tried again."""
        self.settled, self.set_aside = (self.progress.batch, self.progress.group), None

    def resumable(self) -> Progress:
        """The progress of the last `settle`, with the rejections of that moment put back."""
        if self.set_aside is not None:
            self.rejections, self.set_aside = self.set_aside, None
        return replace(self.progress, batch=self.settled[0], group=self.settled[1])

    def tell(self, event: str, *args: Any) -> None:
        """Calls `event` of every hook, in order."""
        for hook in self.hooks:
            getattr(hook, event)(self, *args)

    def measured(self) -> AbstractContextManager[None]:
        """Within it the model holds the weights that are evaluated and kept: under `Global.use_ema` the averaged ones."""
        return self.average.in_place() if self.average is not None else nullcontext()

    @property
    def joint(self) -> bool:
        """Whether ranks wait for each other within forward and backward passes."""
        return self.sync is not None or self.loss_over_ranks

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of a nominal epoch, on which schedules are based."""
        return -(-self.batches_per_epoch // self.accumulate)

    @property
    def total_steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def schedule_step(self) -> int:
        """Position on the learning-rate schedule.

        Epochs may differ in their number of batches (draws by ratio fall into other width buckets); each one is mapped on
        the nominal length, so that warm-up and decay end where the recipe says. With equal epochs it is the step's number.
        """
        done = self.progress
        here = -(-self.loader.steps(done.epoch) // self.accumulate)
        return (done.epoch - 1) * self.steps_per_epoch + min(done.group, here) * self.steps_per_epoch // max(1, here)

    @property
    def evaluated(self) -> list[str]:
        return [part.name for part in self.eval_sets]
