"""Where labels that a search found stand: the most probable alignment of them with the network's steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def align(logs: np.ndarray, labels: Sequence[int], *, begun: bool = False, open_end: bool = False) -> list[int] | None:
    """For each label the first step of its run in the most probable alignment (Viterbi); None where there are too few steps.

    Args:
        logs: (T, C) natural logarithms of probabilities, class 0 is the blank.
        labels: see above.
        begun: the first step is the first label's.
        open_end: the last step is the last label's.
    """
    if not labels:
        return []
    around = np.zeros(2 * len(labels) + 1, np.int64)  # blanks between the labels
    around[1::2] = labels
    skips = np.zeros(len(around), bool)  # may be reached from the label before, without the blank between
    skips[3::2] = around[3::2] != around[1:-2:2]
    scores = np.full(len(around), -np.inf)
    scores[1] = logs[0, around[1]]
    if not begun:
        scores[0] = logs[0, 0]
    steps = np.empty((len(logs), len(around)), np.int8)  # how many places each came from
    steps[0] = 0
    emitted = logs[:, around]
    moves = np.full((3, len(around)), -np.inf)
    for step in range(1, len(logs)):
        moves[0] = scores
        moves[1, 1:] = scores[:-1]
        moves[2, 2:] = np.where(skips[2:], scores[:-2], -np.inf)
        steps[step] = moves.argmax(axis=0)
        scores = moves.max(axis=0) + emitted[step]
    place = len(around) - 2
    if not open_end and scores[-1] > scores[-2]:
        place += 1
    if not np.isfinite(scores[place]):
        return None
    first = [0] * len(labels)
    for step in range(len(logs) - 1, -1, -1):
        if place % 2:
            first[place // 2] = step
        place -= int(steps[step, place])
    return first


def realign(probabilities: np.ndarray, labels: Sequence[int], known: Sequence[int], columns: Sequence[int]) -> list[int]:
    """`align` of a line that reads nearly as its best path does: what both have in common at the ends keeps its place.

    Args:
        probabilities: (T, C) of the line's own steps.
        labels: what was found.
        known, columns: labels of the best path, and the first steps of their runs.
    """
    head = _common(labels, known)
    tail = min(_common(labels[::-1], known[::-1]), len(labels) - head, len(known) - head)
    begin, end = columns[head - 1] if head else 0, columns[-tail] + 1 if tail else len(probabilities)
    middle = [*labels[max(head - 1, 0) : head], *labels[head : len(labels) - tail], *labels[len(labels) - tail :][:1]]
    with np.errstate(divide="ignore"):
        found = align(np.log(probabilities[begin:end]), middle, begun=head > 0, open_end=tail > 0)
        if found is None:
            whole = align(np.log(probabilities), labels)
            assert whole is not None  # it was found, so it can be said
            return whole
    inner = found[1 if head else 0 : len(found) - (1 if tail else 0)]
    return [*columns[:head], *(begin + step for step in inner), *columns[len(columns) - tail :]]


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many labels both begin with."""
    for place, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return place
    return min(len(one), len(other))
