"""Hostile inputs: valid documents with a few places changed into what parsers stumble over, and a harness that counts them.

An edit is three numbers (where, how, into what), so that hypothesis shrinks them quickly.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ppocr_like.errors import OcrError

MOST_QUICK = 2000  # inputs of a door in every run
Edit = tuple[int, int, int]
EDITS = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 11), st.integers(0, 1 << 10)), min_size=1, max_size=3)

_DEEP, _LONG, _BARE = "@deep@", "@long@", "@bare@"  # stand for what json.dumps cannot write
# fmt: off
NASTY: list[Any] = [
    None, True, False, -1, 0, 1, 2, 0.5, 1e308, -1e308, 1e30, 1e7, float("nan"), float("inf"), -float("inf"), 2**31, 2**63,
    -(2**63), 10**39, 10**400, _DEEP, _LONG, _BARE, "", " ", "a", "1", "1e400", "nan", "###", "a\0b", "\ud800", "\udcff.jpg",
    "x" * 300, "x" * 5000, "../" * 400, "/dev/zero", "/dev/stdin", "\x1b[2J\x1b]0;x\x07", "txt.\u202eexe", "a\nb\tc", "\u2028",
    "{}", "[", "%s{0}", "a#99999999999999999999", "scan.pdf#0", [], {}, [[]], [{}], [None], ["a"], [1], [[1, 2], [3]], {"": 1},
    {"a": {"b": []}}, [0] * 9, [[0, 0], [1e308, 0], [1e308, 1e308], [0, 1e308]], [[0, 0], [10, 0], [10, 10], [0, 10]],
    [["0", "0"], ["9", "0"], ["9", "9"]], [float("nan")] * 8, [10**39] * 8, [True, False],
]
FRAGMENTS: list[bytes] = [
    b"", b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\\ud800", b"\xff\xfe", b"[", b"[" * 2000, b"]", b"{", b"}" * 3,
    b'"', b"'", b"\t", b"\n", b"\r", b"\r\n\r\n", b"\x1b[31m", b",", b":", b": ", b"- ", b"? " * 500, b"- " * 300, b"#", b"&a ",
    b"*a", b"<<: *a", b"!!bool maybe", b"!!int x", b"!!float x", b"!!timestamp x", b"!!binary x", b"!!python/object:os.system x",
    b"!!set {a, b}", b"!!omap [a: 1]", b"%YAML 9" + b"9" * 5000 + b".1\n", b"---\n", b"...\n", b"|\n", b">\n", b"\\UFFFFFFFF",
    b'"\\ud800"', b'"\\0"', b"1e308", b"1e999", b"9" * 5000, b"1" + b"0" * 400, b"-1", b"nan", b"NaN", b"Infinity", b".inf",
    b"null", b"true", b"0x", b"1:30", b"x" * 300, b"x" * 5000, b"../" * 400, b"\xe2\x80\xae", b"\xe2\x80\xa8", b"\xc2\x85",
    b"###", b"\t###", b"2024-13-45", b"[1, 2", b"=", b"&a [*a, *a]", b"&a {b: *a}",
]
# fmt: on


def edited(tree: Any, edits: list[Edit]) -> Any:
    """A copy of plain data with some places changed."""
    tree = {"": copy.deepcopy(tree)}
    for where, how, what in edits:
        places = list(_places(tree))
        parent, key = places[where % len(places)]
        value = copy.deepcopy(NASTY[what % len(NASTY)])
        if how == 6 and len(places) > 1 and parent is not tree:
            del parent[key]
        elif how == 7:
            parent[key] = [parent[key], parent[key]]
        elif how == 8 and isinstance(parent[key], list):
            parent[key].append(value)
        elif how == 9 and isinstance(parent, dict) and parent is not tree:
            parent[value if isinstance(value, str) else str(key) + "x"] = parent.pop(key)
        elif how == 10 and isinstance(parent[key], str):
            parent[key] += value if isinstance(value, str) else "\udc80"
        elif how == 11 and isinstance(parent[key], list | dict | str):
            parent[key] = parent[key][: len(parent[key]) // 2] if not isinstance(parent[key], dict) else list(parent[key])
        else:
            parent[key] = value
    return tree[""]


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        yield tree, key
        if isinstance(value, dict | list):
            yield from _places(value)


def as_json(tree: Any, **options: Any) -> str:
    """JSON text, with what no Python value stands for put in."""
    text = json.dumps(tree, **options)
    return text.replace(f'"{_DEEP}"', "[" * 2000 + "]" * 2000).replace(f'"{_LONG}"', "9" * 5000).replace(f'"{_BARE}"', "[" * 2000)


def garbled(data: bytes, edits: list[Edit]) -> bytes:
    """A file's bytes with some places changed."""
    for where, how, what in edits:
        at = where % (len(data) + 1)
        fragment = FRAGMENTS[what % len(FRAGMENTS)]
        end = at if how < 4 else min(len(data), at + 1 + what % 24)
        if how == 8:
            data = data[:at]
        elif how == 9:
            data = data[:at] + data[at:end] * 3 + data[end:]
        elif how == 10:
            data = data[:at] + bytes(byte ^ (1 << what % 8) for byte in data[at : at + 1]) + data[at + 1 :]
        elif how == 11:  # a whole line's value
            end = data.find(b"\n", at)
            data = data[:at] + fragment + (data[end:] if end >= 0 else b"")
        else:
            data = data[:at] + fragment + data[end:]
    return data


class Counts(Counter[str]):
    """What became of the inputs: "read", "rejected" where a sample is counted instead, or the name of our error."""


def fuzz(check: Callable[[list[Edit], int], object], count: int) -> Counts:
    """Calls `check(edits, form)` for `count` inputs; only an OcrError may come out, within half a minute each.

    The quick runs are the same every time, the long ones differ.
    """
    seen = Counts()

    @settings(
        max_examples=count,
        database=None,
        derandomize=count <= MOST_QUICK,
        deadline=timedelta(seconds=30),
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(EDITS, st.integers(0, 1 << 10))
    def run(edits: list[Edit], form: int) -> None:
        try:
            seen[str(check(edits, form) or "read")] += 1
        except OcrError as error:
            str(error).encode("utf-8", "backslashreplace")
            seen[type(error).__name__] += 1

    run()
    print(f"{sum(seen.values()):,} inputs: {dict(seen)}")
    assert seen["read"] and len(seen) > 1, f"the door sees nothing of one kind: {dict(seen)}"
    return seen


def both(quick: int, long: int) -> pytest.MarkDecorator:
    """Parametrises a test by `count`: in `make test-thorough`, and in `make test-slow`."""
    return pytest.mark.parametrize(
        "count", [pytest.param(quick, marks=pytest.mark.thorough), pytest.param(long, marks=pytest.mark.slow)]
    )
