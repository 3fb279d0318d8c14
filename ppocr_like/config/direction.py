"""The text direction that a recipe's steps ask for, where Global leaves it open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ppocr_like.config.overrides import item_name
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.text import DirectionSetting

STEP = "TextNormalize"
BY_BASE: dict[str, DirectionSetting] = {"auto": "bidi", "L": "bidi_ltr", "R": "bidi_rtl"}


def asked_direction(tree: dict[str, Any]) -> DirectionSetting | None:
    """What the TextNormalize steps of a recipe say of the order of labels; None without such a step.

    Raises:
        ConfigError: two of them say different things.
    """
    found: dict[str, DirectionSetting] = {}
    for path, args in _steps(tree):
        bidi, base = args.get("bidi", True), args.get("base_dir", "auto")
        if isinstance(bidi, bool) and isinstance(base, str) and base in BY_BASE:  # else the step itself is refused
            found[path] = BY_BASE[base] if bidi else "ltr"
    if len(set(found.values())) > 1:
        (first, one), *others = found.items()
        other, two = next((path, asked) for path, asked in others if asked != one)
        message = f"its bidi and base_dir ask for the text direction {two}, those of {first} for {one}; all sets need the same"
        raise ConfigError([Problem(other, message)])
    return next(iter(found.values()), None)


def _steps(tree: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, chain in _chains(tree):
        for i, item in enumerate(chain if isinstance(chain, list) else ()):
            if item_name(item) == STEP:
                args = item.get(STEP, item) if isinstance(item, dict) else None
                yield f"{path}.{i}", args if isinstance(args, dict) else {}


def _chains(tree: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for section in ("Train", "Eval"):
        node = tree.get(section)
        if not isinstance(node, dict):
            continue
        sets = node.get("datasets")
        several = sets.items() if isinstance(sets, dict) else ()
        named = {f"{section}.dataset": node.get("dataset"), **{f"{section}.datasets.{name}": one for name, one in several}}
        for path, dataset in named.items():
            if isinstance(dataset, dict):
                yield f"{path}.transforms", dataset.get("transforms")
