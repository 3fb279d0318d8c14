"""Training and evaluation: trainer, hooks, evaluator, checkpoints, run folder, loggers.

`train(recipe)` and `evaluate(recipe)` are what the tools call. `setup.build_run` makes a `Run` of a recipe, `trainer.fit`
drives it and knows nothing of detection or recognition, hooks (`run.Hook`) watch it: log, evaluation, early stop, checkpoints,
freezing. `objective.Objective` is the only forward pass.

One optimizer step takes `accumulate_steps` batches of every rank, and its loss is the mean over all their samples. A step that
fails leaves no trace (`guard.StepGuard`), so that what is saved then is the state before it. The weights that are evaluated and
kept are those within `Run.measured()`: the averages under `use_ema`. Settings that a run decides for itself
(`batch_size_per_card: auto`) are settled before anything else is built, and everybody then sees a number.
"""

from typing import TYPE_CHECKING, Any

from ppocr_like.imports import quick_imports

if TYPE_CHECKING:
    from ppocr_like.engine.api import TrainResult, evaluate, load_model, train
    from ppocr_like.engine.console import set_up_console
    from ppocr_like.engine.evaluator import Evaluation, report
    from ppocr_like.engine.guard import Interrupted
    from ppocr_like.engine.ranks import main_process

__all__ = [
    "Evaluation",
    "Interrupted",
    "TrainResult",
    "evaluate",
    "load_model",
    "main_process",
    "report",
    "set_up_console",
    "train",
]


def __getattr__(name: str) -> Any:
    """The names above, whose modules bring torch; those who import one quiet module of this room do without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with quick_imports():
        from ppocr_like.engine import api, console, evaluator, guard, ranks
    for module in (api, console, evaluator, guard, ranks):
        if name in vars(module):
            return getattr(module, name)
    raise AttributeError(name)
