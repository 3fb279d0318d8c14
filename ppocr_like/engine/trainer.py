"""The training loop, in the order of the maths. It knows nothing of detection or recognition."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import torch

from ppocr_like.contracts import entry_name
from ppocr_like.engine.compiling import compile_told
from ppocr_like.engine.device import memory_told
from ppocr_like.engine.guard import Interrupted
from ppocr_like.engine.run import Run, StepResult
from ppocr_like.errors import TrainingError

Batch = dict[str, Any]


def fit(run: Run) -> None:
    """Trains from `run.progress` to the last epoch, or until a hook sets `run.stop_reason`.

    Raises:
        TrainingError: a loss or gradient that is not finite, or an epoch without a usable sample.
        Interrupted: SIGINT or SIGTERM, after the step during which it came.
    """
    run.model.train()
    run.tell("start")
    run.clock.resume_after_pause()
    while run.progress.epoch <= run.epochs and not run.stop_reason:
        used = run.progress.samples
        began_here = run.progress.batch == 0
        for group in grouped(run.loader.batches(run.progress.epoch, start=run.progress.batch), run.accumulate):
            run.clock.ready()
            result = train_step(run, group)
            run.clock.done(result.samples if result else 0)
            if result:
                run.tell("after_step", result)
            run.clock.told()
            if run.ranks.any(bool(run.signals.pending)):  # every rank stops when one was told to
                raise Interrupted(run.signals.pending or signal.SIGTERM)
            if run.stop_reason:
                break
        else:
            if began_here and run.progress.samples == used:
                raise TrainingError(_nothing_usable(run))
            run.tell("after_epoch")
            run.progress.next_epoch()
        run.clock.resume_after_pause()
    run.tell("finish")


def grouped(batches: Iterator[Batch], size: int) -> Iterator[list[Batch]]:
    """Batches in groups of `size` (the last may be smaller): one optimizer step each."""
    while group := list(islice(batches, size)):
        yield group


def train_step(run: Run, group: list[Batch]) -> StepResult | None:
    """One optimizer step over a group of batches and all ranks. None when no rank had a usable sample.

    The loss is the mean over all samples of the step, whichever batch or rank they came in: a batch that lost samples
    weighs less. Until the update begins, a failure leaves the run as it was before (see StepGuard).
    """
    for batch in group:
        for sample in batch["rejected"]:
            run.rejections.add(sample)
    total = int(run.ranks.sum(sum(len(batch["info"]) for batch in group))[0])
    if total == 0:
        run.progress.batch += len(group)
        run.progress.group += 1
        return None

    run.guard.begin()
    run.tell("before_step")
    sums: dict[str, float] = {}
    for batch in group:
        if batch["info"]:  # a rank without samples adds nothing, but joins the sum of gradients below
            forward_backward(run, run.compute.move(batch), len(batch["info"]) / total, sums)
    run.ranks.sum_gradients(run.model.parameters())
    losses = shared_losses(run, sums)
    check_finite(run, losses, group)

    skipped, scale = run.scaler.skipped, run.scaler.get_scale()
    with run.guard.update():
        rates = run.optimizer.step(run.schedule_step(), run.scaler if run.scaler.is_enabled() else None)
        run.optimizer.zero_grad()
        run.progress.batch += len(group)
        run.progress.group += 1
        run.progress.step += 1
        run.progress.samples += total
    run.guard.end()
    if run.scaler.is_enabled():
        run.scaler.check()
        losses["count/skipped_steps"] = float(run.scaler.skipped - skipped)
        rates = {name: value for name, value in rates.items() if torch.isfinite(torch.tensor(value))} | {"loss_scale": scale}
    return StepResult(losses, {name: float(value) for name, value in rates.items()}, total)


def targets_of(model: Any, batch: Batch) -> dict[str, torch.Tensor]:
    """What the model reads of a batch in training, beside the images."""
    return {name: batch[name] for name in _named(model.needs, batch)}


def _named(needs: Sequence[str], batch: Batch) -> list[str]:
    """The batch's entries by which the needs are met."""
    return [entry_name(need, batch) or need for need in needs]


