"""A recipe: one YAML file with its bases and overrides, as plain data."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ppocr_like.config.direction import asked_direction
from ppocr_like.config.globals import RESIZE_ALIASES, GlobalConfig
from ppocr_like.config.overrides import apply_overrides, merge
from ppocr_like.config.paddle.aliases import rename_in_tree
from ppocr_like.config.paddle.slips import mend
from ppocr_like.config.typecheck import fit
from ppocr_like.config.words import GLOBAL_WINS, Words
from ppocr_like.config.yaml_guard import MAX_BYTES
from ppocr_like.config.yaml_io import Alias, dump, lookup, parse, unshared
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.outside import Malformed, decode, read_file

BASE = "_base_"


class Recipe(Words):
    """The effective recipe.

    Args:
        tree: plain data (mappings, lists, scalars), kept; other names of arguments in it (`config.paddle.aliases`) become
            the real ones, and words of other years today's (`config.paddle.slips`).
        path: file it came from, None when made from a tree.
        overridden: YAML paths set by `-o`.
    """

    def __init__(self, tree: dict[str, Any], path: Path | None = None, overridden: frozenset[str] = frozenset()) -> None:
        section = tree.get("Global")
        super().__init__(section if isinstance(section, dict) else {}, overridden)
        self.tree = tree
        self.path = path
        self.overridden = rename_in_tree(tree, overridden, self.note)
        mend(tree, self.overridden, self.note)

    @classmethod
    def from_tree(cls, tree: dict[str, Any]) -> Recipe:
        """A recipe from plain data, which is copied (checkpoints and weights carry the tree of their run)."""
        return cls(unshared(tree))

    @property
    def source(self) -> str:
        """How messages call it."""
        return str(self.path) if self.path else "recipe"

    def get(self, path: str, default: Any = None) -> Any:
        """Value at a YAML path (list items by index), `default` where nothing stands."""
        return lookup(self.tree, path, default)

    def changed(self, path: str, value: Any) -> Recipe:
        """The recipe with another value where one stands (no list on the way to it), and with what was noted so far."""
        *sections, key = path.split(".")
        tree = place = {**self.tree}
        for section in sections:
            place[section] = place = {**place[section]}
        place[key] = value
        made = Recipe(tree, self.path, self.overridden)
        for note in self.notes:
            made.note(note)
        return made

    def to_yaml(self) -> str:
        """The effective recipe as YAML; loading it gives an equal tree."""
        return dump(self.tree)

    @property
    def plugins(self) -> list[str]:
        """`Global.plugins` as far as it is a list of names: needed before anything can be checked."""
        plugins = self.get("Global.plugins")
        return [p for p in plugins if isinstance(p, str)] if isinstance(plugins, list) else []

    @cached_property
    def globals(self) -> GlobalConfig:
        """The Global section, checked; read once, so a tree is not changed after that. Where it leaves the text direction open,
        a TextNormalize step decides it.

        Raises:
            ConfigError: every unknown key and wrong value in it.
        """
        section = self.get("Global")
        if section is None:
            section = {}
        problems: list[Problem] = []
        if isinstance(section, dict):
            section = dict(section)
            problems = self.drop_ignored("Global", section, "Global", tuple(GlobalConfig.__dataclass_fields__))
            resize = section.get("charset_resize")
            if isinstance(resize, str) and resize in RESIZE_ALIASES:
                section["charset_resize"] = RESIZE_ALIASES[resize]
                self.note(f"Global.charset_resize: {resize} is an old name of {RESIZE_ALIASES[resize]}")
        value, more = fit(section, GlobalConfig, "Global")
        try:
            asked = asked_direction(self.tree)
        except ConfigError as error:
            more += error.problems
        if problems + more:
            raise ConfigError(problems + more, self.source)
        return value if asked is None or value.text_direction != "auto" else replace(value, text_direction=asked)


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a recipe with its `_base_` files and applies `-o` items.

    Raises:
        ConfigError: missing or empty file, not YAML, not a mapping, bases that form a circle, overrides that cannot be
            applied. Unknown keys are found by `Builder.check`.
    """
    path = Path(path)
    said: list[str] = []
    tree, aliases = _load(path, [], said.append)
    touched = apply_overrides(tree, list(overrides))
    recipe = Recipe(tree, path, frozenset(touched))
    for message in said:
        recipe.note(message)
    for alias in aliases:
        _note_stale_alias(recipe, alias)
    return _with_codec_beside(recipe, path.parent)


def _with_codec_beside(recipe: Recipe, folder: Path) -> Recipe:
    """A run folder that was moved has its codec beside its `config.yml`, which names the old place."""
    key = "Global.codec"
    codec = recipe.get(key)
    if not isinstance(codec, str) or not codec.endswith(".json") or recipe.was_overridden(key) or os.path.exists(codec):
        return recipe
    beside = folder / os.path.basename(codec)
    if not beside.is_file():
        return recipe
    recipe.note(f"{key} is {beside}, beside the recipe, for there is no {codec}")
    return recipe.changed(key, str(beside))


def _load(path: Path, chain: list[Path], say: Callable[[str], None]) -> tuple[dict[str, Any], list[Alias]]:
    try:
        text = decode(read_file(path, MAX_BYTES))
    except Malformed as error:
        raise ConfigError([Problem("", f"line {error.line}: {error}")], str(path)) from error
    except OSError as error:
        asked = f" (named by {BASE} of {chain[-1]})" if chain else ""
        raise ConfigError([Problem("", f"cannot be read: {error.strerror or error}{asked}")], str(path)) from error
    real = path.resolve()
    if real in chain:
        circle = " -> ".join(str(p) for p in [*chain[chain.index(real) :], real])
        raise ConfigError([Problem(BASE, f"the bases form a circle: {circle}")], str(path))
    tree, aliases = parse(text, str(path), say)
    if tree is None:
        raise ConfigError(
            [Problem("", "the file is empty; a recipe has the sections Global, Architecture, Train ...")], str(path)
        )
    if not isinstance(tree, dict):
        message = f"holds a {type(tree).__name__}, not a mapping of sections (Global: ..., Train: ...)"
        raise ConfigError([Problem("", message)], str(path))
    bases = tree.pop(BASE, None)
    bases = [] if bases is None else bases if isinstance(bases, list) else [bases]
    if not all(isinstance(b, str) for b in bases):
        raise ConfigError([Problem(BASE, "write a path, or a list of paths, relative to this file")], str(path))
    merged: dict[str, Any] = {}
    inherited: list[Alias] = []
    for base in bases:
        below, more = _load(path.parent / base, [*chain, real], say)
        merged = merge(merged, below)
        inherited += more
    return unshared(merge(merged, tree)), inherited + aliases


def _note_stale_alias(recipe: Recipe, alias: Alias) -> None:
    """Says it where a value was changed whose aliases keep the old one."""
    missing = object()
    owner, place = recipe.get(alias.owner, missing), recipe.get(alias.place, missing)
    if missing in (owner, place) or owner == alias.value or place != alias.value:
        return
    key = alias.place.rpartition(".")[2]
    if (
        alias.owner == f"Global.{key}"
        and key in GLOBAL_WINS
        and (".transforms." in alias.place or alias.place.startswith("PostProcess"))
    ):
        return  # Global wins there anyway
    recipe.note(
        f"{alias.place} keeps {alias.value!r}: it is an alias of {alias.owner}, which is now {owner!r}; "
        f"aliases are resolved when the file is read, so change it too where that is wanted"
    )
