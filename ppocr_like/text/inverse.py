"""From the order in which a line stands on the page back to the order in which it is written down.

UAX #9 leads one way only. What it does not keep, and what is taken instead:

- Controls (embeddings, overrides, isolates, marks) leave no ink. They are characters of a label like others, but a network cannot
  see them, and what they moved is read as if they were not there.
- Several written orders may look the same: "12 ab" and "ab 12" within Hebrew; a Hebrew word with the number before or behind it
  within English; of a line that begins with a letter of one direction and ends with one of the other, the beginning where the
  base direction is not told.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterable, Sequence

from ppocr_like.text.bidi import LTR, REMOVED, RTL, base_level, levels, visual_order
from ppocr_like.text.mirrors import CLOSING, OPENING
from ppocr_like.text.order import (
    LETTERS,
    Base,
    Reordered,
    base_of,
    group_levels,
    groups_of,
    mostly_right_to_left,
    shown_from,
    ungrouped,
)

NUMBERS = frozenset(("EN", "AN"))
RUNS_RIGHT = NUMBERS | {"L"}  # letters and digits that run from left to right in any line
STOPS = frozenset(",.;:!?\u060c\u061b\u061f")
TRIES = 12  # guesses from which `to_logical` goes on to better ones


def to_logical(text: str, mirror: Container[str] | None = None, base: Base = "letters") -> Reordered:
    """A line as it stands on the page in logical order: an order that gives this line again (`to_visual`).

    Several orders may look the same; of these Latin words with the numbers behind them are kept together in a line that runs
    from right to left, and in one that runs from left to right a number stays with what is on its left. A line that no order
    gives, which a network may well read, is put in the nearest.

    Args:
        text: from left to right.
        mirror, base: as of `to_visual`; where the first strong character is to say the base, and two orders of different bases
            look like this line, the greater part of the letters decides.
    """
    level = base_of(text, base)
    if level is None:
        return Reordered.unchanged(text)
    if base != "first":
        return _sought(text, level, mirror)[0]
    likely = RTL if mostly_right_to_left([text]) else LTR
    strong = [kind for kind in map(unicodedata.bidirectional, text) if kind == "L" or kind in LETTERS]
    if strong and (strong[0] == "L") == (strong[-1] == "L"):  # the first strong one stands at the end where the line begins
        return _sought(text, LTR if strong[0] == "L" else RTL, mirror)[0]
    found = {level: _sought(text, level, mirror) for level in (likely, RTL - likely)}
    fitting = [one for level, one in found.items() if one[1] is not None and base_level(one[0].text) == level]
    return min(fitting, key=lambda one: one[1] or 0)[0] if fitting else found[likely][0]


def _sought(text: str, base: int, mirror: Container[str] | None) -> tuple[Reordered, int | None]:
    """(the logical order of a line of this base direction, how odd it is); None where it does not look like `text`."""
    groups = groups_of(text)
    best: tuple[Reordered, int] | None = None
    nearest: Reordered | None = None
    for guess in (_right_to_left if base == RTL else _left_to_right)(text, groups):
        logical, same = _followed(text, groups, guess, mirror, base)
        nearest = nearest or logical
        odd = _oddness(logical.text) if same else 0
        if same and (best is None or odd < best[1]):
            best = logical, odd
            if odd == 0:
                break
    assert nearest is not None
    return (nearest, None) if best is None else best


def _levels_at(logical: Reordered, groups: Sequence[Sequence[int]], base: int) -> list[int]:
    """Levels of a logical line, for the groups of the visual one it was made of."""
    of_place = dict(zip(logical.order, levels(logical.text, base), strict=True))
    return [base if of_place[group[0]] == REMOVED else of_place[group[0]] for group in groups]


def _followed(
    text: str, groups: Sequence[Sequence[int]], guess: list[int], mirror: Container[str] | None, base: int
) -> tuple[Reordered, bool]:
    """(the logical line to which a guess of the levels leads, whether it looks like `text`); the guess' own where none does."""
    first: Reordered | None = None
    seen: set[tuple[int, ...]] = set()
    found = guess
    while tuple(found) not in seen and len(seen) < TRIES:
        seen.add(tuple(found))
        logical = ungrouped(text, groups, visual_order(found), found, mirror)
        first = first or logical
        if shown_from(logical.text, base, mirror).text == text:
            return logical, True
        found = _levels_at(logical, groups, base)
    assert first is not None
    return first, False


