"""Groups the characters of a recognised line into words with their places (PaddleOCR's `return_word_box`)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ppocr_like.contracts import TextLine

IDEOGRAPHIC = "cn"  # PaddleOCR's names of the two kinds
ALPHABETIC = "en&num"
# Scripts without spaces between words: Han with extension A and compatibility forms, kana, and the planes of rare Han.
IDEOGRAPHIC_RANGES = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
JOINERS = "-'’"  # within an alphabetic word: state-of-the-art, l'eau


@dataclass(frozen=True)
class WordColumns:
    """A word of a line.

    Args:
        text: its characters.
        columns: output step of each character.
        kind: "cn" (ideographs, which may be placed one by one) or "en&num".
    """

    text: str
    columns: tuple[int, ...]
    kind: str


def group_words(line: TextLine) -> list[WordColumns]:
    """The words of a line in order; spaces and punctuation between them are left out.

    A word ends where the kind of character changes. Hyphens and apostrophes stay in an alphabetic word, a point only
    before a digit ("3.14", but "a", "b" in "a.b").
    """
    words: list[WordColumns] = []
    start, kind = 0, ""
    for i in range(len(line.text) + 1):
        here = kind_at(line.text, i, kind) if i < len(line.text) else ""
        if here == kind:
            continue
        if kind:
            words.append(WordColumns(line.text[start:i], tuple(line.columns[start:i]), kind))
        start, kind = i, here
    return words


def kind_at(text: str, place: int, before: str) -> str:
    """Kind of the character at `place`, "" for one that separates words; `before` is the kind of the one before it."""
    character = text[place]
    if any(low <= ord(character) <= high for low, high in IDEOGRAPHIC_RANGES) and character != "・":
        return IDEOGRAPHIC
    if character.isalnum() or unicodedata.category(character).startswith("M"):
        return ALPHABETIC
    if before == ALPHABETIC and (character in JOINERS or (character == "." and text[place + 1 : place + 2].isdecimal())):
        return ALPHABETIC
    return ""


def content_steps(lines: Sequence[TextLine], ratios: Sequence[float], canvas_ratio: float) -> list[float]:
    """How many of each line's output steps lie on its image and not on the padding.

    Args:
        lines: the decoded batch.
        ratios: width / height of each line's image.
        canvas_ratio: width / height of the canvas that all were resized to.
    """
    return [line.steps * ratio / canvas_ratio for line, ratio in zip(lines, ratios, strict=True)]
