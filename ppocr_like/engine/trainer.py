"""The training loop, in the order of the maths. It knows nothing of detection or recognition."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from copy import deepcopy
from itertools import islice

import torch

from ppocr_like.contracts import Rejections
from ppocr_like.engine.compiling import compile_told
from ppocr_like.engine.guard import Interrupted
from ppocr_like.engine.objective import Batch
from ppocr_like.engine.ranks.joint import Share
from ppocr_like.engine.run import Run, StepResult
from ppocr_like.errors import OcrError, PeerError, TrainingError


def fit(run: Run) -> None:
    """Trains from `run.progress` to the last epoch, or until a hook sets `run.state.stop_reason`.

    Raises:
        TrainingError: a loss or gradient that is not finite, or an epoch without a usable sample.
        Interrupted: SIGINT or SIGTERM, after the step during which it came.
    """
    run.objective.model.train()
    run.tell("start")
    run.clock.resume_after_pause()
    while run.progress.epoch <= run.length.epochs and not run.state.stop_reason:
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
            if run.state.stop_reason:
                break
        else:
            if began_here and run.progress.samples == used:
                run.state.in_step = True
                raise run.machine.ranks.said_once(TrainingError(_nothing_usable(run)))
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
    stream = grouped(run.parts.loader.batches(run.progress.epoch, start=run.progress.batch), run.length.accumulate)
    while True:
        group, error = None, None
        try:
            group = next(stream, None)
        except OcrError as caught:
            error = caught
        failed, told = run.machine.ranks.sum(float(error is not None), float(run.machine.signals.pending > 0))
        run.state.in_step = bool(failed or told)
        if told:
            raise Interrupted(run.machine.signals.pending or signal.SIGTERM) from error
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
    counts = [[int(n) for n in row] for row in run.machine.ranks.rows([len(batch["info"]) for batch in group])]
    total = sum(map(sum, counts))
    if total == 0 and run.state.set_aside is None:
        run.state.set_aside = deepcopy(run.state.rejections)
    for batch in group:
        for sample in batch["rejected"]:
            run.state.rejections.add(sample)
    if total == 0:
        run.progress.batch += len(group)
        run.progress.group += 1
        return None

    run.machine.guard.begin()
    run.tell("before_step")
    sums: dict[str, float] = {}
    with run.machine.ranks.alive():
        accumulate_gradients(run, group, counts, total, sums)
    run.machine.gradients.finish()
    losses = shared_losses(run, sums)
    check_finite(run, losses, group)

    skipped, scale = run.parts.scaler.skipped, run.parts.scaler.get_scale()
    with run.machine.guard.update():
        rates = run.parts.optimizer.step(run.schedule_step(), run.parts.scaler if run.parts.scaler.is_enabled() else None)
        run.parts.optimizer.zero_grad()
        run.progress.batch += len(group)
        run.progress.group += 1
        run.progress.step += 1
        run.progress.samples += total
    run.machine.guard.end()
    if run.parts.scaler.is_enabled():
        run.parts.scaler.check()
        losses["count/skipped_steps"] = float(run.parts.scaler.skipped - skipped)
        rates = {name: value for name, value in rates.items() if torch.isfinite(torch.tensor(value))} | {"loss_scale": scale}
    return StepResult(losses, {name: float(value) for name, value in rates.items()}, total)


def accumulate_gradients(run: Run, group: list[Batch], counts: list[list[int]], total: int, sums: dict[str, float]) -> None:
    """Forward and backward passes of a group's batches; `counts`: each rank's samples in each batch.

    A rank without samples adds nothing and joins the sum of gradients later. Where batch norms or the loss span the ranks it
    computes along with a sample of another rank.
    """
    shares = [run.machine.joint.share(here, total) for here in zip(*counts, strict=True)]
    work = [(batch, share) for batch, share in zip(group, shares, strict=True) if share.computed]
    for number, (batch, share) in enumerate(work):
        if number == len(work) - 1:
            run.machine.gradients.arm()  # no gradient of this step changes after this batch
        batch = share.filled(batch, (*run.objective.inputs, *run.objective.targets(batch)))
        with share.muting():
            forward_backward(run, run.machine.compute.move(batch), share, sums)


def forward_backward(run: Run, batch: Batch, share: Share, sums: dict[str, float]) -> None:
    """Adds one batch's gradients, times its share of the step, to the parameters; its losses to `sums`."""
    run.objective.refuse_ragged(batch)
    with run.objective.told(batch, "Train", alone=not run.machine.joint.waits), compile_told():
        losses, outputs = run.objective.train(batch, share.over)
        run.parts.scaler.scale(share.weighed(losses, outputs)).backward()

    for name, value in losses.items():
        sums[name] = sums.get(name, 0.0) + float(value.detach()) * share.told(name)  # the step's only synchronisation with a GPU
    if not share.stands_in:
        run.tell("after_forward", {name: value.detach() for name, value in outputs.items()}, batch)


def shared_losses(run: Run, sums: dict[str, float]) -> dict[str, float]:
    """The losses summed over the ranks. A rank without samples learns the names from the others."""
    if run.machine.ranks.world == 1:
        return sums
    if not run.state.loss_names:
        run.state.loss_names = next(names for names in run.machine.ranks.gather(list(sums)) if names)
    totals = run.machine.ranks.sum(*(sums.get(name, 0.0) for name in run.state.loss_names))
    return dict(zip(run.state.loss_names, totals, strict=True))


def check_finite(run: Run, losses: dict[str, float], group: list[Batch]) -> None:
    """Stops before a NaN or infinite loss or gradient reaches the weights, and names the samples.

    Under float16 the gradients are the scaler's affair: it skips steps whose gradients overflow.

    Raises:
        TrainingError: what is not finite, in which step, from which files.
    """
    bad = ", ".join(f"{name} is {value}" for name, value in losses.items() if not torch.isfinite(torch.tensor(value)))
    if not bad and not run.parts.scaler.is_enabled():
        norm = torch.nn.utils.get_total_norm([p.grad for p in run.objective.model.parameters() if p.grad is not None])
        bad = "" if torch.isfinite(norm) else f"the gradient's norm is {float(norm)} (loss {losses['loss']:.6g})"
    if bad:
        here = [f"{info.path} ({info.file}, line {info.line})" for batch in group for info in batch["info"]]
        samples = "\n  ".join(name for names in run.machine.ranks.gather(here) for name in names)
        run.state.in_step = True
        message = (
            f"{bad} in step {run.progress.step + 1} (epoch {run.progress.epoch}); the weights are those before it. Its samples:\n"
            f"  {samples}\nLook at these images and labels; lower Optimizer.lr.learning_rate or set Optimizer.clip_norm_global"
            + (", or set Global.amp_dtype=bfloat16: float16 ends at 65504" if run.parts.scaler.is_enabled() else "")
        )
        raise run.machine.ranks.said_once(TrainingError(message))


def _nothing_usable(run: Run) -> str:
    rejected = Rejections.joined(run.machine.ranks.gather(run.state.rejections))
    reasons = "\n  ".join(f"{reason} ({count}): {rejected.examples[reason][0]}" for reason, count in rejected.counts.items())
    return (
        f"no sample of the training set could be used in epoch {run.progress.epoch}:\n  {reasons}\n"
        "tools/check.py --data names each line and says what to do about it"
    )
