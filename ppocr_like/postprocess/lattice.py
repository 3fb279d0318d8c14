"""What is left of a batch's probabilities for a search: the steps at which something may be read, and what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PRUNE = 1e-3  # a class less probable than this is not tried at a step
MOST = 12  # classes tried at a step; with 40 a search takes a fifth longer and reads the same but for a few characters


@dataclass(frozen=True, eq=False)
class Lattice:
    """The steps of N lines at which a class other than the blank may be read; lines with the most steps first.

    Of steps in a row at which the same class is all that is tried one is left.

    Args:
        order: (N,) the lines' places in the batch.
        counts: (N,) steps of each; at place s those lines still go on that have more than s.
        steps: (S, N) output step.
        classes: (S, N, 1 + K) int64: 0, then the classes tried, the most probable first.
        probabilities: (S, N, 1 + K) float64: theirs; 0.0 for none, and for the first one.
        blanks: (S, N) float64: the blank's.
        parted: (S, N) bool: nothing but the blank was tried at a step since the last one.
    """

    order: np.ndarray
    counts: np.ndarray
    steps: np.ndarray
    classes: np.ndarray
    probabilities: np.ndarray
    blanks: np.ndarray
    parted: np.ndarray

    def part(self, places: slice) -> Lattice:
        """That of some of the lines, as they stand in `order`."""
        counts = self.counts[places]
        most = int(counts.max(initial=0))
        rest = (self.steps, self.classes, self.probabilities, self.blanks, self.parted)
        return Lattice(self.order[places], counts, *(array[:most, places] for array in rest))


def make_lattice(probabilities: np.ndarray, lengths: np.ndarray, prune: float = PRUNE, most: int = MOST) -> Lattice:
    """The lattice of a batch.

    Args:
        probabilities: (N, T, C) float32, class 0 is the blank.
        lengths: (N,) steps of each line that are no padding.
        prune: see `PRUNE`; at 0.0 nothing is left out but what is impossible.
        most: see `MOST`.
    """
    blank = probabilities[:, :, 0]
    here = (blank < 1.0 - prune) & (np.arange(blank.shape[1]) < lengths[:, None])
    lines, steps = np.nonzero(here)
    rows = probabilities[lines, steps]
    rows[:, 0] = 0.0
    tried = rows > prune
    counts = tried.sum(axis=1)
    width = max(1, min(int(counts.max(initial=1)), most))
    if width < rows.shape[1]:
        classes = np.argpartition(rows, -width, axis=1)[:, -width:]
    else:
        classes = np.broadcast_to(np.arange(rows.shape[1]), rows.shape)
    values = np.take_along_axis(rows, classes, 1)
    falling = np.argsort(-values, axis=1, kind="stable")
    classes, values = np.take_along_axis(classes, falling, 1), np.take_along_axis(values, falling, 1).astype(np.float64)
    values[values <= prune] = 0.0
    classes, values = (np.pad(column, ((0, 0), (1, 0))) for column in (classes, values))
    blanks = blank[lines, steps].astype(np.float64)
    chosen = counts > 0
    parted = np.ones(len(lines), bool)
    parted[1:] = (lines[1:] != lines[:-1]) | (steps[1:] != steps[:-1] + 1) | ~chosen[:-1]
    alone = (counts == 1) & (blanks <= prune)
    chosen[1:] &= parted[1:] | ~(alone[1:] & alone[:-1] & (classes[1:, 1] == classes[:-1, 1]))
    columns = (steps, classes, values, blanks, parted)
    return _by_line(lines[chosen], tuple(column[chosen] for column in columns), len(probabilities))


def _by_line(lines: np.ndarray, columns: tuple[np.ndarray, ...], size: int) -> Lattice:
    """The lattice of steps one below the other, `lines`: of which line each is."""
    counts = np.bincount(lines, minlength=size)
    order = np.argsort(-counts, kind="stable")
    place = np.empty(size, np.int64)
    place[order] = np.arange(size)
    step = np.arange(len(lines)) - np.repeat(np.cumsum(counts) - counts, counts)
    made = []
    for column in columns:
        made.append(np.zeros((int(counts.max(initial=0)), size, *column.shape[1:]), column.dtype))
        made[-1][step, place[lines]] = column
    return Lattice(order, counts[order], *made)
