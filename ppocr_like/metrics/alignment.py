"""Which characters of a line were read as which: one of the shortest ways from a text to another, character by character."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from rapidfuzz.distance import Prefix

Kind = Literal["equal", "insert", "delete", "replace"]


class Step(NamedTuple):
    """One step along both texts.

    Args:
        kind: what happens: "insert" is a character that was read and does not stand there, "delete" one that was left out.
        wanted: place in the reference at which the step begins.
        got: place in the prediction.
    """

    kind: Kind
    wanted: int
    got: int


def align(wanted: str, got: str) -> list[Step]:
    """All steps from the first characters to the last; those that are not "equal" are as many as the edit distance.

    Several shortest ways may lead from one text to the other. Seen from the end of the line, this is the one that deletes
    rather than inserts, and inserts rather than replaces: kraken's reports choose in this way, so that the numbers of
    insertions, deletions and substitutions can be compared with theirs.

    Source: the bit vectors of Hyyrö, "A bit-vector algorithm for computing Levenshtein and Damerau edit distances" (2003).
    """
    alike = Prefix.similarity(wanted, got)
    steps = [Step("equal", place, place) for place in range(alike)]
    return steps + _way(wanted, got, alike, equal=True)


def edits(wanted: str, got: str) -> list[Step]:
    """The steps that are not "equal"."""
    return [] if wanted == got else _way(wanted, got, Prefix.similarity(wanted, got), equal=False)


class Piece(NamedTuple):
    """A run of steps of one kind: the part of the reference, and what was read there."""

    kind: Kind
    wanted: str
    got: str


def pieces(wanted: str, got: str) -> Iterator[Piece]:
    """The two texts beside each other, in runs of equal characters, and of insertions, deletions and replacements."""
    kind: Kind = "equal"
    one = other = ""
    for step in align(wanted, got):
        if step.kind != kind and (one or other):
            yield Piece(kind, one, other)
            one = other = ""
        kind = step.kind
        one += wanted[step.wanted] if kind != "insert" else ""
        other += got[step.got] if kind != "delete" else ""
    if one or other:
        yield Piece(kind, one, other)


def _way(wanted: str, got: str, alike: int, equal: bool) -> list[Step]:
    """The steps behind the first `alike` characters, which are the same in both; `equal`: also those that change nothing."""
    rises, steps = _rises(wanted[alike:], got[alike:]), []
    i, j = len(wanted) - alike, len(got) - alike
    bit = 1 << i >> 1
    while i and j:
        down, across = rises[j - 1]
        if down & bit:
            kind: Kind = "delete"
            i, bit = i - 1, bit >> 1
        elif across & bit:
            kind = "insert"
            j -= 1
        else:
            i, j, bit = i - 1, j - 1, bit >> 1
            if wanted[alike + i] == got[alike + j]:
                if equal:
                    steps.append(Step("equal", alike + i, alike + j))
                continue
            kind = "replace"
        steps.append(Step(kind, alike + i, alike + j))
    steps += [Step("delete", alike + place, alike) for place in reversed(range(i))]
    steps += [Step("insert", alike, alike + place) for place in reversed(range(j))]
    return steps[::-1]


def _rises(wanted: str, got: str) -> list[tuple[int, int]]:
    """Of the table of distances between beginnings, for each character of `got` two sets of bits. Bit i - 1 of the first: with
    one character less of `wanted` than i the distance is less by one; of the second: with one less of `got`."""
    every = (1 << len(wanted)) - 1
    places: dict[str, int] = {}
    for place, character in enumerate(wanted):
        places[character] = places.get(character, 0) | 1 << place
    up, down = every, 0  # vertical differences of +1 and of -1
    rises = []
    for character in got:
        match = places.get(character, 0) | down
        level = ((((match & up) + up) ^ up) | match) & every
        across = down | (every & ~(level | up))  # horizontal differences of +1
        back = level & up
        shifted = (across << 1 | 1) & every
        up, down = (back << 1 & every) | (every & ~(level | shifted)), shifted & level
        rises.append((up, across))
    return rises
