"""How the text of a line is compared with what was read: one rule for the metric and for the report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NOT_ALPHANUMERIC = re.compile("[^0-9A-Za-z]")


@dataclass(frozen=True)
class LineRules:
    """What counts.

    Args:
        ignore_space: compare without spaces, otherwise without those at a line's ends.
        is_filter: compare only 0-9, A-Z, a-z, in lower case.
        keeps_ends: spaces at a line's ends count too (where they are not ignored).
        ignore_case: capitals and small letters are the same, as where labels are all upper case and print is not.
        key: of several networks' results those of this one are compared; "": there is one network.
    """

    ignore_space: bool = True
    is_filter: bool = False
    keeps_ends: bool = False
    ignore_case: bool = False
    key: str = ""

    def compared(self, text: str) -> str:
        """What of a text counts."""
        if self.ignore_space:
            text = text.replace(" ", "")
        elif not self.keeps_ends:
            text = text.strip()  # as predictions are
        if self.ignore_case:
            text = _folded(text)
        return NOT_ALPHANUMERIC.sub("", text).lower() if self.is_filter else text

    def places(self, text: str) -> Sequence[int]:
        """For each character of `compared(text)` its place in the text."""
        if self.is_filter:
            return [place for place, character in enumerate(text) if not NOT_ALPHANUMERIC.match(character)]
        if self.ignore_space:
            return [place for place, character in enumerate(text) if character != " "]
        if self.keeps_ends:
            return range(len(text))
        start = len(text) - len(text.lstrip())
        return range(start, max(start, len(text.rstrip())))

    def words(self, text: str) -> list[str]:
        """Its words, which spaces part even where they are ignored."""
        words = (_folded(text) if self.ignore_case else text).split()
        if self.is_filter:
            words = [word for word in (NOT_ALPHANUMERIC.sub("", word).lower() for word in words) if word]
        return words

    def result(self, result: Any) -> Any:
        """The line as the network read it whose results are compared."""
        return result.results[self.key] if self.key else result

    @property
    def leaves_out(self) -> bool:
        """Whether characters within a line are left out."""
        return self.ignore_space or self.is_filter

    def told(self) -> str:
        """For people."""
        if self.is_filter:
            return "only 0-9, A-Z and a-z count, in lower case (Metric.is_filter)"
        told = "spaces do not count (Metric.ignore_space)" if self.ignore_space else "every character counts, spaces too"
        return f"{told}, their case does not (Metric.ignore_case)" if self.ignore_case else told


def _folded(text: str) -> str:
    """A text without the difference of capitals and small letters; a letter stays one letter."""
    return "".join(small if len(small := letter.casefold()) == 1 else letter for letter in text)
