"""ARPA files, which most programs for language models read and write: one n-gram a line, logarithms of base 10.

Nothing may stand before the data or behind them: KenLM takes no such file. So the text direction of a model's labels is a word of
its own, `<direction=rtl>`, as improbable as the format allows; it is the last of the single words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np

from ppocr_like.outside import Malformed
from ppocr_like.postprocess.ngram.model import MAX_ORDER, Level, NgramModel

LN10 = math.log(10.0)
MOST = 1 << 25  # n-grams of one length; they fill about 3 GB while they are read
_COUNT = re.compile(rb"ngram\s+(\d{1,3})\s*=\s*(\d{1,12})")
_DIRECTION = re.compile(r"<direction=(\w+)>")
_NEVER = -99


def arpa_text(model: NgramModel) -> Iterator[str]:
    """The lines of a model's file."""
    yield "\\data\\\n"
    for number, level in enumerate(model.levels, 1):
        yield f"ngram {number}={len(level) + (number == 1 and bool(model.direction))}\n"
    texts: list[str] = []
    for number, level in enumerate(model.levels, 1):
        yield f"\n\\{number}-grams:\n"
        tokens = [model.tokens[word] for word in level.words.tolist()]
        texts = (
            tokens if number == 1 else [f"{texts[p]} {token}" for p, token in zip(level.parents.tolist(), tokens, strict=True)]
        )
        last = number == model.order
        logp, backoff = (np.asarray(column, np.float64) / LN10 for column in (level.logp, level.backoff))
        for text, probability, cost in zip(texts, logp.tolist(), backoff.tolist(), strict=True):
            yield f"{probability:.7g}\t{text}\n" if last else f"{probability:.7g}\t{text}\t{cost:.7g}\n"
        if number == 1 and model.direction:
            yield f"{_NEVER}\t<direction={model.direction}>" + ("\n" if last else "\t0\n")
    yield "\n\\end\\\n"


def parse_arpa(data: bytes) -> NgramModel:
    """The model of an ARPA file.

    Raises:
        Malformed: no ARPA file, a cut one, one of longer n-grams than MAX_ORDER, an n-gram whose first words are not listed; with
            the line.
    """
    reader = _Lines(data)
    while (line := reader.next()) != b"\\data\\":
        if line is None:
            raise Malformed(r"has no line \data\, with which an ARPA file begins")
    counts = _counts(reader)
    tokens: list[bytes] = []
    places: dict[bytes, int] = {}
    levels: list[Level] = []
    for number, count in enumerate(counts, 1):
        start = reader.number
        rows, logp, backoff = _section(reader, number, count, number == len(counts), places if number > 1 else None)
        if number == 1:
            tokens = rows
            places |= {token: place for place, token in enumerate(tokens)}
            levels.append(Level(np.zeros(count, np.int64), np.arange(count), logp, backoff))
        else:
            levels.append(_level(np.array(rows, np.int64).reshape(count, number), logp, backoff, levels, len(tokens), start))
    if reader.next() != b"\\end\\":
        raise Malformed(r"is cut: it does not end with \end\ ".rstrip(), reader.number)
    try:
        return NgramModel(*_without_direction([_text(token) for token in tokens], levels))
    except ValueError as error:
        raise Malformed(str(error)) from error


def _without_direction(tokens: list[str], levels: list[Level]) -> tuple[list[str], list[Level], str]:
    """The words and n-grams without the one that tells the direction, and this; "" where none does."""
    found = _DIRECTION.fullmatch(tokens[-1])
    if found is None:
        return tokens, levels, ""
    single = levels[0]
    shorter = Level(single.parents[:-1], single.words[:-1], single.logp[:-1], single.backoff[:-1])
    return tokens[:-1], [shorter, *levels[1:]], found[1]


class _Lines:
    """The lines of a file that are not empty; `number`: of the last one, from 1."""

    def __init__(self, data: bytes) -> None:
        self._lines = data.split(b"\n")
        self.number = 0

    def next(self) -> bytes | None:
        while self.number < len(self._lines):
            line = self._lines[self.number].strip(b" \t\r")
            self.number += 1
            if line:
                return line
        return None


