"""Hooks that tell people how the run goes: log lines, records, progress bar, loggers."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

import torch

from ppocr_like.config import GlobalConfig
from ppocr_like.contracts import Rejections
from ppocr_like.engine.device import memory_text
from ppocr_like.engine.evaluator import Evaluation, log_rejections
from ppocr_like.engine.hooks import TrainMetric
from ppocr_like.engine.line_files import add_rejected
from ppocr_like.engine.pictures import prediction_pictures, training_pictures
from ppocr_like.engine.run import Hook, Run, StepResult
from ppocr_like.engine.stats import Smoother, duration

logger = logging.getLogger("ppocr_like")


class LogLines(Hook):
    """One line every `print_batch_step` steps and after the last step of an epoch, with medians over `log_smooth_window` steps;
    the same as a record in `metrics.jsonl` and as scalars to the loggers. At every epoch's end a line that sums it up."""

    name = "log"
    every_step = True
    saved: ClassVar = {
        "windows": dict[str, list[float | int]],
        "counts": dict[str, float],
        "pending": StepResult | None,
    }

    def __init__(self, settings: GlobalConfig, train_metric: TrainMetric | None) -> None:
        self._every = settings.print_batch_step
        self._print_memory = settings.print_mem_info
        self._smooth = Smoother(settings.log_smooth_window)
        self._metric = train_metric
        self._pending: StepResult | None = None  # the last step, when it has no line yet
        self._epoch = [0.0, 0.0, 0.0]  # steps, samples, and the sum of the samples' losses of the epoch so far
        self._counts: dict[str, float] = {}  # sums of the losses' `count/...` entries since the last line
        self._waiting: list[tuple[StepResult, dict[str, float]]] = []  # whose numbers may still be on a device, with the metric's

    def state(self) -> Any:
        self._fold()
        pending = asdict(self._pending) if self._pending else None
        return {"windows": self._smooth.state(), "counts": self._counts, "pending": pending, "epoch": self._epoch}

    def load(self, state: Any) -> None:
        self._smooth.load(state["windows"])
        self._counts = dict(state["counts"])
        self._epoch = list(state.get("epoch", self._epoch))
        self._pending = StepResult(**state["pending"]) if state["pending"] else None

    def after_step(self, run: Run, result: StepResult) -> None:
        self._waiting.append((result, self._metric.values if self._metric else {}))
        if run.progress.step % self._every == 0:
            self._write(run)

    def _fold(self) -> None:
        """Takes in the steps whose numbers have come."""
        told = [(result, values) for result, values in self._waiting if result.told]
        self._waiting = []
        for result, metric in told:
            for name, value in {**result.losses, **result.rates}.items():
                if name.startswith("count/"):
                    self._counts[name] = self._counts.get(name, 0.0) + value
                elif name != "lr":
                    self._smooth.add({name: value})
            self._smooth.add(metric)
            self._pending = result
            for place, value in enumerate((1, result.samples, result.samples * result.losses["loss"])):
                self._epoch[place] += value

    def after_epoch(self, run: Run) -> None:
        self._write(run)
        self._sum_up(run)
        if rejected := self._tell_rejected(run):
            record = {"epoch": run.progress.epoch, "global_step": run.progress.step, "counts": dict(rejected.counts)}
            run.output.records.add("rejected", record)
        run.state.rejections = Rejections()

    def finish(self, run: Run) -> None:
        self._write(run)
        self._tell_rejected(run)  # of an epoch that did not end; a run that goes on counts them with the rest of it

    def _tell_rejected(self, run: Run) -> Rejections | None:
        """What the epoch's samples so far were rejected for: in the log and in `left_out.tsv`. None: nothing, or not rank 0."""
        rejected = Rejections.joined(run.machine.ranks.gather(run.state.rejections))
        if not rejected.total or not run.machine.ranks.main:
            return None
        log_rejections(rejected, f"training, epoch {run.progress.epoch}")
        add_rejected(run.output.folder.path, "train", rejected)
        return rejected

    def _sum_up(self, run: Run) -> None:
        steps, samples, losses = self._epoch
        self._epoch = [0.0, 0.0, 0.0]
        if run.machine.ranks.main and samples:
            words = "epoch %s is done: %d steps, %d samples, mean loss %.6f; step %s in all"
            done = run.progress
            epoch, step = f"{done.epoch}", f"{done.step}"
            if run.length.bounded:
                epoch, step = f"{epoch} of {run.length.epochs}", f"{step} of {run.length.total_steps}"
            logger.info(words, epoch, steps, samples, losses / samples, step)

    def _write(self, run: Run) -> None:
        """A line about the last step, where it has none yet."""
        run.confirm()
        self._fold()
        result, self._pending = self._pending, None
        if result is None:
            return
        if not run.machine.ranks.main:
            return
        progress, medians = run.progress, self._smooth.medians()
        counts, self._counts = self._counts, {}
        times = run.clock.report(run.length.total_steps - progress.step)
        numbers = ", ".join(f"{name}: {value:.6f}" for name, value in medians.items())
        numbers += "".join(f", {name.removeprefix('count/')}: {value:.0f}" for name, value in counts.items() if value)
        memory = f", memory: {memory_text(run.machine.compute.device)}" if self._print_memory else ""
        logger.info(
            "epoch: [%d/%s], global_step: %d, lr: %.6g, %s, samples/s: %.1f, waiting for data: %.1f %%, eta: %s%s",
            progress.trained_epoch,
            run.length.epochs if run.length.bounded else "-",
            progress.step,
            result.rates["lr"],
            numbers,
            times["samples_per_s"],
            100 * times["data_wait"],
            duration(times["eta_s"]) if run.length.bounded else "-",
            memory,
        )
        values = {"lr": result.rates["lr"], **medians, **counts}
        run.output.records.add(
            "train",
            {
                "epoch": progress.trained_epoch,
                "global_step": progress.step,
                "samples": progress.samples,
                "loss_now": result.losses["loss"],
                **values,
                **times,
            },
        )
        for target in run.output.loggers:
            target.scalars(progress.step, {f"train/{name}": value for name, value in {**values, **times}.items()})