def forward_backward(run: Run, batch: Batch, weight: float, sums: dict[str, float]) -> None:
    """Adds one batch's gradients, times its share of the step's samples, to the parameters; its losses to `sums`."""
    refuse_ragged(run, batch)
    targets = targets_of(run.model, batch)
    with memory_told(batch["image"], batch["info"], "Train"), compile_told():
        with run.compute.autocast():
            outputs = run.model(batch["image"], targets)
        outputs = {name: value.float() if value.is_floating_point() else value for name, value in outputs.items()}
        losses = run.loss(outputs, batch)  # in float32, whatever the network ran in
        run.scaler.scale(losses["loss"] * weight).backward()

    for name, value in losses.items():
        share = 1.0 if name.startswith("count/") else weight
        sums[name] = sums.get(name, 0.0) + float(value.detach()) * share  # the step's only synchronisation with a GPU
    run.tell("after_forward", {name: value.detach() for name, value in outputs.items()}, batch)


def refuse_ragged(run: Run, batch: Batch) -> None:
    """Entries that network and loss read must have one shape; others (the polygons of pages) come as lists.

    Raises:
        TrainingError: names the entry and the shapes.
    """
    for name in _named((*run.model.needs, *getattr(run.loss, "needs", ())), batch):  # type: ignore[misc]
        if isinstance(batch[name], list):
            shapes = sorted({tuple(getattr(value, "shape", ())) for value in batch[name]})
            raise TrainingError(
                f"the batch entry {name!r} has arrays of different shapes, {shapes}, so that no tensor can be made of it; the "
                f"transforms must give one shape (first sample: {batch['info'][0].path})"
            )


def shared_losses(run: Run, sums: dict[str, float]) -> dict[str, float]:
    """The losses summed over the ranks. A rank without samples learns the names from the others."""
    if run.ranks.world == 1:
        return sums
    if not run.loss_names:
        run.loss_names = next(names for names in run.ranks.gather(list(sums)) if names)
    totals = run.ranks.sum(*(sums.get(name, 0.0) for name in run.loss_names))
    return dict(zip(run.loss_names, totals, strict=True))


def check_finite(run: Run, losses: dict[str, float], group: list[Batch]) -> None:
    """Stops before a NaN or infinite loss or gradient reaches the weights, and names the samples.

    Under float16 the gradients are the scaler's affair: it skips steps whose gradients overflow.

    Raises:
        TrainingError: what is not finite, in which step, from which files.
    """
    bad = ", ".join(f"{name} is {value}" for name, value in losses.items() if not torch.isfinite(torch.tensor(value)))
    if not bad and not run.scaler.is_enabled():
        norm = torch.nn.utils.get_total_norm([p.grad for p in run.model.parameters() if p.grad is not None])
        bad = "" if torch.isfinite(norm) else f"the gradient's norm is {float(norm)} (loss {losses['loss']:.6g})"
    if bad:
        here = [f"{info.path} ({info.file}, line {info.line})" for batch in group for info in batch["info"]]
        samples = "\n  ".join(name for names in run.ranks.gather(here) for name in names)
        raise TrainingError(
            f"{bad} in step {run.progress.step + 1} (epoch {run.progress.epoch}); the weights are those before it. Its samples:\n"
            f"  {samples}\nLook at these images and labels; lower Optimizer.lr.learning_rate or set Optimizer.clip_norm_global"
            + (", or set Global.amp_dtype=bfloat16: float16 ends at 65504" if run.scaler.is_enabled() else "")
        )


def _nothing_usable(run: Run) -> str:
    reasons = "\n  ".join(
        f"{reason} ({count}): {run.rejections.examples[reason][0]}" for reason, count in run.rejections.counts.items()
    )
    return (
        f"no sample of the training set could be used in epoch {run.progress.epoch}:\n  {reasons}\n"
        "tools/check.py --data names each line and says what to do about it"
    )
