"""Prefix beam search over labels, with a language model of labels or without one.

Source: Graves and Jaitly, "Towards End-to-End Speech Recognition with Recurrent Neural Networks" (2014), algorithm 1; language
model and bonus enter as in Hannun et al., "First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional
Recurrent DNNs" (2014).

A beam is a sequence of labels. Its probability is the sum over all alignments that say it, kept in two parts: of those that end
in a blank and of those that end in its last label. Beams are ranked by

    ln P(sequence | image) + lm_weight * ln P_lm(sequence) + length_bonus * number of labels

The beams of many lines go on together. Their probabilities are float64, relative to the best one of their line.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from ppocr_like.postprocess.lattice import Lattice
from ppocr_like.postprocess.ngram.scorer import LabelScorer, Rows

GROUP = 16  # lines searched together: more share the work of a step, fewer fit into the processor's cache
_EMPTY, _NONE, _NOBODY = np.uint64(1), np.uint64(0), np.uint64(2)  # names: of the empty sequence, of no beam, of no parent
_TINY = 1e-300
_MIX, _SALT, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03), np.uint64(29)


@dataclass(frozen=True)
class Search:
    """How is searched.

    Args:
        beam: sequences kept of each line.
        scorer: language model; None: without one.
        lm_weight, length_bonus: see above.
    """

    beam: int = 16
    scorer: LabelScorer | None = None
    lm_weight: float = 0.0
    length_bonus: float = 0.0

    def __call__(self, lattice: Lattice, probabilities: np.ndarray) -> list[list[int]]:
        """The best sequence of labels of each line of a batch.

        Args:
            lattice: of the batch.
            probabilities: (N, T, C) float32 that it was made of.
        """
        found: list[list[int]] = [[] for _ in lattice.order]
        with ExitStack() as stack, np.errstate(divide="ignore"):
            rows = None if self.scorer is None else stack.enter_context(self.scorer.rows(GROUP * self.beam))
            for start in range(0, len(lattice.order), GROUP):
                part = lattice.part(slice(start, start + GROUP))
                beams = _Beams(self, rows, part, probabilities)
                for step in range(len(part.steps)):
                    beams.advance(step)
                for place, labels in zip(part.order.tolist(), beams.best(), strict=True):
                    found[place] = labels
        return found


class _Beams:
    """The beams of some lines; arrays are (lines, beams).

    `blank`, `label`: the two parts of the probability; `name`: a number that stands for the sequence, `parent`: that of the
    sequence without its last label; `last`: this label, 0 of none; `fused`: what language model and bonus give; `state`: the
    model's. A place without a beam has probability 0.
    """

    def __init__(self, search: Search, rows: Rows | None, lattice: Lattice, probabilities: np.ndarray) -> None:
        self.search, self.rows, self.lattice, self.probabilities = search, rows, lattice, probabilities
        shape = len(lattice.order), search.beam
        self.blank, self.label, self.fused = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.blank[:, 0] = 1.0
        self.name, self.parent = np.full(shape, _NONE), np.full(shape, _NOBODY)
        self.name[:, 0] = _EMPTY
        self.last = np.zeros(shape, np.int64)
        self.state = np.full(shape, 0 if search.scorer is None else search.scorer.model.start, np.int32)
        self.history: list[tuple[np.ndarray, np.ndarray]] = []  # of each step each beam's origin, and the label it got, or 0
        self.widths = np.count_nonzero(lattice.probabilities, axis=2).max(axis=1, initial=1).tolist()

    def advance(self, step: int) -> None:
        """Takes the next step of those lines that have one; they are the first ones."""
        lattice, width = self.lattice, self.widths[step]
        n = int(np.count_nonzero(lattice.counts > step))
        last, name = self.last[:n], self.name[:n]
        total, blank, label = self.blank[:n] + self.label[:n], self.blank[:n], self.label[:n]
        parted = lattice.parted[step, :n]
        if parted.any():
            blank, label = np.where(parted[:, None], total, blank), label * ~parted[:, None]
        own = self.probabilities[lattice.order[:n, None], lattice.steps[step, :n, None], last] * (last > 0)
        classes = lattice.classes[step, :n, : width + 1]  # the first one stands for staying as it is
        label_parts = np.empty((n, last.shape[1], width + 1))
        before = np.where(classes[:, None, 1:] == last[:, :, None], blank[:, :, None], total[:, :, None])
        np.multiply(before, lattice.probabilities[step, :n, None, 1 : width + 1], out=label_parts[:, :, 1:])
        stays = np.multiply(label, own, out=label_parts[:, :, 0])
        line, child, source = np.nonzero(self.parent[:n, :, None] == name[:, None])
        if len(line):  # a beam that another one grows into, too: it takes that part over
            got = last[line, child]
            again = last[line, source] == got
            stays[line, child] += own[line, child] * np.where(again, blank[line, source], total[line, source])
            which, column = np.nonzero(classes[line, 1:] == got[:, None])
            label_parts[line[which], source[which], column + 1] = 0.0
        self._select(n, total * lattice.blanks[step, :n, None], label_parts, classes)

    def _select(self, n: int, blank: np.ndarray, label: np.ndarray, classes: np.ndarray) -> None:
        """The best beams of those that stay, in the first column, and those that have grown by one of the other classes.

        Args:
            n: lines.
            blank: (n, beams) probabilities of those that stay, of alignments that end in a blank.
            label: (n, beams, 1 + K) probabilities of alignments that end in a label.
            classes: (n, 1 + K) classes, the first one 0.
        """
        search, beams, width = self.search, blank.shape[1], classes.shape[1]
        state, start = self.state[:n], np.arange(n)[:, None]
        gains = np.full(label.shape, search.length_bonus)
        rows = state
        if self.rows is not None and search.scorer is not None:
            rows, columns = self.rows.of(state), search.scorer.columns[classes]
            gains += search.lm_weight * self.rows.logp[rows[:, :, None], columns[:, None]]
        gains[:, :, 0] = 0.0
        gains += self.fused[:n, :, None]
        scores = label.copy()
        scores[:, :, 0] += blank
        np.log(scores, out=scores)
        scores += gains
        scores = scores.reshape(n, beams * width)
        best = np.argpartition(scores, beams * (width - 1), axis=1)[:, -beams:]
        origin, column = np.divmod(best, width)
        place, entry = origin + start * beams, best + start * (beams * width)
        got = classes[start, column]
        stays = column == 0
        self.blank[:n], self.label[:n] = blank.take(place) * stays, label.take(entry)
        self.fused[:n] = gains.take(entry)
        name, parent = self.name[:n].take(place), self.parent[:n].take(place)
        grown = (name ^ (got.astype(np.uint64) + _EMPTY) * _SALT) * _MIX
        grown ^= grown >> _SHIFT
        last = np.where(stays, self.last[:n].take(place), got)
        if self.rows is not None and search.scorer is not None:
            after = self.rows.states[rows.take(place), search.scorer.columns[got]]
            self.state[:n] = np.where(stays, state.take(place), after)
        total = self.blank[:n] + self.label[:n]
        none = total <= 0
        self.name[:n], self.parent[:n], self.last[:n] = np.where(stays, name, grown), np.where(stays, parent, name), last
        if none.any():
            self.name[:n][none], self.parent[:n][none], self.last[:n][none] = _NONE, _NOBODY, 0
        most = np.maximum(total.max(axis=1, keepdims=True), _TINY)
        self.blank[:n] /= most
        self.label[:n] /= most
        self.history.append((origin, got))

    def best(self) -> list[list[int]]:
        """The labels of each line's best beam, the line's end counted where there is a language model."""
        scores = np.log(self.blank + self.label) + self.fused
        if self.rows is not None:
            rows = self.rows.of(self.state)  # before `logp`, which may be a longer array after it
            scores += self.search.lm_weight * self.rows.logp[rows, 0]
        found = []
        for line, beam in enumerate(scores.argmax(axis=1).tolist()):
            labels = []
            for step in range(int(self.lattice.counts[line]) - 1, -1, -1):
                origin, got = self.history[step]
                if got[line, beam]:
                    labels.append(int(got[line, beam]))
                beam = int(origin[line, beam])
            found.append(labels[::-1])
        return found
