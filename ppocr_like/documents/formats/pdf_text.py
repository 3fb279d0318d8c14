"""The text of a line as operators of a PDF page: invisible, and where each word was read.

A line that runs to the right is written word by word. Programs that read PDF files take right-to-left letters to stand in the
order of the page, as typesetters write them, and turn them round (poppler, pdfium, pypdf). So a right-to-left line is written run
by run in the order of reading, and the letters of each run as they stand on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ppocr_like.documents.page import Line
from ppocr_like.documents.words import Character
from ppocr_like.text import is_right_to_left, to_visual
from ppocr_like.text.bidi import REMOVED, RTL, levels

FONT = "/PpocrLikeWords"  # its name in a page's resources
SIZE = 0.8  # of the font, of a line's height
ADVANCE = 0.5  # of the font's size: the width of its one glyph
RISE = 0.2  # of a line's height: where the letters stand
LEAST = 1e-3  # px: nothing is written that is shorter or lower
NARROW = 1.0  # px: the least width of a word, whatever its characters' places say


@dataclass(frozen=True)
class Piece:
    """Text from `start` to `end`, px along the line's lower side."""

    text: str
    start: float
    end: float

    def widened(self, before: str = "", after: str = "") -> Piece:
        """With further characters, as wide as its own: programs that copy text tell words apart by blanks."""
        share = (self.end - self.start) / len(self.text)
        return Piece(before + self.text + after, self.start - share * len(before), self.end + share * len(after))


def text_rows(line: Line, height: float, codes: dict[str, int]) -> list[str]:
    """Operators for a line's words.

    Args:
        line: in px of the page, downwards.
        height: of the page in px: in a PDF page y grows upwards.
        codes: code of each character in the font, from 1; characters that come up are added.
    """
    if is_right_to_left(line.text):
        side = line.upright()
        return [row for pieces in _right_to_left(line, side) for row in _row(pieces, side, height, codes)]
    rows, words = [], line.words()
    for number, word in enumerate(words, 1):
        piece = Piece(word.text, 0.0, float(np.hypot(*(word.points[2] - word.points[3]))))
        rows += _row([piece if number == len(words) else piece.widened(after=" ")], word.points, height, codes)
    return rows


def _row(pieces: Sequence[Piece], quad: np.ndarray, height: float, codes: dict[str, int]) -> list[str]:
    """Pieces one after the other along the lower side of `quad` (4, 2) px, each as wide as it is there.

    A lone character gets a blank behind it: pdfium takes no piece of a single one for text.
    """
    top_left, _, bottom_right, bottom_left = np.asarray(quad, float) * [1, -1] + [0, height]
    along, up = bottom_right - bottom_left, top_left - bottom_left
    length, size = float(np.hypot(*along)), float(np.hypot(*up)) * SIZE
    if length < LEAST or size < LEAST or not pieces:
        return []
    cos, sin = along / length
    x, y = bottom_left + RISE * up + pieces[0].start * along / length
    row = [f"{FONT} {size:.3f} Tf {cos:.5f} {sin:.5f} {-sin:.5f} {cos:.5f} {x:.3f} {y:.3f} Tm"]
    for piece in pieces:
        piece = piece.widened(after=" ") if len(piece.text) == 1 else piece
        row.append(f"{100.0 * (piece.end - piece.start) / (ADVANCE * size * len(piece.text)):.2f} Tz")
        shown = "".join(f"{codes.setdefault(character, len(codes) + 1):04X}" for character in piece.text)
        row.append(f"<{shown}> Tj")
    return [" ".join(row)]


def _right_to_left(line: Line, side: np.ndarray) -> list[list[Piece]]:
    """The runs of a right-to-left line in the order of reading, each from left to right.

    A blank between two runs is written with the one that runs to the right, at both ends of it.
    """
    characters = _placed(line, side)
    runs = []
    for left, members in groupby(enumerate(_run_left(characters)), key=lambda member: member[1]):
        places = [place for place, _ in members]
        first, last = places[0], places[-1]
        while first <= last and characters[first].text.isspace():
            first += 1
        while last >= first and characters[last].text.isspace():
            last -= 1
        if first > last:
            continue
        pieces = _pieces(characters[first : last + 1], left, side)
        if not left and first and characters[first - 1].text.isspace():
            pieces[0] = pieces[0].widened(before=" ")
        if not left and last + 1 < len(characters) and characters[last + 1].text.isspace():
            pieces[-1] = pieces[-1].widened(after=" ")
        runs.append(pieces)
    return runs


def _run_left(characters: Sequence[Character]) -> list[bool]:
    """Of each character whether it runs to the left."""
    found = levels("".join(character.text for character in characters), RTL)
    answers: list[bool] = []
    place = 0
    for character in characters:
        level = found[place] if place < len(found) else RTL
        answers.append(answers[-1] if level == REMOVED and answers else level == REMOVED or bool(level % 2))
        place += len(character.text)
    return answers


def _pieces(characters: Sequence[Character], left: bool, side: np.ndarray) -> list[Piece]:
    """Words with the blanks behind them, from left to right; of a run to the left in the order of the page."""
    origin, along = side[3], side[2] - side[3]
    along = along / max(float(np.hypot(*along)), LEAST)
    words: list[tuple[str, float, float]] = []
    for space, members in groupby(characters, key=lambda character: character.text.isspace()):
        if space:
            continue
        run = list(members)
        text = "".join(character.text for character in run)
        reach = (np.concatenate([character.points for character in run]) - origin) @ along
        words.append((text[::-1] if left else text, float(reach.min()), float(reach.max())))
    if left:
        words.reverse()
    pieces: list[Piece] = []
    for number, (text, start, end) in enumerate(words):
        start = max(start, pieces[-1].end) if pieces else start
        if number + 1 < len(words):  # with the blank behind it, up to the next word
            text, end = text + " ", words[number + 1][1]
        pieces.append(Piece(text, start, max(end, start + NARROW)))
    return pieces


def _placed(line: Line, side: np.ndarray) -> tuple[Character, ...]:
    """The line's characters; where their places are not known, equal shares of the line in the order of the page."""
    if line.characters:
        return line.characters
    text = line.text.strip()
    shares = np.empty(len(text))
    shares[list(to_visual(text).order)] = np.arange(len(text))
    along, quads = (side[[1, 2]] - side[[0, 3]]) / max(len(text), 1), []
    for share in shares:
        top, bottom = side[0] + share * along[0], side[3] + share * along[1]
        quads.append(np.array([top, top + along[0], bottom + along[1], bottom]))
    return tuple(Character(character, quad, line.confidence) for character, quad in zip(text, quads, strict=True))