class EvaluationLog(Hook):
    """Scalars and pictures of each evaluation to the loggers."""

    def after_evaluation(self, run: Run, evaluations: Sequence[Evaluation]) -> None:
        datasets = {part.name: part.loader.dataset for part in run.parts.eval_sets}
        for target in run.output.loggers:
            for e in evaluations:
                target.scalars(run.progress.step, {f"eval/{e.name}/{name}": value for name, value in e.metrics.items()})
                target.images(run.progress.step, prediction_pictures(e.name, datasets[e.name], e.lines))


class TrainingPictures(Hook):
    """What the network sees and gives in training (`pictures.training_pictures`), to the loggers: of the first samples of the
    first step, and every `every` steps."""

    SAMPLES = 2

    def __init__(self, every: int) -> None:
        self._every = every
        self._made: dict[str, Any] = {}

    def before_step(self, run: Run) -> None:
        self._made = {}

    def after_forward(self, run: Run, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, Any]) -> None:
        if run.output.loggers and not self._made and run.progress.step % self._every == 0:
            parts = (run.objective.loss, getattr(run.objective.model, "head", None))
            self._made = training_pictures(parts, outputs, batch, self.SAMPLES)

    def after_step(self, run: Run, result: StepResult) -> None:
        for target in run.output.loggers if self._made else ():
            target.images(run.progress.step, self._made)


class ProgressBar(Hook):
    """A bar over the run's steps, on a terminal only; log lines are written above it."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._loss = ""  # the latest that is known

    @staticmethod
    def wanted() -> bool:
        return sys.stderr.isatty()

    def start(self, run: Run) -> None:
        if not run.machine.ranks.main:
            return
        from tqdm import tqdm
        from tqdm.contrib.logging import logging_redirect_tqdm

        self._redirect = logging_redirect_tqdm([logger])
        self._redirect.__enter__()
        total = run.length.total_steps if run.length.bounded else None
        self._bar = tqdm(total=total, initial=run.progress.step, unit="step", dynamic_ncols=True, leave=False)

    def after_step(self, run: Run, result: StepResult) -> None:
        if self._bar is not None:
            epoch = f"epoch {run.progress.epoch}" + (f"/{run.length.epochs}" if run.length.bounded else "")
            self._loss = f", loss {result.losses['loss']:.4f}" if result.told else self._loss
            self._bar.set_postfix_str(f"{epoch}{self._loss}", refresh=False)
            self._bar.update(1)

    def close(self, run: Run) -> None:
        if self._bar is not None:
            self._bar.close()
            self._redirect.__exit__(None, None, None)
            self._bar = None
