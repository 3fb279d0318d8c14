"""The files that a recipe names: what a run reads, so that no tool writes over it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ppocr_like.config.recipe import Recipe

WEIGHTS = (".safetensors", ".ckpt", ".pdparams", ".pth", ".pt", ".onnx")  # what a prefix may stand for
_WRITTEN = ("save_model_dir", "save_inference_dir", "save_res_path")  # keys of the Global section that name results
_IMAGES = "data_dir"


def recipe_reads(recipe: Recipe) -> tuple[list[str], list[str]]:
    """(files and folders, folders of images) that stand in a recipe: the recipe itself, label files, dictionaries, weights.

    Every value that looks like a path and is there counts; a prefix of weights stands for the files that it may mean.
    """
    files = [str(recipe.path)] if recipe.path else []
    folders = []
    for key, value in _values(recipe.tree):
        if key in _WRITTEN:
            continue
        if key == _IMAGES:
            folders.append(value)
        elif os.sep in value or "." in value:
            files += [
                path for path in (value, *(value + suffix for suffix in WEIGHTS)) if os.path.exists(Path(path).expanduser())
            ]
    return files, folders


def _values(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """(key, text) of all texts of a tree; those of a list have the list's key."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _values(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield from _values(value, key)
    elif isinstance(node, str):
        yield key, node
