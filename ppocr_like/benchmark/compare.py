"""Two sets of figures beside each other: what became slower or faster."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ppocr_like.benchmark.timing import SMALLER_IS_BETTER, Figure, told
from ppocr_like.errors import DataError
from ppocr_like.outside import load_json, number, shown

NOTABLE = 0.10
WITHIN = "within the spread"


def load_figures(path: str | Path) -> dict[str, Any]:
    """What `--json` wrote.

    Raises:
        DataError: no such file, or not one of the benchmark's.
    """
    try:
        found = load_json(path)
    except DataError as error:
        raise DataError(f"{error}; give a file that --json wrote") from error
    if not isinstance(found, dict) or "limits" not in found:
        raise DataError("holds no figures of this benchmark; give a file that --json wrote", str(path))
    try:
        for place, figure in leaves(found, ""):
            for name in ("value", "low", "high"):
                number(figure[name], f"{place}, {name}", 0, math.inf)
            if not isinstance(figure["unit"], str):
                raise ValueError(f"{place}, unit is {shown(figure['unit'])}")
        if not isinstance(found.get("machine", {}), dict):
            raise ValueError("machine is no mapping")
    except ValueError as error:
        raise DataError(f"is damaged: {error}; give a file that --json wrote", str(path)) from error
    return found


def changes(old: Mapping[str, Any], new: Mapping[str, Any], notable: float = NOTABLE) -> list[str]:
    """A line for every figure that both have and that changed by more than `notable`; the largest changes first."""
    before = dict(leaves(old, ""))
    found = []
    for path, now in leaves(new, ""):
        then = before.get(path)
        if then is None or then["unit"] != now["unit"] or not then["value"] or not now["value"]:
            continue
        change = now["value"] / then["value"] - 1
        if abs(change) <= notable:
            continue
        better = (change < 0) == (now["unit"] in SMALLER_IS_BETTER)
        overlap = now["low"] <= then["high"] and then["low"] <= now["high"]
        remark = f", {WITHIN}" if overlap else ""
        word = "better" if better else "worse"
        found.append((abs(change), f"{path}: {told(then)} -> {told(now)}, {change:+.0%} ({word}{remark})"))
    return [line for _, line in sorted(found, key=lambda item: -item[0])]


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What else is not the same, so that figures may differ for that reason: machine, versions, recipe, load."""
    then, now = ({**part.get("machine", {}), "recipe": part.get("recipe")} for part in (old, new))
    keys = [key for key in {**then, **now} if key != "others" and then.get(key) != now.get(key)]
    return [f"{key}: {then.get(key)} -> {now.get(key)}" for key in keys]


def against(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Both for people."""
    rows = [f"  differs: {line}" for line in differences(old, new)]
    return "\n".join(rows + [f"  {line}" for line in changes(old, new) or [f"no change over {NOTABLE:.0%}"]])


def leaves(tree: Any, path: str) -> Iterator[tuple[str, Figure]]:
    """(where it stands, figure) of every figure in a tree of them."""
    if not isinstance(tree, dict):
        return
    if {"value", "low", "high", "unit"} <= tree.keys():
        yield path, tree
        return
    for name, part in tree.items():
        yield from leaves(part, f"{path} / {name}" if path else str(name))
