"""Checking many recipes in seconds: the networks are made without numbers, where that is possible."""

from __future__ import annotations

import torch

from ppocr_like.config import Builder, Recipe
from ppocr_like.errors import ConfigError, Problem


def quick_problems(recipe: Recipe) -> list[Problem]:
    """What `Builder.check` says of a recipe. Tensors are first made on the device "meta", which has shapes alone; a network
    whose construction needs numbers (a thin plate spline, rates of dropped paths), and all that is wrong, is tried for real."""
    said = list(recipe.notes)
    try:
        with torch.device("meta"):
            Builder(recipe).check()
        return []
    except (ConfigError, NotImplementedError):
        recipe.notes[:] = said
    try:
        Builder(recipe).check()
    except ConfigError as error:
        return error.problems
    return []
