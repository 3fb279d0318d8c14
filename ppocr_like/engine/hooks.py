"""What happens around the steps: training metric, freezing, evaluation, early stop, checkpoints."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, ClassVar

import torch

from ppocr_like.config import EarlyStop, GlobalConfig
from ppocr_like.contracts import Rejections
from ppocr_like.engine.checkpoint import rng_state
from ppocr_like.engine.clocks import CLOCKS
from ppocr_like.engine.evaluator import Evaluation, evaluate_set, log_rejections, to_numpy
from ppocr_like.engine.line_files import add_rejected
from ppocr_like.engine.run import Hook, Run, StepResult
from ppocr_like.engine.runfolder import BEST, KEPT
from ppocr_like.engine.state import Best, Progress, Results
from ppocr_like.memory import release_freed_memory
from ppocr_like.metrics.base import Metric
from ppocr_like.weights import save_weights

logger = logging.getLogger("ppocr_like")


class Freezing(Hook):
    """`Optimizer.freeze`: parameters that match a pattern do not train until so many samples were used (see `optim.freeze`).

    What is frozen follows from the count of samples alone, so a resumed run needs no state.
    """

    every_step = True

    def before_step(self, run: Run) -> None:
        run.parts.optimizer.apply_freeze(run.objective.model, run.progress.samples)


class FrozenNorms(Hook):
    """`Global.freeze_bn`: batch norms use and keep their running statistics. After `Freezing`, which may thaw some."""

    every_step = True

    def before_step(self, run: Run) -> None:
        for module in run.objective.model.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.eval()


def norms_of_nobody(model: torch.nn.Module) -> list[str]:
    """Names of the batch norms whose statistics are those that a new one begins with: no training has filled them."""
    found = []
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
            mean, var = module.running_mean, module.running_var
            if var is not None and not mean.any() and bool((var == 1).all()):
                found.append(name)
    return found


class FreedMemory(Hook):
    """Bounds what `keep_freed_memory` keeps on a CPU. Every 50 steps: a release costs the next step about a quarter."""

    every_step = True
    EVERY = 50

    def after_step(self, run: Run, result: StepResult) -> None:
        if run.machine.compute.device.type == "cpu" and run.progress.step % self.EVERY == 0:
            release_freed_memory()

    def after_evaluation(self, run: Run, evaluations: Sequence[Evaluation]) -> None:
        if run.machine.compute.device.type == "cpu":
            release_freed_memory()


class TrainMetric(Hook):
    """`Global.cal_metric_during_train`: the metric on each training batch, from the raw training outputs as in PaddleOCR."""

    every_step = True

    def __init__(self, every_epochs: int) -> None:
        self._every = every_epochs
        self._metric: Metric | None = None
        self.values: dict[str, float] = {}

    def before_step(self, run: Run) -> None:
        self._metric = None
        self.values = {}

    def after_forward(self, run: Run, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, Any]) -> None:
        if run.progress.epoch % self._every:
            return
        if self._metric is None:
            self._postprocess, self._metric = run.parts.make_train_metric()
        arrays = to_numpy(batch)
        self._metric.update(self._postprocess(to_numpy(outputs), arrays), arrays)

    def after_step(self, run: Run, result: StepResult) -> None:
        if self._metric is not None:
            self.values = {name: value for name, value in self._metric.compute().items() if name != "n"}


class EvaluationHook(Hook):
    """Measures the evaluation sets when they are due and keeps the best weights.

    Due: before the first step and after the last one (`eval_at_start`, `eval_at_end`); every N steps (`eval_batch_step`: N,
    or [start, N] with the first at start + N, as in PaddleOCR); every N epochs (`eval_batch_epoch`), or several times in an epoch
    where N is below 1; every epoch when neither is given.
    """

    name = "evaluation"
    saved: ClassVar = {"last_step": int, "first": dict[str, dict[str, Any]], "last": dict[str, dict[str, Any]]}

    def __init__(self, settings: GlobalConfig, results: Results, pictures: int = 0) -> None:
        self._settings = settings
        self._results = results
        self._pictures = pictures
        self._seconds = CLOCKS[settings.clock]

    def state(self) -> Any:
        return asdict(self._results)

    def load(self, state: Any) -> None:
        results = self._results
        results.last_step, results.first, results.last = state["last_step"], state["first"], state["last"]
        results.first_step = state.get("first_step", 0)  # a checkpoint of an earlier version does not say it

    def start(self, run: Run) -> None:
        step = run.progress.step
        if step == 0 and self._settings.eval_at_start:
            self._evaluate(run, "before training")
        elif step > 0 and run.progress.batch > 0 and self._due_in_step(run):
            self._evaluate(run)  # the run was stopped during this evaluation

    def after_step(self, run: Run, result: StepResult) -> None:
        if self._due_in_step(run):
            self._evaluate(run)

    def after_epoch(self, run: Run) -> None:
        if self._settings.eval_batch_epoch:
            due = self._settings.evaluations_per_epoch > 0 or run.progress.epoch % self._settings.eval_batch_epoch == 0
        else:
            due = self._settings.eval_batch_step is None
        if due:
            self._evaluate(run)

    def finish(self, run: Run) -> None:
        if self._settings.eval_at_end:
            self._evaluate(run)

    def _due_in_step(self, run: Run) -> bool:
        step, rule = run.progress.step, self._settings.eval_batch_step
        if parts := self._settings.evaluations_per_epoch:
            here, done = run.groups_of_epoch(), run.progress.group
            return done < here and done * parts // here > (done - 1) * parts // here
        if rule is None or self._settings.eval_batch_epoch:
            return False
        start, every = rule if isinstance(rule, list) else (0, rule)
        return step > start and (step - start) % every == 0

    def _evaluate(self, run: Run, when: str = "") -> None:
        if run.progress.step == self._results.last_step or not run.parts.eval_sets:
            return
        run.confirm()
        evaluations, began = [], self._seconds()
        for part in run.parts.eval_sets:
            with run.measured():
                evaluation = evaluate_set(run.objective, part, run.machine.ranks, self._pictures, run.machine.signals)
            evaluations.append(evaluation)
            logger.info(
                "evaluation of %s%s: %s", part.name, f" {when}" if when else f", step {run.progress.step}", evaluation.text()
            )
            if not self._results.first:
                log_rejections(evaluation.rejected, part.name)
            if evaluation.rejected.total and run.machine.ranks.main:
                add_rejected(run.output.folder.path, part.name, evaluation.rejected)
        self._note(run, evaluations)
        run.tell("after_evaluation", evaluations)
        run.state.evaluation = self._seconds() - began
        run.state.evaluating += run.state.evaluation
        run.clock.resume_after_pause()

    def _note(self, run: Run, evaluations: list[Evaluation]) -> None:
        """Results into the records; the first set decides about the best weights."""
        progress, decider = run.progress, evaluations[0]
        self._results.add(progress.step, {e.name: dict(e.metrics) for e in evaluations})
        if run.machine.ranks.main:
            for e in evaluations:
                values = {**e.metrics, "samples": e.samples, "rejected": e.rejected.counts}
                run.output.records.add(
                    "eval", {"epoch": progress.trained_epoch, "global_step": progress.step, "set": e.name, **values}
                )
        if progress.step == 0 and not self._settings.keep_start:  # what the run started from is no result of it
            return
        if run.state.best.accepts(decider.value, decider.ties):
            run.state.best = Best(decider.value, progress.trained_epoch, progress.step, dict(decider.metrics), decider.ties)
            save_run_weights(run, BEST)
        best = run.state.best
        logger.info("best %s of %s: %.6g (%s)", decider.main_indicator, decider.name, best.value, best.when())


class EarlyStopping(Hook):
    """`Global.early_stop`: stops after `patience` evaluations without a main indicator better by more than `min_delta`, or at one
    that is `stop_at`."""

    name = "early_stop"
    saved: ClassVar = {"best": float | None, "waited": int, "last": float | None, "epoch": int}

    def __init__(self, settings: EarlyStop) -> None:
        self._settings = settings
        self._best: float | None = None
        self._waited = 0
        self._last: float | None = None  # main indicator of the latest evaluation, and how many epochs were trained then
        self._epoch: int | None = 0

    def state(self) -> Any:
        return {"best": self._best, "waited": self._waited, "last": self._last, "epoch": self._epoch}

    def load(self, state: Any) -> None:
        self._best, self._waited = state["best"], state["waited"]
        self._last, self._epoch = state.get("last"), state.get("epoch")  # which checkpoints of earlier versions lack

    def start(self, run: Run) -> None:
        """A run that had ended stays so, unless the rule is another now; one that had not goes on to its next evaluation."""
        if self._epoch is None:
            self._epoch = run.progress.trained_epoch
        self._decide(run)

    def after_evaluation(self, run: Run, evaluations: Sequence[Evaluation]) -> None:
        if run.progress.step == 0:
            return
        value = self._last = evaluations[0].value
        self._epoch = run.progress.trained_epoch
        if self._best is None or value > self._best + self._settings.min_delta:
            self._best, self._waited = value, 0
        else:
            self._waited += 1
        self._decide(run)

    def _decide(self, run: Run) -> None:
        limit, value = self._settings.stop_at, self._last
        if (self._epoch or 0) < self._settings.min_epochs or run.state.stop_reason:
            return
        if limit is not None and value is not None and value >= limit:
            run.state.stop_reason = f"early stop: the main indicator is {value:.6g}, which Global.early_stop.stop_at asks for"
        elif self._waited >= self._settings.patience:
            run.state.stop_reason = f"early stop: {self._waited} evaluations without a better result than {self._best:.6g}"
        if run.state.stop_reason:
            logger.info(run.state.stop_reason)


class KeepBest(Hook):
    """`Global.keep_best`: the weights of the best evaluations, by the main indicator; of two equal ones the later is better."""

    name = "keep_best"
    saved: ClassVar = {"kept": dict[str, float]}

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[int, float] = {}  # step -> main indicator

    def state(self) -> Any:
        return {"kept": {str(step): value for step, value in self._kept.items()}}

    def load(self, state: Any) -> None:
        self._kept = {int(step): value for step, value in state["kept"].items()}

    def after_evaluation(self, run: Run, evaluations: Sequence[Evaluation]) -> None:
        step, value = run.progress.step, evaluations[0].value
        if step == 0 or step in self._kept:
            return
        order = sorted({**self._kept, step: value}.items(), key=lambda item: (-item[1], -item[0]))
        if step not in dict(order[: self._most]):
            return
        save_run_weights(run, KEPT.format(step))
        self._kept = dict(order[: self._most])
        for gone, _ in order[self._most :] if run.machine.ranks.main else ():
            (run.output.folder / KEPT.format(gone)).unlink(missing_ok=True)


class Checkpoints(Hook):
    """`latest.ckpt` at each epoch's end and every `save_batch_step` steps; `iter_epoch_N` every `save_epoch_step` epochs."""

    def __init__(self, settings: GlobalConfig) -> None:
        self._settings = settings

    def after_step(self, run: Run, result: StepResult) -> None:
        every = self._settings.save_batch_step
        if every and run.progress.step % every == 0:
            save_latest(run)

    def after_epoch(self, run: Run) -> None:
        epoch = run.progress.epoch
        every = self._settings.save_epoch_step
        if every is not None and epoch % every == 0:
            save_run_weights(run, f"iter_epoch_{epoch}.safetensors")
            self._drop_old(run)
        save_latest(run, replace(run.progress, epoch=epoch + 1, batch=0, group=0))
        run.clock.resume_after_pause()

    def finish(self, run: Run) -> None:
        save_latest(run)

    def _drop_old(self, run: Run) -> None:
        keep = self._settings.keep_checkpoints
        if keep is None or not run.machine.ranks.main:
            return
        found = run.output.folder.path.glob("iter_epoch_*.safetensors")
        numbered = sorted((int(m.group(1)), path) for path in found if (m := re.fullmatch(r"iter_epoch_(\d+)", path.stem)))
        for _, path in numbered[: max(0, len(numbered) - keep)]:
            path.unlink()


