"""`--resume RUN`: a run goes on by what its folder holds, wherever the folder lies now."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from ppocr_like.config import Recipe, load_recipe
from ppocr_like.config.overrides import apply_overrides
from ppocr_like.engine.checkpoint import load_checkpoint, resolve_checkpoint
from ppocr_like.errors import CheckpointError, ConfigError, Problem
from ppocr_like.outside import LARGE, Malformed, parse_json, read_file

OPTION = "--resume"
CONFIG, MANIFEST = "config.yml", "run.json"
_FOLDER = "save_model_dir"
_SETTLED = {
    "Global.checkpoints": f"{OPTION} names the checkpoint already; leave it out",
    "Global.pretrained_model": f"{OPTION} goes on with the run's own weights; leave it out, or begin a new run with --load",
}


def recipe_of_run(source: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of a run that goes on from its last checkpoint: that of its folder, as `overrides` change it.

    The folder may have been moved or copied since: it is the run folder from now on, and files of the run that the recipe names
    (`codec.json`) are those that lie in it.

    Args:
        source: the run folder, its `latest.ckpt` or `previous.ckpt`.
        overrides: items of `-o`.

    Raises:
        CheckpointError: there is no checkpoint.
        ConfigError: overrides that cannot be applied, or that name another checkpoint or weights.
    """
    path = _checkpoint(source)
    folder = path.parent
    said: list[str] = []
    tree, origin = _own_tree(folder, path, said)
    section = tree.get("Global")
    settings = section if isinstance(section, dict) else {}
    before = settings.get(_FOLDER)
    if not isinstance(before, str) or os.path.realpath(before) != os.path.realpath(folder):
        _follow(tree, str(before), folder, said)
        settings = {**tree.get("Global", {}), _FOLDER: str(folder)}
    tree["Global"] = {**settings, "checkpoints": str(path)}
    touched = apply_overrides(tree, list(overrides))
    problems = [Problem(key, message) for key, message in _SETTLED.items() if key in touched]
    if problems:
        raise ConfigError(problems, OPTION)
    recipe = Recipe(tree, origin, frozenset(touched))
    for message in (*said, *_where_it_began(folder)):
        recipe.note(message)
    return recipe


def _checkpoint(source: str | Path) -> Path:
    try:
        return resolve_checkpoint(source, f"{OPTION} ", "begin a new run from weights with --load")
    except CheckpointError as error:
        config = Path(source) / CONFIG
        if not config.is_file():
            raise
        told = f"the run ended before it saved one. Begin it anew: tools/train.py -c {config}"
        raise CheckpointError(f"{error}. {told}" if "previous.ckpt" in str(error) else f"{OPTION} {source}: {told}") from error


def _own_tree(folder: Path, checkpoint: Path, said: list[str]) -> tuple[dict[str, Any], Path | None]:
    """(the run's recipe as plain data, the file that it stands in): `config.yml`, or else what the checkpoint carries."""
    config = folder / CONFIG
    if config.is_file():
        recipe = load_recipe(config)
        said += recipe.notes
        return recipe.tree, config
    said.append(f"{config} is missing: the recipe is the one that {checkpoint.name} carries")
    return Recipe.from_tree(load_checkpoint(checkpoint)["recipe"]).tree, None


def _follow(tree: dict[str, Any], before: str, now: Path, said: list[str]) -> None:
    """Names the run's own files where they are now, changing `tree`: what was in the folder `before` and is in `now`."""
    old = PurePath(os.path.normpath(before))

    def moved(value: Any, path: str) -> Any:
        if isinstance(value, dict):
            return {key: moved(item, f"{path}.{key}".lstrip(".")) for key, item in value.items()}
        if isinstance(value, list):
            return [moved(item, f"{path}.{place}") for place, item in enumerate(value)]
        if not isinstance(value, str) or path == f"Global.{_FOLDER}":
            return value
        name = PurePath(os.path.normpath(value)) if value else old
        if not (old.parts or path == "Global.codec") or not name.is_relative_to(old):
            return value
        inside = name.relative_to(old)
        if not inside.parts:
            return str(now) if path == "Global.log_dir" else value
        if not (now / inside).exists():
            return value
        said.append(f"{path} is {now / inside}, where the run folder lies now, and no longer {value}")
        return str(now / inside)

    for key, section in tree.items():
        tree[key] = moved(section, key)


def _where_it_began(folder: Path) -> list[str]:
    """Relative paths count from the working directory: where that is another than the run's, files may not be found."""
    try:
        manifest = parse_json(read_file(folder / MANIFEST, LARGE))
    except (OSError, Malformed):
        return []
    began = manifest.get("folder") if isinstance(manifest, dict) else None
    if not isinstance(began, str) or os.path.realpath(began) == os.getcwd():
        return []
    return [f"the run was begun in {began}, and relative paths of its recipe were meant from there"]
