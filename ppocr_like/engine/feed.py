"""What feeds the steps: the batches of an epoch in groups, and where the ranks stop together when one of them cannot go on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from itertools import islice

from ppocr_like.contracts import Rejections
from ppocr_like.engine.guard import Interrupted
from ppocr_like.engine.objective import Batch
from ppocr_like.engine.run import Run
from ppocr_like.errors import OcrError, PeerError


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


def nothing_usable(run: Run) -> str:
    """Says of an epoch without a usable sample why each was rejected."""
    rejected = Rejections.joined(run.machine.ranks.gather(run.state.rejections))
    reasons = "\n  ".join(f"{reason} ({count}): {rejected.examples[reason][0]}" for reason, count in rejected.counts.items())
    return (
        f"no sample of the training set could be used in epoch {run.progress.epoch}:\n  {reasons}\n"
        "tools/check.py --data names each line and says what to do about it"
    )


def note_rejected(run: Run, group: list[Batch], usable: int) -> None:
    """Counts the rejected samples of a group. Those of groups without a usable one are tried again by a run that goes on, so
    what was counted before them is kept aside."""
    if usable == 0 and run.state.set_aside is None:
        run.state.set_aside = run.state.rejections.copy()
    for batch in group:
        for sample in batch["rejected"]:
            run.state.rejections.add(sample)
