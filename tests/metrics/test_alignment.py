"""Edits of a line: as few as there can be, chosen as kraken chooses among equals."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from ppocr_like.metrics.alignment import align, edits, pieces

TEXT = st.text("abc ", max_size=14)


def kinds(wanted: str, got: str) -> tuple[int, int, int]:
    found = Counter(step.kind for step in edits(wanted, got))
    return found["insert"], found["delete"], found["replace"]


def by_table(wanted: str, got: str) -> tuple[int, int, int]:
    """The same by the whole table of distances: of equal ways a deletion, then an insertion, then a replacement."""
    table = [[i + j for j in range(len(got) + 1)] for i in range(len(wanted) + 1)]
    for i, one in enumerate(wanted, 1):
        for j, other in enumerate(got, 1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (one != other))
    i, j = len(wanted), len(got)
    found = [0, 0, 0]
    while i or j:
        if i and table[i - 1][j] + 1 == table[i][j]:
            i, found[1] = i - 1, found[1] + 1
        elif j and table[i][j - 1] + 1 == table[i][j]:
            j, found[0] = j - 1, found[0] + 1
        else:
            i, j = i - 1, j - 1
            found[2] += wanted[i] != got[j]
    return found[0], found[1], found[2]


@pytest.mark.parametrize(
    ("wanted", "got", "expected"),
    [
        ("", "", (0, 0, 0)),
        ("", "ab", (2, 0, 0)),
        ("ab", "", (0, 2, 0)),
        ("kitten", "sitting", (1, 0, 2)),
        ("ab", "ba", (1, 1, 0)),  # two replacements are as short; kraken matches one character
        ("e\u0301", "e", (0, 1, 0)),
        ("שלום", "שלם", (0, 1, 0)),
        ("🂡x", "🂡y", (0, 0, 1)),
    ],
)
def test_kinds_of_edits(wanted: str, got: str, expected: tuple[int, int, int]) -> None:
    assert kinds(wanted, got) == expected


@settings(deadline=None)
@given(TEXT, TEXT)
def test_edits_are_the_fewest_and_of_the_chosen_kinds(wanted: str, got: str) -> None:
    assert kinds(wanted, got) == by_table(wanted, got)
    assert len(edits(wanted, got)) == Levenshtein.distance(wanted, got)


@settings(deadline=None)
@given(TEXT, TEXT)
def test_steps_go_through_both_texts(wanted: str, got: str) -> None:
    steps = align(wanted, got)
    assert "".join(wanted[step.wanted] for step in steps if step.kind != "insert") == wanted
    assert "".join(got[step.got] for step in steps if step.kind != "delete") == got
    assert [step for step in steps if step.kind != "equal"] == edits(wanted, got)
    assert all((wanted[i] == got[j]) == (kind == "equal") for kind, i, j in steps if kind in ("equal", "replace"))
    found = list(pieces(wanted, got))
    assert ("".join(piece.wanted for piece in found), "".join(piece.got for piece in found)) == (wanted, got)
    assert all(one.kind != other.kind for one, other in pairwise(found))


def test_a_long_text_takes_seconds_at_most() -> None:
    wanted, got = "abcde" * 1500, "abxde" * 1500
    assert kinds(wanted, got)[2] == 1500
