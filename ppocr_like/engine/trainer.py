"""The training loop, in the order of the maths. It knows nothing of detection or recognition."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from copy import deepcopy
from itertools import islice
from typing import Any

import torch

from ppocr_like.config.input_checks import size_path
from ppocr_like.contracts import Rejections, entry_name
from ppocr_like.engine.compiling import compile_told
from ppocr_like.engine.device import memory_told, network_told
from ppocr_like.engine.guard import Interrupted
from ppocr_like.engine.ranks.joint import over_ranks, stand_in
from ppocr_like.engine.run import Run, StepResult
from ppocr_like.errors import OcrError, PeerError, TrainingError

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
        run.settle()
        for group in groups(run):
            run.clock.ready()
            result = train_step(run, group)
            run.clock.done(result.samples if result else 0)
            if result:
                run.settle()
                run.tell("after_step", result)
            run.clock.told()
            if run.stop_reason:
                break
        else:
            if began_here and run.progress.samples == used:
                run.in_step = True
                raise run.ranks.said_once(TrainingError(_nothing_usable(run)))
            run.settle()
            run.tell("after_epoch")
            run.progress.next_epoch()
        run.clock.resume_after_pause()
    run.tell("finish")


def groups(run: Run) -> Iterator[list[Batch]]:
    """The epoch's batches from `run.progress` on, in groups of `accumulate_steps`: one optimizer step each.

    Between the steps the ranks look at each other: when one was told to stop, or cannot go on with its data, all of them
    stop at this point, where the state can be saved.
    """
    stream = grouped(run.loader.batches(run.progress.epoch, start=run.progress.batch), run.accumulate)
    while True:
        group, error = None, None
        try:
            group = next(stream, None)
        except OcrError as caught:
            error = caught
        failed, told = run.ranks.sum(float(error is not None), float(run.signals.pending > 0))
        run.in_step = bool(failed or told)
        if told:
            raise Interrupted(run.signals.pending or signal.SIGTERM) from error
        if error is not None:
            raise error
        if failed:
            raise PeerError("another rank cannot go on with its data and says why")
        if group is None:
            return
        yield group


def grouped(batches: Iterator[Batch], size: int) -> Iterator[list[Batch]]:
    """Batches in groups of `size` (the last may be smaller)."""
    while group := list(islice(batches, size)):
        yield group


def train_step(run: Run, group: list[Batch]) -> StepResult | None:
    """One optimizer step over a group of batches and all ranks. None when no rank had a usable sample.

    The loss is the mean over all samples of the step, whichever batch or rank they came in: a batch that lost samples
    weighs less. Until the update begins, a failure leaves the run as it was before (see StepGuard).
    """
    counts = [[int(n) for n in row] for row in run.ranks.rows([len(batch["info"]) for batch in group])]
    total = sum(map(sum, counts))
    if total == 0 and run.set_aside is None:
        run.set_aside = deepcopy(run.rejections)
    for batch in group:
        for sample in batch["rejected"]:
            run.rejections.add(sample)
    if total == 0:
        run.progress.batch += len(group)
        run.progress.group += 1
        return None

    run.guard.begin()
    run.tell("before_step")
    sums: dict[str, float] = {}
    with run.ranks.alive():
        accumulate_gradients(run, group, counts, total, sums)
    run.gradients.finish()
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


def accumulate_gradients(run: Run, group: list[Batch], counts: list[list[int]], total: int, sums: dict[str, float]) -> None:
    """Forward and backward passes of a group's batches; `counts`: each rank's samples in each batch.

    A rank without samples adds nothing and joins the sum of gradients later. Where batch norms or the loss span the ranks it
    computes along with a sample of another rank.
    """
    per_batch = list(zip(*counts, strict=True))
    work = [(batch, here) for batch, here in zip(group, per_batch, strict=True) if (sum(here) if run.joint else batch["info"])]
    for number, (batch, here) in enumerate(work):
        if number == len(work) - 1:
            run.gradients.arm()  # no gradient of this step changes after this batch
        if not run.joint:
            forward_backward(run, run.compute.move(batch), len(batch["info"]) / total, sums)
            continue
        names = ("image", *_named((*run.model.needs, *getattr(run.loss, "needs", ())), batch))  # type: ignore[misc]
        own = run.compute.move(stand_in(run.ranks, batch, names, here))
        muted = here[run.ranks.rank] == 0
        with run.sync.muting(muted) if run.sync else nullcontext():
            forward_backward(run, own, sum(here) / total if run.loss_over_ranks else here[run.ranks.rank] / total, sums, here)


def targets_of(model: Any, batch: Batch) -> dict[str, torch.Tensor]:
    """What the model reads of a batch in training, beside the images."""
    return {name: batch[name] for name in _named(model.needs, batch)}


def _named(needs: Sequence[str], batch: Batch) -> list[str]:
    """The batch's entries by which the needs are met."""
    return [entry_name(need, batch) or need for need in needs]


