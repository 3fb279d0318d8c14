"""From the order in which a line is written down to the order in which it stands on the page, and back.

A label says a line in logical order, as a person reads and types it; a network reads a line from left to right, as it stands on
the page. For left-to-right scripts the two are one. Everything that has to do with the difference asks this module.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ppocr_like.text.bidi import REMOVED, RTL, levels, visual_order
from ppocr_like.text.mirrors import CLOSING, MIRRORED, OPENING

Direction = Literal["ltr", "rtl", "paddle"]
LETTERS = frozenset(("R", "AL"))  # bidirectional classes of right-to-left letters
RIGHT = LETTERS | {"AN"}  # and of digits that are used in such lines alone
ATTACHED = frozenset(("NSM", "BN"))  # stand at the character before them: marks, joiners
FIRST_RTL = "\u0590"  # no character before it is of a right-to-left script
RUNS_RIGHT = frozenset(("L", "EN", "AN"))  # letters and digits that run from left to right in any line
STOPS = frozenset(",.;:!?\u060c\u061b\u061f")
TRIES = 12  # guesses from which `to_logical` goes on to better ones
KEEPS = re.compile(r"[a-zA-Z0-9 :*./%+-]")  # characters of which PaddleOCR keeps runs as they are


@dataclass(frozen=True)
class Reordered:
    """A text in another order.

    Args:
        text: the characters in that order; brackets and the like as they look there.
        order: for each of them its place in the text it was made of.
    """

    text: str
    order: tuple[int, ...]

    @classmethod
    def unchanged(cls, text: str) -> Reordered:
        """The text in its own order."""
        return cls(text, tuple(range(len(text))))

    def apply(self, values: Sequence[object]) -> list[object]:
        """What belongs to the characters of the old text, one each, in the new order."""
        return [values[place] for place in self.order]


def is_right_to_left(text: str) -> bool:
    """Whether a line runs from right to left: where it holds a letter of such a script, or a digit that only they use.

    A Latin word at the beginning of a Hebrew line does not turn the line round; rule P2 of UAX #9 would. Both orders of a line
    give the same answer, which the way back needs.
    """
    if text.isascii() or max(text) < FIRST_RTL:
        return False
    return any(unicodedata.bidirectional(character) in RIGHT for character in text)


def right_to_left_entries(entries: Iterable[str]) -> list[str]:
    """The entries of a dictionary that hold letters of right-to-left scripts."""
    return [entry for entry in entries if any(unicodedata.bidirectional(character) in LETTERS for character in entry)]


def mostly_right_to_left(texts: Iterable[str]) -> bool:
    """Whether right-to-left letters are the greater part of the letters."""
    right = left = 0
    for character in "".join(texts):
        kind = unicodedata.bidirectional(character)
        right, left = right + (kind in LETTERS), left + (kind == "L")
    return right > left


def to_visual(text: str, mirror: Container[str] | None = None) -> Reordered:
    """A line in logical order as it stands on the page, from left to right.

    Marks follow their letters (UAX #9, L3), brackets are turned over (L4).

    Args:
        text: in logical order.
        mirror: characters that may be turned over, where their counterpart is also among them; None: all.
    """
    if not is_right_to_left(text):
        return Reordered.unchanged(text)
    groups = _groups(text)
    found = _group_levels(text, groups)
    return _ungrouped(text, groups, visual_order(found), found, mirror)


def to_logical(text: str, mirror: Container[str] | None = None) -> Reordered:
    """A line as it stands on the page in logical order: an order that gives this line again (`to_visual`).

    Several orders may look the same ("12 ab" and "ab 12" within Hebrew text); of these Latin words with the numbers behind them
    are kept together. A line that no order gives, which a network may well read, is put in the nearest.

    Args:
        text: from left to right.
        mirror: as of `to_visual`.
    """
    if not is_right_to_left(text):
        return Reordered.unchanged(text)
    groups = _groups(text)
    best: tuple[int, Reordered] | None = None
    nearest: Reordered | None = None
    for guess in _guesses(text, groups):
        logical, same = _followed(text, groups, guess, mirror)
        nearest = nearest or logical
        odd = _oddness(logical.text)
        if same and odd == 0:
            return logical
        if same and (best is None or odd < best[0]):
            best = odd, logical
    if best is not None:
        return best[1]
    assert nearest is not None
    return nearest


def paddle_order(text: str) -> Reordered:
    """PaddleOCR's rule for Arabic dictionaries, both ways: all is reversed but runs of Latin letters, digits, blanks and some
    signs. A blank beside a number changes its side, which UAX #9 does not let happen."""
    runs: list[list[int]] = []
    inside = False
    for i, character in enumerate(text):
        keeps = bool(KEEPS.match(character))
        if keeps and inside:
            runs[-1].append(i)
        else:
            runs.append([i])
        inside = keeps
    order = tuple(i for run in reversed(runs) for i in run)
    return Reordered("".join(text[i] for i in order), order)


def _groups(text: str) -> list[list[int]]:
    """Places of each character with what is attached to it."""
    groups: list[list[int]] = []
    for place, character in enumerate(text):
        if groups and unicodedata.bidirectional(character) in ATTACHED:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def _group_levels(text: str, groups: Sequence[Sequence[int]]) -> list[int]:
    """Levels of a line that runs from right to left, of each group that of its first character."""
    found = levels(text, RTL)
    return [RTL if found[group[0]] == REMOVED else found[group[0]] for group in groups]


def _ungrouped(
    text: str, groups: Sequence[Sequence[int]], order: Sequence[int], found: Sequence[int], mirror: Container[str] | None
) -> Reordered:
    places, characters = [], []
    for number in order:
        for place in groups[number]:
            character = text[place]
            turned = MIRRORED.get(character) if found[number] % 2 else None
            if turned is not None and (mirror is None or (turned in mirror and character in mirror)):
                character = turned
            places.append(place)
            characters.append(character)
    return Reordered("".join(characters), tuple(places))


def _levels_at(logical: Reordered, groups: Sequence[Sequence[int]]) -> list[int]:
    """Levels of a logical line, for the groups of the visual one it was made of."""
    of_place = dict(zip(logical.order, levels(logical.text, RTL), strict=True))
    return [RTL if of_place[group[0]] == REMOVED else of_place[group[0]] for group in groups]


def _followed(
    text: str, groups: Sequence[Sequence[int]], guess: list[int], mirror: Container[str] | None
) -> tuple[Reordered, bool]:
    """(the logical line to which a guess of the levels leads, whether it looks like `text`); the guess' own where none does."""
    first: Reordered | None = None
    seen: set[tuple[int, ...]] = set()
    found = guess
    while tuple(found) not in seen and len(seen) < TRIES:
        seen.add(tuple(found))
        logical = _ungrouped(text, groups, visual_order(found), found, mirror)
        first = first or logical
        if to_visual(logical.text, mirror).text == text:
            return logical, True
        found = _levels_at(logical, groups)
    assert first is not None
    return first, False


def _guesses(text: str, groups: Sequence[Sequence[int]]) -> Iterable[list[int]]:
    """Levels that the groups of a visual line may have: what stands between words and numbers that run to the right does so
    too, or parts them; or as if the line were a logical one."""
    kinds = [unicodedata.bidirectional(text[group[0]]) for group in groups]
    strong = [RTL + (kind in RUNS_RIGHT) for kind in kinds]
    joined, parted = list(strong), list(strong)
    for start, end in _between(kinds):
        joined[start:end] = [RTL + 1] * (end - start)
        if kinds[start - 1] == kinds[end] == "L":
            parted[start:end] = [RTL + 1] * (end - start)
    yield joined
    yield _group_levels(text, groups)
    yield parted
    yield strong


def _between(kinds: Sequence[str]) -> Iterable[tuple[int, int]]:
    """Stretches of neutral characters between two that run to the right."""
    last = None
    for place, kind in enumerate(kinds):
        if kind in LETTERS:
            last = None
        elif kind in RUNS_RIGHT:
            if last is not None and last + 1 < place:
                yield last + 1, place
            last = place


def _oddness(text: str) -> int:
    """How unlikely it is that a person would write so: brackets that do not close, signs of numbers away from them, brackets and
    stops on the wrong side of a blank."""
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
        elif character in STOPS:
            odd += before == " "
    return odd + len(open_ones)
