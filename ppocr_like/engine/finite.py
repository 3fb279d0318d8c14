"""The losses of a step over all ranks, and the check that they and the gradients are finite."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice

import torch

from ppocr_like.contracts import SampleInfo
from ppocr_like.engine.objective import Batch
from ppocr_like.engine.ranks.joint import Share
from ppocr_like.engine.run import Run
from ppocr_like.errors import OcrError, TrainingError


class Sums:
    """The losses of a step's batches, each times its share of the step, on the device until they are fetched.

    Args:
        far: the device works while the host goes on: the numbers of a batch are kept as one tensor, `there`.
    """

    def __init__(self, far: bool) -> None:
        self._far = far
        self._shares: list[list[tuple[str, float]]] = []
        self._values: list[list[float]] = []
        self.there: list[torch.Tensor] = []

    def add(self, losses: Mapping[str, torch.Tensor], share: Share) -> None:
        """Those of one batch."""
        self._shares.append([(name, share.told(name)) for name in losses])
        if self._far:
            self.there.append(torch.stack([value.detach().float().reshape(()) for value in losses.values()]))
        else:
            self._values.append([float(value.detach()) for value in losses.values()])

    def fetched(self) -> dict[str, float]:
        """Now; where the device is far, the host waits for it."""
        return self._summed(torch.cat(self.there).tolist() if self.there else [n for row in self._values for n in row])

    def filled(self, numbers: Sequence[float]) -> tuple[dict[str, float], list[float]]:
        """Of numbers that begin with those of `there`: (the sums, the numbers behind)."""
        used = sum(map(len, self._shares))
        return self._summed(numbers[:used]), list(numbers[used:])

    def _summed(self, numbers: Sequence[float]) -> dict[str, float]:
        given, sums = iter(numbers), dict[str, float]()
        for shares in self._shares:
            for (name, share), value in zip(shares, islice(given, len(shares)), strict=True):
                sums[name] = sums.get(name, 0.0) + value * share
        return sums


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
    bad = bad_numbers(losses)
    if not bad and not run.parts.scaler.is_enabled():
        norm = torch.nn.utils.get_total_norm([p.grad for p in run.objective.model.parameters() if p.grad is not None])
        bad = bad_numbers(losses, float(norm))
    if bad:
        raise not_finite(run, bad, [info for batch in group for info in batch["info"]])


def bad_numbers(losses: Mapping[str, float], norm: float = 0.0) -> str:
    """What of a step is not finite; empty where all is."""
    bad = ", ".join(f"{name} is {value}" for name, value in losses.items() if not math.isfinite(value))
    return bad or ("" if math.isfinite(norm) else f"the gradient's norm is {norm} (loss {losses['loss']:.6g})")


def not_finite(run: Run, bad: str, infos: Sequence[SampleInfo]) -> OcrError:
    """The error of the step that comes after `run.progress`, or, on ranks but the first, one that stays silent."""
    here = [f"{info.path} ({info.place})" for info in infos]
    samples = "\n  ".join(name for names in run.machine.ranks.gather(here) for name in names)
    run.state.in_step = True
    message = (
        f"{bad} in step {run.progress.step + 1} (epoch {run.progress.epoch}); the weights are those before it. Its samples:\n"
        f"  {samples}\nLook at these images and labels; lower Optimizer.lr.learning_rate or set Optimizer.clip_norm_global"
        + (", or set Global.amp_dtype=bfloat16: float16 ends at 65504" if run.parts.scaler.is_enabled() else "")
    )
    return run.machine.ranks.said_once(TrainingError(message))