def save_run_weights(run: Run, name: str) -> None:
    """The measured weights as safetensors, with recipe, charset and metrics in the metadata (on the main rank).

    Raises:
        CheckpointError: it cannot be written.
        TrainingError: a step was not finite (`Run.confirm`).
    """
    run.confirm()
    with run.measured():
        state = run.objective.model.state_dict()
    if not run.machine.ranks.main:
        return
    metadata = {
        **({"charset": run.parts.charset.to_metadata()} if run.parts.charset is not None else {}),
        "recipe": run.recipe.tree,
        "metrics": run.state.results.last,
        "epoch": run.progress.trained_epoch,
        "global_step": run.progress.step,
        "samples": run.progress.samples,
    }
    save_weights(run.output.folder / name, state, metadata)


def save_latest(run: Run, progress: Progress | None = None) -> None:
    """`latest.ckpt`: the whole state of the run (on the main rank; the generators of every rank).

    Raises:
        CheckpointError: it cannot be written; the earlier one is intact.
        TrainingError: a step was not finite (`Run.confirm`).
    """
    run.confirm()
    shares = run.machine.ranks.gather((rng_state(), run.state.rejections))
    if not run.machine.ranks.main:
        return
    where = progress or run.progress
    run.output.folder.save_latest(
        {
            "model": run.objective.model.state_dict(),
            "optimizer": run.parts.optimizer.state_dict(),
            "scaler": run.parts.scaler.state_dict(),
            "rng": [generators for generators, _ in shares],
            "progress": asdict(where),
            "best": run.state.best.to_dict(),
            "hooks": {hook.name: hook.state() for hook in run.hooks if hook.name},
            "recipe": run.recipe.tree,
            "charset": run.parts.charset.to_metadata() if run.parts.charset is not None else None,
            "dictionary": run.parts.dictionary.digest if run.parts.dictionary is not None else None,
            "records": run.output.records.count,
            "rejections": asdict(Rejections.joined(rejections for _, rejections in shares)),
            "threads": torch.get_num_threads(),
            "world": run.machine.ranks.world,
            "batches_per_epoch": run.length.batches_per_epoch,
            "order": run.parts.loader.order(where.epoch) if where.batch else None,
        }
    )