def _right_to_left(text: str, groups: Sequence[Sequence[int]]) -> Iterable[list[int]]:
    """Levels that the groups of a visual line of base RTL may have: what stands between words and numbers that run to the right
    does so too, or parts them; or as if the line were a logical one."""
    kinds = [unicodedata.bidirectional(text[group[0]]) for group in groups]
    strong = [RTL + (kind in RUNS_RIGHT) for kind in kinds]
    joined, parted = list(strong), list(strong)
    for start, end in _between(kinds, RUNS_RIGHT, LETTERS):
        joined[start:end] = [RTL + 1] * (end - start)
        if kinds[start - 1] == kinds[end] == "L":
            parted[start:end] = [RTL + 1] * (end - start)
    yield joined
    yield group_levels(text, groups, RTL)
    yield parted
    yield strong


def _left_to_right(text: str, groups: Sequence[Sequence[int]]) -> Iterable[list[int]]:
    """Of base LTR: as if the line were a logical one; or all between right-to-left words belongs to them, also what stands beside
    them without a blank, or a number."""
    kinds = [unicodedata.bidirectional(text[group[0]]) for group in groups]
    strong = [RTL if kind in LETTERS else RTL + 1 if kind == "AN" else LTR for kind in kinds]
    yield group_levels(text, groups, LTR)
    joined = list(strong)
    for start, end in _between(kinds, LETTERS | {"AN"}, {"L"}):
        joined[start:end] = [RTL + 1 if kind in NUMBERS else RTL for kind in kinds[start:end]]
    yield joined
    yield _spread(joined, kinds, {"L", "WS"})
    numbers = list(strong)
    for start, end in _between(kinds, LETTERS | NUMBERS, {"L"}):
        numbers[start:end] = [RTL + 1 if kind in NUMBERS else RTL for kind in kinds[start:end]]
    yield _spread(numbers, kinds, {"L", "WS"})
    yield strong


def _spread(found: Sequence[int], kinds: Sequence[str], ends: Container[str]) -> list[int]:
    """Levels where what runs from right to left takes its neighbours with it, up to one whose class is of `ends`."""
    spread = list(found)
    for places in (range(1, len(spread)), range(len(spread) - 2, -1, -1)):
        step = 1 if places.step == -1 else -1
        for place in places:
            if spread[place] == LTR and spread[place + step] != LTR and kinds[place] not in ends:
                spread[place] = RTL + 1 if kinds[place] in NUMBERS else RTL
    return spread


def _between(kinds: Sequence[str], inside: Container[str], ends: Container[str]) -> Iterable[tuple[int, int]]:
    """Stretches of other characters between two whose classes are `inside`; one of `ends` between them parts them."""
    last = None
    for place, kind in enumerate(kinds):
        if kind in ends:
            last = None
        elif kind in inside:
            if last is not None and last + 1 < place:
                yield last + 1, place
            last = place


def _oddness(text: str) -> int:
    """How unlikely it is that a person would write so: brackets that do not close, signs of numbers away from them, numbers that
    touch right-to-left letters, brackets and stops on the wrong side of a blank."""
    odd, open_ones = 0, []
    for place, character in enumerate(text):
        before, after = text[place - 1 : place] or " ", text[place + 1 : place + 2] or " "
        if character in OPENING:
            open_ones.append(OPENING[character])
            odd += after == " " or before.isalnum()
        elif character in CLOSING:
            odd += before == " " or after.isalnum()
            if open_ones and open_ones[-1] == character:
                open_ones.pop()
            else:
                odd += 1
        elif unicodedata.bidirectional(character) == "ET":
            odd += not (before.isdecimal() or after.isdecimal())
        elif character.isdecimal():
            odd += 2 * (unicodedata.bidirectional(before) in LETTERS or unicodedata.bidirectional(after) in LETTERS)
        elif character in STOPS:
            odd += before == " "
    return odd + len(open_ones)
