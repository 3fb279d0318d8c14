"""The losses of a step over all ranks, and the check that they and the gradients are finite."""

from __future__ import annotations

import torch

from ppocr_like.engine.objective import Batch
from ppocr_like.engine.run import Run
from ppocr_like.errors import TrainingError


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
        here = [f"{info.path} ({info.place})" for batch in group for info in batch["info"]]
        samples = "\n  ".join(name for names in run.machine.ranks.gather(here) for name in names)
        run.state.in_step = True
        message = (
            f"{bad} in step {run.progress.step + 1} (epoch {run.progress.epoch}); the weights are those before it. Its samples:\n"
            f"  {samples}\nLook at these images and labels; lower Optimizer.lr.learning_rate or set Optimizer.clip_norm_global"
            + (", or set Global.amp_dtype=bfloat16: float16 ends at 65504" if run.parts.scaler.is_enabled() else "")
        )
        raise run.machine.ranks.said_once(TrainingError(message))
