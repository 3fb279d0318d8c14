"""Characters and words of a line, with their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from ppocr_like.documents.plain import plain
from ppocr_like.outside import Malformed, number, outline, text_of


@dataclass(frozen=True, eq=False)
class Character:
    """One character (a class of the recogniser: sometimes several code points) of a line.

    Args:
        text: what was read.
        points: (4, 2) px of the page: the quadrangle it fills of its line, from the line's own top left on, clockwise.
        confidence: [0, 1].
    """

    text: str
    points: np.ndarray
    confidence: float

    def as_dict(self) -> dict[str, Any]:
        """Plain data: px to a tenth."""
        return {"text": self.text, "points": plain(self.points), "confidence": round(self.confidence, 4)}

    @classmethod
    def from_dict(cls, tree: dict[str, Any]) -> Character:
        """The reverse of `as_dict`.

        Raises:
            KeyError, TypeError, ValueError: not such data.
        """
        text, corners = text_of(tree["text"]), outline(tree["points"])
        if len(corners) != 4:
            raise Malformed(f"a character has {len(corners)} corners; four are needed")
        return cls(text, corners, number(tree["confidence"], "confidence", 0, 1))


@dataclass(frozen=True, eq=False)
class Word:
    """A run of characters between spaces.

    Args:
        text: without spaces; of a source that marks parts of a line otherwise, what it gives.
        points: (4, 2) px of the page, as of a Character.
        confidence: mean of its characters', [0, 1].
        characters: its own; empty where their places are not known.
    """

    text: str
    points: np.ndarray
    confidence: float
    characters: tuple[Character, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain data: px to a tenth; `characters` stand there where they are known."""
        known = {"characters": [character.as_dict() for character in self.characters]} if self.characters else {}
        return {"text": self.text, "points": plain(self.points), "confidence": round(self.confidence, 4), **known}

    @classmethod
    def from_dict(cls, tree: dict[str, Any]) -> Word:
        """The reverse of `as_dict`.

        Raises:
            KeyError, TypeError, ValueError: not such data.
        """
        text, corners = text_of(tree["text"]), outline(tree["points"])
        if len(corners) != 4:
            raise Malformed(f"a word has {len(corners)} corners; four are needed")
        characters = tuple(Character.from_dict(character) for character in tree.get("characters", ()))
        return cls(text, corners, number(tree["confidence"], "confidence", 0, 1), characters)


def words_of(characters: Sequence[Character]) -> list[Word]:
    """The words that characters with places make. An entry of several characters with a space inside counts as part of a word."""
    runs = groupby(characters, key=lambda character: character.text.isspace())
    return [_word(tuple(run)) for space, run in runs if not space]


def _word(characters: tuple[Character, ...]) -> Word:
    """A quadrangle from the outer sides of the outermost characters, whichever way the text runs: the last one need not be the
    outermost ("2020" within a Hebrew word)."""
    along = characters[0].points[1] - characters[0].points[0]
    ordered = sorted(characters, key=lambda character: float(character.points.mean(axis=0) @ along))
    first, last = ordered[0].points, ordered[-1].points
    points = np.array([first[0], last[1], last[2], first[3]])
    text = "".join(character.text for character in characters)
    return Word(text, points, float(np.mean([character.confidence for character in characters])), characters)
