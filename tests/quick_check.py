"""What `Builder.check` says of a recipe, as a list, for tests that check many."""

from __future__ import annotations

from ppocr_like.config import Builder, Recipe
from ppocr_like.errors import ConfigError, Problem


def quick_problems(recipe: Recipe) -> list[Problem]:
    """The problems of a recipe, [] where it is good; its notes are added to `recipe.notes`."""
    try:
        Builder(recipe).check()
    except ConfigError as error:
        return error.problems
    return []
