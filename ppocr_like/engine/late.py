"""Steps of which nothing has been fetched from the device yet: their losses wait there for the next log line.

The host never waits for the device within a step. Whether a loss or gradient was finite is found out on the device: from a bad
step on, a flag there keeps every update from changing a weight or an average of them. When somebody looks (`Run.confirm`: the
log, an evaluation, a checkpoint), all numbers come in one transfer; after a bad step the run goes back to where it stood before
it and stops, as if it had been noticed at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch

from ppocr_like.contracts import Rejections, SampleInfo
from ppocr_like.engine.device import Compute
from ppocr_like.engine.finite import Sums, bad_numbers, not_finite
from ppocr_like.engine.guard import Kept
from ppocr_like.engine.objective import Batch
from ppocr_like.engine.precision import LossScaler
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.run import LateResult, Run
from ppocr_like.engine.state import Progress
from ppocr_like.optim.base import Optimizer

Numbers = dict[str, float | torch.Tensor]
MOST = 100  # steps that wait; where the log asks for more of them together, they are looked at in between


@dataclass(frozen=True)
class Before:
    """Where a run stood before a step.

    Args:
        average: steps and divisor of the averaged weights.
        kept: running statistics and generators.
        infos: the step's samples.
    """

    progress: Progress
    rejections: Rejections
    average: tuple[int, float] | None
    kept: Kept
    infos: list[SampleInfo]


@dataclass
class _Step:
    before: Before
    result: LateResult
    sums: Sums
    rates: Numbers
    numbers: torch.Tensor  # losses of each batch, the gradients' norm, then rates that are on the device


@dataclass
class Late:
    """The steps that wait, and the flag.

    Args:
        bad: a scalar on the device, 1.0 from the first step on whose loss or gradients are not finite.
    """

    bad: torch.Tensor
    _steps: list[_Step] = field(default_factory=list)

    def before(self, run: Run, group: Sequence[Batch], rejections: Rejections) -> Before:
        """What the step on a group of batches that has just begun goes back to; `rejections`: those before it."""
        average = run.parts.average
        counters = (average.steps, average.divisor) if average is not None else None
        infos = [info for batch in group for info in batch["info"]]
        return Before(replace(run.progress), rejections, counters, run.machine.guard.kept, infos)

    def judge(self, sums: Sums, parameters: Sequence[torch.nn.Parameter]) -> torch.Tensor:
        """Sets the flag where a loss or gradient is not finite, and gives the gradients' norm; both stay on the device."""
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        whole = torch.cat([*sums.there, norm.detach().float().reshape(1)])
        self.bad.copy_(torch.maximum(self.bad, (~torch.isfinite(whole).all()).to(self.bad.dtype)))
        return whole

    def wait(self, before: Before, sums: Sums, whole: torch.Tensor, rates: Numbers, run: Run, samples: int) -> LateResult:
        """The step's result, whose numbers come when somebody looks at them."""
        result = LateResult(samples, run.confirm)
        there = [value.detach().float().reshape(1) for value in rates.values() if isinstance(value, torch.Tensor)]
        self._steps.append(_Step(before, result, sums, rates, torch.cat([whole, *there]) if there else whole))
        if len(self._steps) == MOST:
            self.confirm(run)
        return result

    def confirm(self, run: Run) -> None:
        """Fetches the numbers of all steps that wait.

        Raises:
            TrainingError: one of them was not finite; the run stands where it stood before it.
        """
        steps, self._steps = self._steps, []
        if not steps:
            return
        numbers = torch.cat([step.numbers for step in steps]).tolist()  # the only transfer
        for place, step in enumerate(steps):
            own, numbers = numbers[: len(step.numbers)], numbers[len(step.numbers) :]
            losses, rest = step.sums.filled(own)
            norm = rest.pop(0)
            bad = bad_numbers(losses, norm)
            if bad:
                self._go_back(run, steps[place:])
                raise not_finite(run, bad, step.before.infos)
            step.result.losses = losses
            step.result.rates = {n: rest.pop(0) if isinstance(v, torch.Tensor) else v for n, v in step.rates.items()}

    def _go_back(self, run: Run, steps: Sequence[_Step]) -> None:
        before = steps[0].before
        for step in steps:
            step.result.void = True
        run.progress, run.state.rejections = before.progress, before.rejections
        run.settle()
        run.machine.guard.back_to(before.kept)
        if run.parts.average is not None and before.average is not None:
            run.parts.average.steps, run.parts.average.divisor = before.average
        run.parts.optimizer.zero_grad()
        self.bad.zero_()


def late_steps(compute: Compute, optimizer: Optimizer, scaler: LossScaler, ranks: Ranks) -> Late | None:
    """What lets a run's steps wait on the device; None where each is looked at by itself.

    That is so on a processor, where to look costs nothing; under float16, whose scale follows from each step; with several
    processes, which settle each step's loss together; and with an optimizer that cannot leave out a step on the device.
    """
    if not compute.far or scaler.is_enabled() or ranks.world > 1 or not optimizer.skips:
        return None
    return Late(torch.zeros((), device=compute.device))
