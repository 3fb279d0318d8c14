"""Tuned values within the weights themselves, whose recipe tools read where none is given with `-c`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppocr_like.config import Recipe
from ppocr_like.config.yaml_io import unshared
from ppocr_like.errors import ConfigError, Problem, WeightsError
from ppocr_like.weights import load_weights, resolve, save_weights

SECTION = "PostProcess"


def weights_to_keep_in(recipe: Recipe) -> Path:
    """The weights file of a recipe that values can be kept in: a `.safetensors` of this program.

    Raises:
        ConfigError: the recipe names no such file.
        WeightsError: it cannot be read.
    """
    place = "Global.checkpoints" if recipe.globals.checkpoints else "Global.pretrained_model"
    path = resolve(str(recipe.globals.checkpoints or recipe.globals.pretrained_model))
    weights = load_weights(path) if path.suffix == ".safetensors" else None
    if weights is None or weights.recipe is None or weights.names or weights.paddle:
        message = f"--into-weights: {path} is no .safetensors of this program with its recipe in it; name one, or --write"
        raise ConfigError([Problem(place, message)], recipe.source)
    return path


def keep_in_weights(path: Path, recipe: Recipe, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Puts a recipe's post-processing, with changes, into the recipe that a weights file carries; tensors and all else stay.

    Args:
        path: see `weights_to_keep_in`.
        recipe: whose post-processing is kept.
        changes: YAML path -> value, of that section.

    Returns:
        what stands there now.

    Raises:
        WeightsError, CheckpointError: the file cannot be read or written; it is then as it was.
    """
    weights = load_weights(path)
    if weights.recipe is None:
        raise WeightsError(f"{path}: carries no recipe")
    tree = unshared(weights.recipe)
    node = {**(tree.get(SECTION) or {}), **(recipe.get(SECTION) or {})}
    node |= {place.removeprefix(f"{SECTION}."): value for place, value in changes.items()}
    tree[SECTION] = node
    save_weights(path, weights.state, {**weights.metadata, "charset": weights.charset, "recipe": tree})
    return node
