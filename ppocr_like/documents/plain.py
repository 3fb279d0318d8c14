"""The values of a page as plain data: how they are written, and how they are read again with their types checked.

The functions that read raise `outside.Malformed` where a value is not what they need; `what` is its name in the message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ppocr_like.outside import Malformed, outline, shown, text_of

COUNTS = {2: "two", 3: "three"}
Tags = tuple[tuple[str, str], ...]  # (name, value); a name may stand there several times


def plain(points: np.ndarray) -> list[list[float]]:
    """(P, 2) px as lists, to a tenth of a px."""
    pairs: list[list[float]] = np.round(np.asarray(points, np.float64), 1).tolist()
    return pairs


def json_text(tree: Mapping[str, Any] | Sequence[Any]) -> str:
    """A JSON text with an item of `tree` on each line, and an item of each list that holds others on a line of its own.

    Python writes lists as one piece ten times as fast as with each number on its own line, and a page has thousands of numbers.
    """
    if isinstance(tree, Mapping):
        parts = [f" {_compact(str(key))}: {_rows(value)}" for key, value in tree.items()]
        return "{\n" + ",\n".join(parts) + "\n}\n"
    return "[\n" + ",\n".join(f" {_compact(item)}" for item in tree) + "\n]\n"


def _rows(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"  {_compact(item)}" for item in value) + "\n ]"
    return _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def points_of(value: Any, what: str, least: int) -> np.ndarray:
    """(P, 2) float64 px with at least `least` points, two or three."""
    points = outline(value)
    if len(points) < least:
        raise Malformed(f"{what} has {len(points)} points; {COUNTS[least]} or more are needed")
    return points


def texts_of(value: Any, what: str) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list | tuple):
        raise Malformed(f"{what} is {shown(value)}; a list of texts is needed")
    return tuple(text_of(text, what) for text in value)


def tags_of(value: Any) -> Tags:
    """A list of pairs [name, value], both texts."""
    if not isinstance(value, list | tuple) or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in value):
        raise Malformed(f"tags is {shown(value)}; a list of pairs [name, value] is needed")
    return tuple((text_of(name, "tags"), text_of(content, "tags")) for name, content in value)


def one_of(value: Any, what: str, possible: Sequence[str]) -> str:
    """One of a few texts."""
    if not isinstance(value, str) or value not in possible:
        raise Malformed(f"{what} is {shown(value)}; possible are {', '.join(map(repr, possible))}")
    return value


def truth_of(value: Any, what: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Malformed(f"{what} is {shown(value)}; true or false is needed")
    return value
