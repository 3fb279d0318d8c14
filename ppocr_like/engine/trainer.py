"""The training loop, in the order of the maths. It knows nothing of detection or recognition."""

from __future__ import annotations

import math

import torch

from ppocr_like.engine.compiling import compile_told
from ppocr_like.engine.feed import groups, note_rejected, nothing_usable
from ppocr_like.engine.finite import Sums, check_finite, shared_losses
from ppocr_like.engine.objective import Batch
from ppocr_like.engine.ranks.joint import Share
from ppocr_like.engine.run import Run, StepResult
from ppocr_like.errors import TrainingError


def fit(run: Run) -> None:
    """Trains from `run.progress` to the last epoch or step, or until a hook sets `run.state.stop_reason`.

    Raises:
        TrainingError: a loss or gradient that is not finite, or an epoch without a usable sample.
        Interrupted: SIGINT or SIGTERM, after the step during which it came.
    """
    run.objective.model.train()
    run.tell("start")
    run.clock.resume_after_pause()
    while not run.over:
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
            if run.state.stop_reason or (run.over and run.progress.group < run.groups_of_epoch()):
                break
        else:
            if began_here and run.progress.samples == used:
                run.state.in_step = True
                raise run.machine.ranks.said_once(TrainingError(nothing_usable(run)))
            run.settle()
            run.confirm()
            run.tell("after_epoch")
            run.progress.next_epoch()
        run.clock.resume_after_pause()
    run.confirm()
    run.tell("finish")


def train_step(run: Run, group: list[Batch]) -> StepResult | None:
    """One optimizer step over a group of batches and all ranks. None when no rank had a usable sample.

    The loss is the mean over all samples of the step, whichever batch or rank they came in: a batch that lost samples
    weighs less. Until the update begins, a failure leaves the run as it was before (see StepGuard).
    """
    late = run.machine.late
    rejections = run.state.rejections.copy() if late else run.state.rejections
    counts = [[int(n) for n in row] for row in run.machine.ranks.rows([len(batch["info"]) for batch in group])]
    total = sum(map(sum, counts))
    note_rejected(run, group, total)
    if total == 0:
        run.progress.pass_group(len(group))
        return None

    run.machine.guard.begin()
    before = late.before(run, group, rejections) if late else None
    run.tell("before_step")
    sums = Sums(run.machine.compute.far)
    with run.machine.ranks.alive():
        accumulate_gradients(run, group, counts, total, sums)
    run.machine.gradients.finish()
    run.machine.ranks.average_statistics(run.objective.model)  # each time: else an extra save would round them otherwise
    if late and before:
        whole = late.judge(sums, run.parts.optimizer.parameters)
    else:
        losses = shared_losses(run, sums.fetched())
        check_finite(run, losses, group)
    with run.machine.guard.update():
        rates, told = update_weights(run)
        run.progress.pass_group(len(group), total)
    run.machine.guard.end()
    if late and before:
        return late.wait(before, sums, whole, rates, run, total)
    run.parts.scaler.check()
    return StepResult({**losses, **told}, {name: float(value) for name, value in rates.items()}, total)


def accumulate_gradients(run: Run, group: list[Batch], counts: list[list[int]], total: int, sums: Sums) -> None:
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
            forward_backward(run, run.objective.moved(batch), share, sums)


def forward_backward(run: Run, batch: Batch, share: Share, sums: Sums) -> None:
    """Adds one batch's gradients, times its share of the step, to the parameters; its losses to `sums`."""
    run.objective.refuse_ragged(batch)
    with run.objective.told(batch, "Train", alone=not run.machine.joint.waits), compile_told():
        losses, outputs = run.objective.train(batch, share.over)
        run.parts.scaler.scale(share.weighed(losses, outputs)).backward()

    sums.add(losses, share)
    if not share.stands_in:
        run.tell("after_forward", {name: value.detach() for name, value in outputs.items()}, batch)


def update_weights(run: Run) -> tuple[dict[str, float | torch.Tensor], dict[str, float]]:
    """The optimizer's step: (its rates, of late steps those on the device as they are; what the loss scaler tells under
    float16)."""
    optimizer, scaler = run.parts.optimizer, run.parts.scaler
    skipped, scale = scaler.skipped, scaler.get_scale()
    skip = run.machine.late.bad if run.machine.late else None
    rates = optimizer.step(run.schedule_step(), scaler if scaler.is_enabled() else None, skip)
    optimizer.zero_grad()
    if not scaler.is_enabled():
        return rates, {}
    finite: dict[str, float | torch.Tensor] = {name: value for name, value in rates.items() if math.isfinite(value)}
    return {**finite, "loss_scale": scale}, {"count/skipped_steps": float(scaler.skipped - skipped)}