def _counts(reader: _Lines) -> list[int]:
    """How many n-grams of each length the file announces; the reader stands behind the head of the 1-grams."""
    counts: list[int] = []
    while (line := reader.next()) is not None and (found := _COUNT.fullmatch(line)) is not None:
        if int(found[1]) != len(counts) + 1:
            raise Malformed(f"announces {int(found[1])}-grams where {len(counts) + 1}-grams are needed", reader.number)
        counts.append(int(found[2]))
    if line != b"\\1-grams:" or not counts:
        raise Malformed(r"is cut or no ARPA file: numbers of n-grams and \1-grams: are needed at its beginning", reader.number)
    if len(counts) > MAX_ORDER:
        raise Malformed(f"has {len(counts)}-grams; n-grams of up to {MAX_ORDER} words can be read", reader.number)
    while len(counts) > 1 and counts[-1] == 0:
        counts.pop()
    for number, count in enumerate(counts, 1):
        if not 0 < count <= MOST:
            raise Malformed(f"announces {count:,} {number}-grams; from 1 to {MOST:,} can be read", reader.number)
    return counts


def _section(
    reader: _Lines, number: int, count: int, last: bool, places: dict[bytes, int] | None
) -> tuple[list, np.ndarray, np.ndarray]:
    """The n-grams of one length: their tokens, one after the other (as places where `places` is given), and both columns."""
    if number > 1 and (line := reader.next()) != b"\\%d-grams:" % number:
        raise Malformed(rf"is cut or damaged: \{number}-grams: is needed, found {_text((line or b'')[:60])!r}", reader.number)
    rows: list = []
    logp, backoff = np.zeros(count), np.zeros(count)
    for place in range(count):
        line = reader.next()
        fields = (line or b"").split()
        if line is None or line.startswith(b"\\") or len(fields) not in (number + 1, number + 2):
            if line is None or line.startswith(b"\\") or reader.next() is None:
                raise Malformed(f"is cut: it announces {count:,} {number}-grams and has {place:,}", reader.number)
            raise Malformed(f"{_text(line[:60])!r}: a probability, {number} tokens and a back-off are needed", reader.number)
        try:
            logp[place] = float(fields[0])
            backoff[place] = float(fields[-1]) if len(fields) == number + 2 and not last else 0.0
            rows.extend(fields[1 : number + 1] if places is None else [places[token] for token in fields[1 : number + 1]])
        except KeyError as error:
            raise Malformed(f"the token {_text(error.args[0])!r} is not among the 1-grams", reader.number) from error
        except ValueError as error:
            raise Malformed(f"{_text(line[:60])!r} begins or ends with no number", reader.number) from error
    return rows, _natural(logp), _natural(backoff)


def _level(words: np.ndarray, logp: np.ndarray, backoff: np.ndarray, levels: list[Level], size: int, line: int) -> Level:
    """The n-grams with these words (n, length), in their order."""
    parents = words[:, 0]
    for number in range(1, words.shape[1]):
        keys = parents * size + words[:, number]
        if number == words.shape[1] - 1:
            break
        below = levels[number].parents * size + levels[number].words
        found = np.minimum(np.searchsorted(below, keys), len(below) - 1)
        missing = np.nonzero(below[found] != keys)[0]
        if len(missing):
            n = words.shape[1]
            told = f"{len(missing):,} of its {n}-grams begin with words that are no {n - 1}-gram (first: entry {missing[0] + 1})"
            raise Malformed(told, line)
        parents = found
    order = np.argsort(keys, kind="stable")
    if (np.diff(keys[order]) == 0).any():
        raise Malformed(f"one of its {words.shape[1]}-grams stands twice", line)
    return Level(parents[order], words[order, -1], logp[order], backoff[order])


def _natural(column: np.ndarray) -> np.ndarray:
    """Logarithms of base 10 as natural ones; minus infinity as the -99 that stands for it."""
    return (np.where(np.isneginf(column), -99.0, column) * LN10).astype(np.float32)


def _text(token: bytes) -> str:
    return token.decode("utf-8", "replace")
