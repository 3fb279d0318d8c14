"""Which loggers a run has."""

from __future__ import annotations

from pathlib import Path

from ppocr_like.config import Recipe
from ppocr_like.config.wandb import wandb_config
from ppocr_like.engine.loggers import Logger, VisualDL, visualdl_folder
from ppocr_like.engine.tensorboard import FOLDER, TensorBoard
from ppocr_like.engine.wandb_logger import Wandb


def shows_pictures(recipe: Recipe) -> bool:
    """Whether any logger takes the run's pictures."""
    settings = recipe.globals
    return settings.use_visualdl or settings.use_tensorboard or wandb_config(recipe) is not None


def make_loggers(recipe: Recipe, folder: Path, resumed_at: int | None) -> list[Logger]:
    """The loggers that the recipe asks for, for the process that writes.

    Args:
        folder: the run folder.
        resumed_at: the step of the checkpoint; None for a fresh run.

    Raises:
        TrainingError: a package that is missing.
    """
    settings = recipe.globals
    made: list[Logger] = []
    try:
        if settings.use_visualdl:
            made.append(VisualDL(str(visualdl_folder(folder, resumed_at))))
        if settings.use_tensorboard:
            first = 0 if resumed_at is None else resumed_at + 1
            made.append(TensorBoard(str(folder / FOLDER), first))
        config = wandb_config(recipe)
        if config is not None:
            made.append(Wandb(str(folder), config, recipe.tree, resumed_at is not None))
    except BaseException:
        for target in made:
            target.close()
        raise
    return made
