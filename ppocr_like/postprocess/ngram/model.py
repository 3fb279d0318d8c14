"""An n-gram model with back-off, held in a few arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ppocr_like.postprocess.ngram.tokens import BEGIN, END, UNKNOWN

MAX_ORDER = 8  # longest n-grams
NEVER = -99.0 * float(np.log(10.0))  # what ARPA files write for the probability of "<s>"


@dataclass(frozen=True, eq=False)
class Level:
    """All n-grams of one length, sorted by `parents`, then by `words`; no two are equal.

    Args:
        parents: (n,) int64: place in the level below of an n-gram's first words; of single words 0.
        words: (n,) int64: its last word. Of single words these are all the words, in their order.
        logp: (n,) float32: natural logarithm of the last word's probability after the others.
        backoff: (n,) float32: natural logarithm of what a word that is not listed after this n-gram costs.
    """

    parents: np.ndarray
    words: np.ndarray
    logp: np.ndarray
    backoff: np.ndarray

    def __len__(self) -> int:
        return len(self.words)


class NgramModel:
    """Probabilities of words after words.

    Every n-gram has a number; 0 is the empty one, then come the single words, then the pairs, each level in its order. So the
    n-grams that continue number k are those from `begin[k]` to `begin[k + 1]` - 1. A *state* is the number of the longest n-gram
    that what comes next depends on.

    Args:
        tokens: the words; `</s>` is among them.
        levels: single words first.
        direction: text direction of the character set that it was made with; "": not known.

    Raises:
        ValueError: the levels do not fit each other or the words, or there is no `</s>`.
    """

    def __init__(self, tokens: Sequence[str], levels: Sequence[Level], direction: str = "") -> None:
        self.tokens, self.levels, self.direction = tuple(tokens), tuple(levels), direction
        _check(self.tokens, self.levels)
        self.places = {token: place for place, token in enumerate(self.tokens)}
        if len(self.places) != len(self.tokens) or END not in self.places:
            raise ValueError(f"its words stand twice, or there is no {END} among them")
        offsets = np.cumsum([1, *(len(level) for level in levels)])
        counts = [np.bincount(levels[0].parents, minlength=1)]
        counts += [np.bincount(above.parents, minlength=len(below)) for below, above in pairwise(levels)]
        counts.append(np.zeros(len(levels[-1]), np.int64))
        self.begin = np.concatenate([[1], 1 + np.cumsum(np.concatenate(counts))]).astype(np.int64)
        self.words = np.concatenate([[-1], *(level.words for level in levels)]).astype(np.int32)
        self.logp = np.concatenate([[0.0], *(level.logp for level in levels)]).astype(np.float32)
        self.backoff = np.concatenate([[0.0], *(level.backoff for level in levels)]).astype(np.float32)
        self._link(offsets)

    def _link(self, offsets: np.ndarray) -> None:
        """`shorter`: of each n-gram the longest one that it ends with; `states`: the state after each."""
        size = len(self.tokens)
        self.shorter = np.zeros(len(self.words), np.int32)
        for number, level in enumerate(self.levels[1:], 1):
            start = offsets[number]
            found = np.zeros(len(level), np.int64)
            parents = self.shorter[offsets[number - 1] + level.parents].astype(np.int64)
            open_ = np.arange(len(level))
            while len(open_):  # of a model that was made here one turn is enough
                found[open_] = self._continued(parents[open_], level.words[open_], size, offsets)
                open_ = open_[(found[open_] == 0) & (parents[open_] > 0)]
                parents[open_] = self.shorter[parents[open_]]
            self.shorter[start : start + len(level)] = found
        numbers = np.arange(len(self.words))
        matters = (np.diff(self.begin) > 0) | (self.backoff != 0)
        matters[0] = True
        self.states = np.where(matters, numbers, 0).astype(np.int32)
        for start, stop in pairwise(offsets.tolist()):  # short ones first: the long ones lean on them
            part = slice(start, stop)
            self.states[part] = np.where(matters[part], numbers[part], self.states[self.shorter[part]])

    def _continued(self, parents: np.ndarray, words: np.ndarray, size: int, offsets: np.ndarray) -> np.ndarray:
        """Numbers of the n-grams with the numbers `parents` and one more word each; 0 where there is none."""
        found = np.zeros(len(parents), np.int64)
        levels = np.searchsorted(offsets, parents, side="right")  # of the children
        for number in np.unique(levels).tolist():
            if number >= len(self.levels):
                continue
            mine = levels == number
            level, below = self.levels[number], 0 if number == 0 else int(offsets[number - 1])
            if number == 0:
                found[mine] = 1 + words[mine]
                continue
            keys = level.parents * size + level.words
            wanted = (parents[mine] - below) * size + words[mine]
            place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            found[mine] = np.where(keys[place] == wanted, offsets[number] + place, 0)
        return found

    @property
    def order(self) -> int:
        """Words of its longest n-grams."""
        return len(self.levels)

    @property
    def start(self) -> int:
        """The state at the beginning of a line."""
        place = self.places.get(BEGIN)
        return 0 if place is None else int(self.states[1 + place])

    @property
    def unknown(self) -> float:
        """Natural logarithm of the probability of a word that the model does not list, before anything was read: of `<unk>`,
        or of its rarest word where it has none."""
        place = self.places.get(UNKNOWN)
        if place is not None:
            return float(self.logp[1 + place])
        listed = self.levels[0].logp[self.levels[0].logp > NEVER + 1]
        return float(listed.min()) if len(listed) else NEVER

    def step(self, state: int, word: int) -> tuple[float, int]:
        """Natural logarithm of a word's probability in a state, and the state after it. `word`: its place among the tokens."""
        cost = 0.0
        while True:
            first, last = int(self.begin[state]), int(self.begin[state + 1])
            place = first + int(np.searchsorted(self.words[first:last], word))
            if place < last and self.words[place] == word:
                return cost + float(self.logp[place]), int(self.states[place])
            cost += float(self.backoff[state])
            state = int(self.states[self.shorter[state]])

    def score(self, words: Iterable[int], end: bool = True) -> float:
        """Natural logarithm of the probability of a line; `end`: with its end."""
        total, state = 0.0, self.start
        for word in [*words, *([self.places[END]] if end else [])]:
            more, state = self.step(state, word)
            total += more
        return total

    def __repr__(self) -> str:
        return f"NgramModel(order {self.order}, {len(self.tokens)} words, {len(self.words) - 1:,} n-grams)"


