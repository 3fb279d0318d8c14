"""What does not go with the length of a run: said once at its start, when the number of its steps is known."""

from __future__ import annotations

from collections.abc import Iterator

from ppocr_like.config import GlobalConfig
from ppocr_like.engine.run import Run


def evaluations(settings: GlobalConfig, steps: int, steps_per_epoch: int) -> int:
    """How many evaluations a run of so many optimizer steps makes after its start, the one at its end among them."""
    rule = settings.eval_batch_step
    if parts := min(settings.evaluations_per_epoch, steps_per_epoch):
        epochs, rest = divmod(steps, steps_per_epoch)
        within = rest * parts // steps_per_epoch
        last_is_due = not rest or within > (rest - 1) * parts // steps_per_epoch
        return epochs * parts + within + (settings.eval_at_end and not last_is_due)
    if settings.eval_batch_epoch:
        every, start = round(settings.eval_batch_epoch) * steps_per_epoch, 0
    elif rule is None:
        every, start = steps_per_epoch, 0
    else:
        start, every = rule if isinstance(rule, list) else (0, rule)
    count = max(0, (steps - start) // every)
    last_is_due = steps > start and (steps - start) % every == 0
    return count + (settings.eval_at_end and not last_is_due)


def length_text(run: Run) -> str:
    """How long the run is, as `... of N steps` goes on."""
    if run.length.steps:
        return f"{run.length.steps} steps: epochs"
    if run.recipe.globals.max_minutes is not None:
        return f"{run.recipe.globals.max_minutes:g} minutes: epochs"
    return f"{run.length.epochs} epochs" if run.length.bounded else "epochs, until it stops early,"


def length_warnings(run: Run) -> Iterator[str]:
    """Settings that the run is too short for, each with the key and what follows."""
    settings = run.recipe.globals
    if run.parts.eval_sets:
        yield from _evaluation_warnings(run, settings)
    if settings.save_epoch_step is not None and settings.save_epoch_step > run.length.epochs:
        yield f"Global.save_epoch_step is {settings.save_epoch_step}, but the run has {run.length.epochs} epochs: none is kept"
    if settings.cal_metric_during_train and settings.calc_epoch_interval > run.length.epochs:
        yield f"Global.calc_epoch_interval is {settings.calc_epoch_interval}, but the run has {run.length.epochs} epochs"
    for argument, said in run.parts.optimizer.schedule.misfits():
        message = f"Optimizer.lr.{argument}: {said}"
        if message not in run.recipe.notes:  # those that depend on epochs alone are noted by the check
            yield message


def _evaluation_warnings(run: Run, settings: GlobalConfig) -> Iterator[str]:
    count, rule = evaluations(settings, run.length.total_steps, run.length.steps_per_epoch), settings.eval_batch_step
    at_end = ": there is only the one at the end" if settings.eval_at_end else " and Global.eval_at_end is off: there is none"
    if settings.eval_batch_epoch:
        if settings.eval_batch_epoch > run.length.epochs:
            yield f"Global.eval_batch_epoch is {settings.eval_batch_epoch}, but the run has {run.length.epochs} epochs{at_end}"
    elif rule is not None:
        start, every = rule if isinstance(rule, list) else (0, rule)
        if start + every > run.length.total_steps:
            yield f"Global.eval_batch_step is {rule}, but the whole run has {run.length.total_steps} steps{at_end}"
    stop, schedule = settings.early_stop, run.parts.optimizer.schedule
    if stop is not None and stop.patience >= count:
        yield f"Global.early_stop.patience is {stop.patience}, but the run has {count} evaluations: it cannot stop early"
    if stop is not None and stop.min_epochs > run.length.epochs:
        there = f"the run has {run.length.epochs} epochs"
        yield f"Global.early_stop.min_epochs is {stop.min_epochs}, but {there}: it cannot stop early"
    patience = getattr(schedule, "patience", None) if schedule.follows_metric else None
    if patience is not None and patience + 2 > count:
        yield f"Optimizer.lr.patience is {patience}, but the run has {count} evaluations: the rate is never lowered"
