"""`-o key.sub=value`: changes to a recipe from the command line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from ppocr_like.config.yaml_io import lookup, parse
from ppocr_like.errors import ConfigError, Problem

SOURCE = "-o"
_GONE = object()


def merge(base: dict, over: dict) -> dict:
    """`over` laid upon `base`: mappings merge, everything else (lists too) is replaced.

    A mapping that holds `_replace_: true` takes the place of the base's mapping as a whole.
    """
    out = dict(base)
    for key, value in over.items():
        if isinstance(value, dict):
            replace = value.get("_replace_") is True
            value = {k: v for k, v in value.items() if k != "_replace_"}
            old = {} if replace else out.get(key)
            out[key] = merge(old if isinstance(old, dict) else {}, value)
        else:
            out[key] = value
    return out


def item_name(item: Any) -> str | None:
    """Name of a list item: the key of a one-key mapping, or its `name`."""
    if not isinstance(item, dict):
        return None
    if len(item) == 1 and "name" not in item:
        return str(next(iter(item)))
    name = item.get("name")
    return name if isinstance(name, str) else None


def step_arguments(tree: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The arguments of the first step of that name in a recipe's chains, Eval's before Train's; None where there is none.

    Args:
        tree: a recipe as plain data, which need not be right.
    """
    for section in ("Eval", "Train"):
        part = tree.get(section)
        dataset = part.get("dataset") if isinstance(part, Mapping) else None
        chain = dataset.get("transforms") if isinstance(dataset, Mapping) else None
        for item in chain if isinstance(chain, list) else ():
            if item_name(item) == name:
                found = item.get(name, item)
                return found if isinstance(found, Mapping) else {}
    return None


def apply_overrides(tree: dict, overrides: list[str]) -> set[str]:
    """Applies `-o` items in order, changing `tree`; returns the YAML paths that were set.

    Raises:
        ConfigError: every item that cannot be applied.
    """
    problems: list[Problem] = []
    touched: set[str] = set()
    set_by: dict[str, str] = {}
    for text in overrides:
        here: set[str] = set()
        try:
            key, value = _split(text)
            _assign(tree, key, value, here)
        except ConfigError as error:
            problems += [Problem(p.path or text, p.message) for p in error.problems]
        touched |= here
        set_by.update(dict.fromkeys(here, text))
    for path, text in set_by.items():
        if lookup(tree, path, _GONE) is _GONE:
            above = [other for other in set_by.values() if path.startswith(f"{other.partition('=')[0].strip()}.")]
            later = f" ({above[-1]})" if above else ""
            problems.append(
                Problem(path, f"the override {text!r} is lost: a later one replaces what holds it{later}; put it behind")
            )
    if problems:
        raise ConfigError(problems, SOURCE)
    return touched


def _fail(path: str, message: str) -> ConfigError:
    return ConfigError([Problem(path, message)], SOURCE)


def _split(text: str) -> tuple[str, Any]:
    key, equals, raw = text.partition("=")
    key = key.strip()
    if not equals or not key or "" in key.split("."):
        raise _fail(text, "write key.sub=value, for example Global.epoch_num=10")
    try:
        return key, parse(raw, SOURCE)[0]
    except ConfigError as error:
        raise _fail(key, f"the value {raw!r} is not YAML ({error.problems[0].message}); put quotes around a text") from error


def _leaves(path: str, value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        return [leaf for key, sub in value.items() if key != "_replace_" for leaf in _leaves(f"{path}.{key}", sub)]
    return [path]


def _assign(tree: dict, key: str, value: Any, touched: set[str]) -> None:
    """Walks to the parent of the last part, creating mappings where nothing (or null) stands, and sets the value."""
    parts = key.split(".")
    node: Any = tree
    walked: list[str] = []
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        slots: list[Any] = [part]
        if isinstance(node, list):
            slots = _item(node, part, ".".join(walked))
        for slot in slots[:-1]:
            walked.append(str(slot))
            node = node[slot]
        slot = slots[-1]
        walked.append(str(slot))
        here = ".".join(walked)
        old = node.get(slot) if isinstance(node, dict) else node[slot]
        if last:
            keep = isinstance(node, dict) or _same_item(old, value)
            node[slot] = merge({slot: old} if keep else {}, {slot: value})[slot]
            touched.update(_leaves(here, value))
            return
        if old is None:
            old = node[slot] = {}
        if not isinstance(old, dict | list):
            raise _fail(here, f"is {old!r}: there is no {'.'.join(parts[position + 1 :])!r} under it")
        node = old


def _same_item(old: Any, value: Any) -> bool:
    """Whether `value` changes the list item `old`, rather than putting another component in its place."""
    if isinstance(old, dict) and "name" in old:
        return isinstance(value, dict) and value.get("name", old["name"]) == old["name"]
    return item_name(old) == item_name(value)


def _item(items: list, part: str, path: str) -> list[Any]:
    """Steps into a list: [index], or [index, name] where the part names a one-key item."""
    if part.isdigit():
        if int(part) >= len(items):
            raise _fail(f"{path}.{part}", f"the list has {len(items)} items (the first is 0)")
        return [int(part)]
    names = [item_name(item) for item in items]
    found = [i for i, name in enumerate(names) if name == part]
    if not found:
        known = [name for name in names if name is not None]
        near = difflib.get_close_matches(part, known, n=3)
        hint = (
            f"nearest: {', '.join(near)}" if near else f"there: {', '.join(known)}" if known else "use an index, the first is 0"
        )
        raise _fail(f"{path}.{part}", f"no item of the list is called {part!r}; {hint}")
    if len(found) > 1:
        where = " and ".join(f"{path}.{i}" for i in found)
        raise _fail(f"{path}.{part}", f"{part!r} stands {len(found)} times; say which by its index: {where}")
    index = found[0]
    return [index] if "name" in items[index] else [index, part]
