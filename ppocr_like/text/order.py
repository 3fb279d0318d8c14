"""From the order in which a line is written down to the order in which it stands on the page.

A label says a line in logical order, as a person reads and types it; a network reads a line from left to right, as it stands on
the page. For left-to-right scripts the two are one. Everything that has to do with the difference asks this module, and
`text.inverse` for the way back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ppocr_like.text.bidi import LTR, REMOVED, RTL, base_level, levels, visual_order
from ppocr_like.text.mirrors import MIRRORED

Direction = Literal["ltr", "rtl", "paddle", "bidi", "bidi_ltr", "bidi_rtl"]
BaseDir = Literal["", "ltr", "rtl"]  # what a file says of a line; "": nothing
Base = Literal["letters", "first", "ltr", "rtl"]
LETTERS = frozenset(("R", "AL"))  # bidirectional classes of right-to-left letters
RIGHT = LETTERS | {"AN"}  # and of digits that are used in such lines alone
ATTACHED = frozenset(("NSM", "BN"))  # stand at the character before them: marks, joiners
FIRST_RTL = "\u0590"  # no character before it is of a right-to-left script
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


def base_of(text: str, base: Base) -> int | None:
    """The level of a line's base direction; None: nothing in it moves. Of

    - `letters`: from right to left where `is_right_to_left`, else nothing moves;
    - `first`: the first strong character's (rules P2 and P3 of UAX #9);
    - `ltr`, `rtl`: the one that is named.
    """
    if base == "rtl":
        return RTL
    if text.isascii() or max(text) < FIRST_RTL:
        return None
    if base == "letters":
        return RTL if is_right_to_left(text) else None
    return LTR if base == "ltr" else base_level(text)


def to_visual(text: str, mirror: Container[str] | None = None, base: Base = "letters") -> Reordered:
    """A line in logical order as it stands on the page, from left to right.

    Marks follow their letters (UAX #9, L3), brackets are turned over (L4).

    Args:
        text: in logical order.
        mirror: characters that may be turned over, where their counterpart is also among them; None: all.
        base: what says the line's base direction, see `base_of`.
    """
    level = base_of(text, base)
    return Reordered.unchanged(text) if level is None else shown_from(text, level, mirror)


def shown_from(text: str, level: int, mirror: Container[str] | None) -> Reordered:
    """A line in logical order as it stands on the page, of a base direction (LTR or RTL)."""
    groups = groups_of(text)
    found = group_levels(text, groups, level)
    return ungrouped(text, groups, visual_order(found), found, mirror)


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


def groups_of(text: str) -> list[list[int]]:
    """Places of each character with what is attached to it."""
    groups: list[list[int]] = []
    for place, character in enumerate(text):
        if groups and unicodedata.bidirectional(character) in ATTACHED:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def group_levels(text: str, groups: Sequence[Sequence[int]], base: int) -> list[int]:
    """Levels of a line of this base direction, of each group that of its first character."""
    found = levels(text, base)
    return [base if found[group[0]] == REMOVED else found[group[0]] for group in groups]


def ungrouped(
    text: str, groups: Sequence[Sequence[int]], order: Sequence[int], found: Sequence[int], mirror: Container[str] | None
) -> Reordered:
    """The groups of a text in another order, brackets turned over where their level is odd."""
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
