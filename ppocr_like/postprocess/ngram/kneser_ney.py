"""N-gram models from counts: interpolated Kneser-Ney smoothing with three discounts for each length.

Source: Chen and Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling" (TR-10-98, 1998), section 3, as
Heafield et al. compute it ("Scalable Modified Kneser-Ney Language Model Estimation", 2013): shorter n-grams are counted by how
many different words stand before them, but for those at the beginning of a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.postprocess.ngram.model import MAX_ORDER, NEVER, Level, NgramModel
from ppocr_like.postprocess.ngram.tokens import SPECIALS, class_tokens

FALL_BACK = (0.5, 1.0, 1.5)  # discounts where counts of counts give none, those of lmplz --discount_fallback
_UNKNOWN, _BEGIN, _END = range(len(SPECIALS))


@dataclass(frozen=True)
class Discounts:
    """What is taken of the count of an n-gram that was counted once, twice, or more often.

    Args:
        values: the three.
        fallen_back: the counts of counts gave none (one of the first four was 0, or a discount out of its range).
    """

    values: tuple[float, float, float]
    fallen_back: bool = False

    def of(self, counts: np.ndarray) -> np.ndarray:
        """The discount of each count; 0 of 0."""
        return np.array([0.0, *self.values])[np.minimum(counts, 3)]


@dataclass(frozen=True, eq=False)
class _Counted:
    """The n-grams of one length: as in `Level`; `suffixes`: the places in the level below of what each ends with; `counts`: how
    often each stands in the lines; `begins`: whether it stands at a line's beginning."""

    parents: np.ndarray
    words: np.ndarray
    suffixes: np.ndarray
    counts: np.ndarray
    begins: np.ndarray


@dataclass(frozen=True, eq=False)
class Estimate:
    """A model and the discounts of each length."""

    model: NgramModel
    discounts: list[Discounts]


def estimate(lines: Sequence[Sequence[int]], labels: Sequence[str], order: int = 6, direction: str = "") -> Estimate:
    """A model of lines. Every label has a probability after everything, whether it stands in the lines or not.

    Args:
        lines: of each line its labels, as places in `labels`.
        labels: the tokens of all labels that there are.
        order: longest n-grams; fewer where no line is long enough.
        direction: see `NgramModel`.

    Raises:
        ValueError: an order out of bounds, or no lines.
    """
    if not 2 <= order <= MAX_ORDER:
        raise ValueError(f"order is {order}; it must be from 2 to {MAX_ORDER}")
    lines = [line for line in lines if len(line)]
    if not lines:
        raise ValueError("there are no labels to count")
    tokens = (*SPECIALS, *labels)
    counted = _count(lines, len(tokens), order)
    discounts, levels = [], list[Level]()
    probabilities = np.zeros(0)
    for number, level in enumerate(counted):
        adjusted = _adjusted(level, counted[number + 1] if number + 1 < len(counted) else None)
        if number == 0:
            adjusted[_BEGIN] = 0
        discount = discounts_of(adjusted)
        shares, left = _discounted(level, adjusted, discount, len(levels[-1]) if levels else 1)
        if number == 0:
            probabilities = shares + left[0] / (len(tokens) - 1)  # all words alike, but <s>
            probabilities[_BEGIN] = 1.0  # set below
        else:
            probabilities = shares + left[level.parents] * probabilities[level.suffixes]
            levels[-1].backoff[:] = np.where(left > 0, np.log(np.maximum(left, 1e-30)), 0.0)
        logp = np.log(probabilities).astype(np.float32)
        if number == 0:
            logp[_BEGIN] = NEVER
        levels.append(Level(level.parents, level.words, logp, np.zeros(len(logp), np.float32)))
        discounts.append(discount)
    return Estimate(NgramModel(tokens, levels, direction), discounts)


def estimate_labels(lines: Sequence[Sequence[int]], charset: Charset, order: int = 6) -> Estimate:
    """A model of lines of a character set's classes, as `Charset.encode` gives them.

    Raises:
        ValueError: see `estimate`.
    """
    tokens = class_tokens(charset)[1:]
    labels = {token: place for place, token in enumerate(dict.fromkeys(tokens))}  # an entry that stands twice is one label
    places = np.array([0, *(labels[token] for token in tokens)])
    return estimate([places[np.asarray(line, np.int64)].tolist() for line in lines], list(labels), order, charset.direction)


def discounts_of(counts: np.ndarray) -> Discounts:
    """The three discounts that the counts of counts give (Chen and Goodman, equations 26)."""
    ones, twos, threes, fours = (float((counts == number).sum()) for number in (1, 2, 3, 4))
    if not (ones and twos and threes and fours):
        return Discounts(FALL_BACK, True)
    share = ones / (ones + 2 * twos)
    found = (1 - 2 * share * twos / ones, 2 - 3 * share * threes / twos, 3 - 4 * share * fours / threes)
    if any(not 0 < value < number for number, value in enumerate(found, 1)):
        return Discounts(FALL_BACK, True)
    return Discounts(found)


def _count(lines: Sequence[Sequence[int]], size: int, order: int) -> list[_Counted]:
    """The n-grams of all lengths up to `order`, `<s>` before and `</s>` behind each line."""
    lengths = np.array([len(line) + 2 for line in lines])
    ends = np.cumsum(lengths)
    words = np.zeros(int(ends[-1]), np.int64)
    inner = np.ones(len(words), bool)
    inner[ends - lengths] = inner[ends - 1] = False
    words[inner] = np.concatenate([np.asarray(line, np.int64) for line in lines]) + len(SPECIALS)
    words[ends - lengths], words[ends - 1] = _BEGIN, _END
    within = np.arange(len(words)) - np.repeat(ends - lengths, lengths)  # place in the line
    nothing = np.zeros(size, np.int64)
    begins = np.arange(size) == _BEGIN
    levels = [_Counted(nothing, np.arange(size), nothing, np.bincount(words, minlength=size), begins)]
    numbers = words.copy()  # of the n-gram that ends there, among those of its length
    for length in range(2, order + 1):
        there = np.nonzero(within >= length - 1)[0]
        if not len(there):
            break
        keys, inverse = np.unique(numbers[there - 1] * size + words[there], return_inverse=True)
        suffixes = np.zeros(len(keys), np.int64)
        suffixes[inverse] = numbers[there]
        parents = keys // size
        levels.append(_Counted(parents, keys % size, suffixes, np.bincount(inverse), levels[-1].begins[parents]))
        numbers = np.full(len(words), -1)
        numbers[there] = inverse
    return levels


def _adjusted(level: _Counted, longer: _Counted | None) -> np.ndarray:
    """Of the longest n-grams how often they stand there; of others how many different words stand before them."""
    if longer is None:
        return level.counts.copy()
    before = np.bincount(longer.suffixes, minlength=len(level.words))
    return np.where(level.begins, level.counts, before)


def _discounted(level: _Counted, counts: np.ndarray, discounts: Discounts, below: int) -> tuple[np.ndarray, np.ndarray]:
    """The share of each n-gram among those with the same first words, discounted; and by first words, of which there are `below`,
    what is left over."""
    taken = discounts.of(counts)
    totals = np.bincount(level.parents, counts, below)
    lefts = np.bincount(level.parents, taken, below)
    shares = (counts - taken) / totals[level.parents]
    return shares, np.divide(lefts, totals, out=np.zeros_like(totals), where=totals > 0)
