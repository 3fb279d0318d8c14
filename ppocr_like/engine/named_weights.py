"""Whether the weights that a recipe names are there."""

from __future__ import annotations

from pathlib import Path

from ppocr_like.config.architecture import named_weights
from ppocr_like.config.recipe import Recipe
from ppocr_like.engine.checkpoint import resolve_checkpoint
from ppocr_like.errors import OcrError, Problem
from ppocr_like.weights.resolve import resolve


def missing_weights(recipe: Recipe) -> list[Problem]:
    """What of the recipe's weights a training could not begin with: files that are not there, or of a kind that holds none.

    The files are not opened.
    """
    return [problem for path, source in named_weights(recipe) if (problem := _missing(path, source)) is not None]


def _missing(path: str, source: str) -> Problem | None:
    try:
        if path == "Global.checkpoints":
            resolve_checkpoint(Path(source))
        else:
            resolve(source)
    except OcrError as error:
        return Problem(path, str(error).removeprefix(f"{path}="))
    return None
