"""A language model beside a recogniser: probabilities of classes, many states at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from ppocr_like.charset import BLANK, Charset
from ppocr_like.postprocess.ngram.model import NgramModel
from ppocr_like.postprocess.ngram.tokens import BEGIN, END, SPECIALS, UNKNOWN, class_tokens
from ppocr_like.text import is_right_to_left

logger = logging.getLogger("ppocr_like")
MEMORY = 1 << 26  # bytes of rows that are kept
FIRST_ROWS = 1024  # that there is room for at first
KNOWN = 0.5  # least share of a model's words that must be among the classes
SHOWN = 8


class LabelScorer:
    """What a model says of the classes of a character set.

    A class that the model does not list is as probable as `<unk>` (`NgramModel.unknown`), and what comes next then depends on
    nothing before it.

    Args:
        model: its words are the classes' tokens (`tokens.class_tokens`).
        charset: the classes.

    Raises:
        ValueError: the model is of another alphabet, or its lines run in another direction.
    """

    def __init__(self, model: NgramModel, charset: Charset) -> None:
        self.model = model
        tokens = class_tokens(charset)
        words = np.array([model.places.get(token, -1) if token else -1 for token in tokens], np.int64)
        _same_alphabet(model, charset, words)
        known = np.unique(words[words >= 0])
        self.columns = np.where(words >= 0, 1 + np.searchsorted(known, words), len(known) + 1)  # of each class, in `Rows`
        self.columns[0] = 0
        self._words = np.array([model.places[END], *known, -1], np.int64)
        self._idle: list[Rows] = []

    @contextmanager
    def rows(self, states: int) -> Iterator[Rows]:
        """Rows for one caller at a time, who asks for up to `states` states at once; what was made of them is kept for the
        next one."""
        try:
            rows = self._idle.pop()  # several threads may ask
        except IndexError:
            rows = Rows(self.model, self._words)
        rows.make_room(states)
        yield rows
        self._idle.append(rows)

    def score(self, classes: Sequence[int]) -> float:
        """Natural logarithm of the probability of a line of these classes, with its end."""
        with self.rows(1) as rows:
            state, total = self.model.start, 0.0
            for number in (*classes, 0):
                row = rows.of(np.array([state]))[0]
                total += float(rows.logp[row, self.columns[number]])
                state = int(rows.states[row, self.columns[number]])
        return total


class Rows:
    """For some states of a model what follows: `logp` (rows, columns) float32, natural logarithms, and `states` (rows, columns)
    int32, the states after.

    Args:
        model: see `NgramModel`.
        words: of each column: the line's end, the words that classes have, and -1 for classes that the model does not list.
    """

    def __init__(self, model: NgramModel, words: np.ndarray) -> None:
        self._model, self._size = model, len(words)
        self._place = np.full(len(model.words), -1, np.int32)  # row of a state
        self._columns = np.full(len(model.tokens), -1, np.int64)  # of a word
        self._columns[words[:-1]] = np.arange(len(words) - 1)
        self._base = np.append(model.levels[0].logp[words[:-1]], np.float32(model.unknown))
        self._after = np.append(model.states[1 + words[:-1]], np.int32(0))
        self._most = 0
        self.make_room(1)

    def make_room(self, states: int) -> None:
        """Room for at least so many states at once, and for the shorter ones that their rows are made of."""
        most = max(states * self._model.order + 1, MEMORY // (8 * self._size))
        most = min(most, len(self._place) + 1)
        if most <= self._most:
            return
        self._most = most
        self.logp = np.empty((min(most, FIRST_ROWS), self._size), np.float32)
        self.states = np.empty(self.logp.shape, np.int32)
        self._clear()

    def of(self, states: np.ndarray) -> np.ndarray:
        """The rows of these states, of any shape. `logp` and `states` may be new arrays afterwards: ask for rows first."""
        found = self._place[states]
        if found.min(initial=0) >= 0:
            return found
        new = np.unique(states[found < 0])
        if self._used + len(new) * self._model.order > self._most:
            self._clear()
            new = np.unique(states[self._place[states] < 0])
        self._add(new)
        return self._place[states]

    def _clear(self) -> None:
        """Leaves nothing but the row of the empty state, which all others lean on."""
        self._place[:] = -1
        self.logp[0], self.states[0] = self._base, self._after
        self._place[0], self._used = 0, 1

    def _add(self, states: np.ndarray) -> None:
        """Makes rows of states and of the shorter ones that are missing, these first."""
        model, chain = self._model, [states]
        while len(chain[-1]):
            shorter = np.unique(model.states[model.shorter[chain[-1]]])
            chain.append(shorter[self._place[shorter] < 0])
        for part in reversed(chain[:-1]):
            part = part[self._place[part] < 0]  # one that is shorter than several is there already
            self._add_level(part)

    def _add_level(self, states: np.ndarray) -> None:
        """Makes rows of states: those of the shorter ones, changed by the n-grams that begin with each."""
        model, count = self._model, len(states)
        while self._used + count > len(self.logp):
            self.logp, self.states = (np.concatenate([a, np.empty_like(a)])[: self._most] for a in (self.logp, self.states))
        rows = np.arange(self._used, self._used + count)
        base = self._place[model.states[model.shorter[states]]]
        self.logp[rows] = self.logp[base] + model.backoff[states][:, None]
        self.states[rows] = self.states[base]
        first, many = model.begin[states], model.begin[states + 1] - model.begin[states]
        numbers = np.arange(int(many.sum())) + np.repeat(first - (np.cumsum(many) - many), many)
        columns, at = self._columns[model.words[numbers]], np.repeat(rows, many)
        kept = columns >= 0
        columns, at, numbers = columns[kept], at[kept], numbers[kept]
        self.logp[at, columns], self.states[at, columns] = model.logp[numbers], model.states[numbers]
        self._place[states] = rows
        self._used += count


def _same_alphabet(model: NgramModel, charset: Charset, words: np.ndarray) -> None:
    """Raises ValueError where the model is of other labels, and says it where it lacks some."""
    own = [token for token in model.tokens if token not in SPECIALS and token.upper() != UNKNOWN.upper()]
    listed = {model.tokens[word] for word in words.tolist() if word >= 0}
    foreign = [token for token in own if token not in listed]
    if not own or len(own) - len(foreign) < KNOWN * len(own):
        long = sum(len(token) > 1 and token[0] != "<" for token in foreign)
        hint = "; it seems to be a model of words, and one of single labels is needed" if long > len(own) / 2 else ""
        raise ValueError(
            f"the language model is of another alphabet: of its {len(own)} tokens {len(foreign)} are none of the "
            f"{charset.num_classes - 1} classes ({', '.join(foreign[:SHOWN])}{' ...' if len(foreign) > SHOWN else ''}){hint}. "
            "Make one with tools/make_lm.py and this recipe"
        )
    told = {model.direction, charset.direction}
    if "" not in told and len(told) > 1 and any(is_right_to_left(token) for token in listed):
        raise ValueError(
            f"the language model was made of lines of text direction {model.direction}, the recogniser's is {charset.direction}; "
            "make it again with tools/make_lm.py and this recipe"
        )
    lacking = [text for text, word in zip(charset.labels[1:], words[1:].tolist(), strict=True) if word < 0 and text != BLANK]
    if lacking:
        logger.info("the language model does not know %d of %d classes", len(lacking), charset.num_classes - 1)
    if BEGIN not in model.places:
        logger.info("the language model has no %s: lines begin as if anything stood before them", BEGIN)
