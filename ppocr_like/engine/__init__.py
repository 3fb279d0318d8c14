"""Training and evaluation: trainer, hooks, evaluator, checkpoints, run folder, loggers."""

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