def perplexity(model: NgramModel, lines: Sequence[Sequence[int]]) -> float:
    """Of a label of these lines, their ends counted as labels.

    Raises:
        ValueError: there are no lines.
    """
    if not lines:
        raise ValueError("there are no lines to measure")
    total = sum(model.score(line) for line in lines)
    return float(np.exp(-total / sum(len(line) + 1 for line in lines)))


def _check(tokens: tuple[str, ...], levels: tuple[Level, ...]) -> None:
    """Raises ValueError."""
    if not 1 <= len(levels) <= MAX_ORDER:
        raise ValueError(f"its n-grams are up to {len(levels)} words long; from 1 to {MAX_ORDER} can be read")
    below = 1
    for number, level in enumerate(levels, 1):
        columns = (level.parents, level.words, level.logp, level.backoff)
        if any(column.ndim != 1 or len(column) != len(level.words) for column in columns):
            raise ValueError(f"its {number}-grams are not of one length")
        if not len(level):
            raise ValueError(f"it has no {number}-grams")
        if level.parents.min() < 0 or level.parents.max() >= below or level.words.min() < 0 or level.words.max() >= len(tokens):
            raise ValueError(f"its {number}-grams name words or n-grams that are not there")
        if (np.diff(level.parents * len(tokens) + level.words) <= 0).any():
            raise ValueError(f"its {number}-grams are not in order, or one stands twice")
        if not np.isfinite(level.logp).all() or not np.isfinite(level.backoff).all() or level.logp.max() > 1e-3:
            raise ValueError(f"its {number}-grams hold what is no logarithm of a probability")
        below = len(level)
    if len(levels[0]) != len(tokens):
        raise ValueError(f"it has {len(tokens)} words and {len(levels[0])} 1-grams")
