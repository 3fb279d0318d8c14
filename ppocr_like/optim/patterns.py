"""Rules that choose parameters by name: shell wildcards against the whole name.

`backbone.*` is everything below `backbone` (`*` crosses dots), `*.bias` every bias, `neck.fc?.weight` one letter.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ppocr_like.optim.checks import bad


def read_rules(rules: Sequence[Mapping[str, Any]] | None, key: str, accepted: Sequence[str]) -> list[dict[str, Any]]:
    """The rules of `Optimizer.<key>` as plain dicts, checked for shape: each has a `pattern` and only accepted keys.

    Raises:
        ConfigError: not a list of mappings, a pattern missing, or an unknown key (with the nearest one).
    """
    if rules is None:
        return []
    if isinstance(rules, (str, Mapping)) or not isinstance(rules, Sequence):
        raise bad(key, f"must be a list of {{pattern: ..., {', '.join(accepted)}}}, got {rules!r}")
    checked = []
    for i, rule in enumerate(rules):
        if not isinstance(rule, Mapping):
            raise bad(f"{key}.{i}", f"must be a mapping with a pattern, got {rule!r}")
        for name in rule:
            if name not in ("pattern", *accepted):
                near = difflib.get_close_matches(str(name), ["pattern", *accepted], n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise bad(f"{key}.{i}.{name}", f"is not accepted here; accepted: pattern, {', '.join(accepted)}{hint}")
        if not isinstance(rule.get("pattern"), str) or not rule["pattern"]:
            raise bad(f"{key}.{i}.pattern", f"must be a parameter name with wildcards, got {rule.get('pattern')!r}")
        checked.append(dict(rule))
    return checked


def matching(pattern: str, names: Sequence[str], path: str) -> list[str]:
    """The names that a pattern covers, in order.

    Raises:
        ConfigError: none; the message names parameters and modules like it.
    """
    found = [name for name in names if fnmatchcase(name, pattern)]
    if not found:
        near = nearest(pattern, names)
        hint = f"nearest: {', '.join(near)}" if near else f"names look like: {', '.join(list(names)[:3])}"
        raise bad(path, f"{pattern!r} matches no parameter; {hint}")
    return found


def nearest(pattern: str, names: Sequence[str]) -> list[str]:
    """Up to three parameter names, or `module.*` patterns, like `pattern`."""
    modules = {f"{name.rsplit('.', depth)[0]}.*" for name in names for depth in range(1, name.count(".") + 1)}
    return difflib.get_close_matches(pattern, sorted(modules) + list(names), n=3)


def first_match(rules: Sequence[Mapping[str, Any]], names: Sequence[str], key: str) -> dict[str, int]:
    """Parameter name -> number of the rule that holds for it: the first one that matches.

    Raises:
        ConfigError: a rule that matches nothing, or nothing that an earlier one left.
    """
    chosen: dict[str, int] = {}
    for i, rule in enumerate(rules):
        free = [name for name in matching(rule["pattern"], names, f"{key}.{i}.pattern") if name not in chosen]
        if not free:
            raise bad(f"{key}.{i}.pattern", f"{rule['pattern']!r} matches only parameters that earlier entries took; move it up")
        chosen.update(dict.fromkeys(free, i))
    return chosen
