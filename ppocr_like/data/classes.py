"""The classes that the training texts make."""

from __future__ import annotations

from pathlib import Path

from ppocr_like.charset import Charset
from ppocr_like.codec import Codec, make_codec
from ppocr_like.config.build import Builder
from ppocr_like.config.classes import CODEC
from ppocr_like.config.recipe import Recipe
from ppocr_like.data.spelling import spelt_texts
from ppocr_like.errors import ConfigError, Problem


def training_codec(recipe: Recipe, cache_dir: str | Path | None = None) -> Codec:
    """`Global.codec: auto`: a class for each code point of the training set's texts, in their order; reads all of them once.

    Args:
        cache_dir: where arrays of the data set are kept, so that the run need not make them again.

    Raises:
        ConfigError: the data set cannot be built, or has no texts.
    """
    dataset = Builder(recipe, Charset.from_file(None)).dataset("Train")
    if cache_dir is not None:
        dataset.use_cache(cache_dir)
    characters = set[str]()
    for piece in spelt_texts(dataset):
        characters.update(*(text for text in piece.texts if text))
    if not characters:
        raise ConfigError(
            [Problem(CODEC, "auto: the training set has no texts; write the codec, or a dictionary")], recipe.source
        )
    return make_codec(Codec.of_characters(characters).mapping, recipe.globals.direction)