def forward_backward(run: Run, batch: Batch, weight: float, sums: dict[str, float], counts: Sequence[int] | None = None) -> None:
    """Adds one batch's gradients, times its share of the step's samples, to the parameters; its losses to `sums`.

    `counts`: samples of each rank, where the ranks compute together; of this one 0 when `batch` is a stand-in.
    """
    refuse_ragged(run, batch)
    targets = targets_of(run.model, batch)
    stands_in = counts is not None and counts[run.ranks.rank] == 0
    own = nullcontext() if run.joint else network_told(batch["image"], batch["info"], "Train", size_path(run.recipe, "Train"))
    with own, memory_told(batch["image"], batch["info"], "Train"), compile_told():
        with run.compute.autocast():
            outputs = run.model(batch["image"], targets)
        outputs = {name: value.float() if value.is_floating_point() else value for name, value in outputs.items()}
        losses = joint_loss(run, outputs, batch, counts)  # in float32, whatever the network ran in
        loss = losses["loss"] * weight
        if stands_in:  # its gradients are 0, but the others wait for them
            loss = (loss if run.loss_over_ranks else 0.0) + 0.0 * sum(v.sum() for v in outputs.values() if v.requires_grad)
        run.scaler.scale(loss).backward()

    for name, value in losses.items():
        share = 1.0 if name.startswith("count/") else weight
        if run.loss_over_ranks and counts is not None:  # every rank has the same
            share = share if run.ranks.main else 0.0
        elif stands_in:
            share = 0.0
        sums[name] = sums.get(name, 0.0) + float(value.detach()) * share  # the step's only synchronisation with a GPU
    if not stands_in:
        run.tell("after_forward", {name: value.detach() for name, value in outputs.items()}, batch)


def joint_loss(run: Run, outputs: dict[str, torch.Tensor], batch: Batch, counts: Sequence[int] | None) -> dict[str, torch.Tensor]:
    """The loss of a batch, under `Global.loss_over_ranks` of all ranks' batches as if they were one."""
    if not run.loss_over_ranks or counts is None:
        return run.loss(outputs, batch)
    read = {name: batch[name] for name in _named(getattr(run.loss, "needs", ()), batch)}
    return run.loss(over_ranks(run.ranks, outputs, counts), over_ranks(run.ranks, read, counts))


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
        run.in_step = True
        message = (
            f"{bad} in step {run.progress.step + 1} (epoch {run.progress.epoch}); the weights are those before it. Its samples:\n"
            f"  {samples}\nLook at these images and labels; lower Optimizer.lr.learning_rate or set Optimizer.clip_norm_global"
            + (", or set Global.amp_dtype=bfloat16: float16 ends at 65504" if run.scaler.is_enabled() else "")
        )
        raise run.ranks.said_once(TrainingError(message))


def _nothing_usable(run: Run) -> str:
    rejected = Rejections.joined(run.ranks.gather(run.rejections))
    reasons = "\n  ".join(f"{reason} ({count}): {rejected.examples[reason][0]}" for reason, count in rejected.counts.items())
    return (
        f"no sample of the training set could be used in epoch {run.progress.epoch}:\n  {reasons}\n"
        "tools/check.py --data names each line and says what to do about it"
    )
