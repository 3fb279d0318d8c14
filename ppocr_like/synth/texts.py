"""Texts for synthetic lines: drawn from a corpus, cut between words, with some characters more often."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from ppocr_like.data.label_index import LabelIndex
from ppocr_like.errors import DataError

TRIES = 200  # draws before it is said that a corpus does not give what is asked for
LOOKED_AT = 200_000  # lines in which boosted characters are looked for, and characters for random lines


class Corpus:
    """Random pieces of text files.

    Args:
        files: UTF-8.
        length: fewest and most characters of a piece; a line shorter than the fewest is taken as it is.
        allowed: characters that a text may hold; None: all. Other texts are not drawn.
        boost: characters that some texts must hold.

    Raises:
        DataError: a file that is missing, empty or not UTF-8; no line can be used.
    """

    def __init__(
        self, files: Sequence[str], length: Sequence[int], allowed: Collection[str] | None = None, boost: str = ""
    ) -> None:
        self.indexes = [LabelIndex(file) for file in files]
        self.ends = np.cumsum([len(index) for index in self.indexes])
        self.least, self.most = length
        self.allowed = None if allowed is None else frozenset(allowed)
        self.boost = frozenset(boost)
        self.boosted, self.characters = self._survey()
        if not self.characters:
            raise DataError("no text here can be used: every line holds characters that the dictionary lacks", files[0])

    def _survey(self) -> tuple[np.ndarray, str]:
        """(lines with a boosted character, the letters and signs there are, each once)."""
        total = int(self.ends[-1])
        looked_at = np.unique(np.linspace(0, total - 1, min(total, LOOKED_AT)).astype(np.int64))
        found, counts = [], Counter[str]()
        for number in looked_at.tolist():
            text = self._line(number)
            if self.boost.intersection(text):
                found.append(number)
            counts.update(text)
        kept = [c for c in counts if not c.isspace() and not unicodedata.combining(c) and self._fits(c)]
        return np.array(found, np.int64), "".join(sorted(kept))

    def _line(self, number: int) -> str:
        source = int(np.searchsorted(self.ends, number, side="right"))
        index = self.indexes[source]
        position = number - (int(self.ends[source - 1]) if source else 0)
        try:
            text = index.read(position).decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError("is not UTF-8", f"{index.path}, line {index.line_number(position)}") from error
        return " ".join(unicodedata.normalize("NFC", text).split())

    def _fits(self, text: str) -> bool:
        return self.allowed is None or self.allowed.issuperset(text)

    def draw(self, rng: np.random.Generator) -> str:
        """A piece of a random line.

        Raises:
            DataError: in many draws none could be used.
        """
        for _ in range(TRIES):
            text = self._piece(self._line(int(rng.integers(self.ends[-1]))), rng)
            if text and self._fits(text):
                return text
        raise DataError(
            f"in {TRIES} draws no text that the dictionary can write; is it of another language?", self.indexes[0].path
        )

    def draw_boosted(self, rng: np.random.Generator) -> str:
        """A piece with a boosted character: of a line that holds one, else one is put in the place of another character."""
        for _ in range(TRIES if len(self.boosted) else 0):
            line = self._line(int(self.boosted[rng.integers(len(self.boosted))]))
            places = [i for i, character in enumerate(line) if character in self.boost]
            text = self._piece(line, rng, around=places[int(rng.integers(len(places)))])
            if self.boost.intersection(text) and self._fits(text):
                return text
        text = self.draw(rng)
        places = [i for i, character in enumerate(text) if not character.isspace()]
        place = places[int(rng.integers(len(places)))]
        wanted = sorted(self.boost)[int(rng.integers(len(self.boost)))]
        return text[:place] + wanted + text[place + 1 :]

    def draw_random(self, rng: np.random.Generator) -> str:
        """Characters of the corpus at random, each as likely as any other, in groups; boosted ones thrice as likely."""
        pool = self.characters + 2 * "".join(sorted(self.boost))
        count = int(rng.integers(self.least, min(self.most, max(self.least, 16)) + 1))
        text = "".join(pool[int(i)] for i in rng.integers(len(pool), size=count))
        if count > 6 and rng.random() < 0.5 and self._fits(" "):
            place = int(rng.integers(2, count - 2))
            text = text[:place] + " " + text[place + 1 :]
        return text

    def _piece(self, line: str, rng: np.random.Generator, around: int | None = None) -> str:
        """At most as many characters as wanted, cut between words; of text without spaces anywhere."""
        wanted = int(rng.integers(self.least, self.most + 1))
        if len(line) <= wanted:
            return line
        if around is None:
            starts = [0, *(i + 1 for i, character in enumerate(line) if character == " ")]
            start = starts[int(rng.integers(len(starts)))]
        else:
            start = max(0, around - int(rng.integers(wanted)))
            space = line.find(" ", start, around)
            if start and line[start - 1] != " " and space >= 0:
                start = space + 1
        piece = line[start : start + wanted]
        end = start + len(piece)
        if end < len(line) and line[end] != " " and " " in piece:
            shorter = piece[: piece.rindex(" ")]
            if around is None or start + len(shorter) > around:
                piece = shorter
        while piece and unicodedata.combining(piece[0]):
            piece = piece[1:]  # its letter stayed behind
        return piece.strip()
