"""The builder of a recipe whose characters may be those of its weights."""

from __future__ import annotations

from ppocr_like.config import Builder, Recipe
from ppocr_like.errors import ConfigError
from ppocr_like.weights.pretrained import charset_of_weights


def reading_builder(recipe: Recipe) -> Builder:
    """The builder of a recipe; of one that names no characters and has weights, with the characters of the weights.

    Raises:
        WeightsError: the weights cannot be read.
    """
    builder = Builder(recipe)
    try:
        known = builder.reads_text and charset_of_weights(recipe.globals)
    except ConfigError:  # `check` tells it, with whatever else is wrong
        return builder
    return builder.reading(known or None)
