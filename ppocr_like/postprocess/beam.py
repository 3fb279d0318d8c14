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
        self.widths = (lattice.probabilities > 0).sum(axis=2).max(axis=1, initial=1)

    def advance(self, step: int) -> None:
        """Takes the next step of those lines that have one; they are the first ones."""
        lattice = self.lattice
        n = int((lattice.counts > step).sum())
        last, name, parent = self.last[:n], self.name[:n], self.parent[:n]
        total = self.blank[:n] + self.label[:n]
        parted = lattice.parted[step, :n, None]
        blank = np.where(parted, total, self.blank[:n])
        label = np.where(parted, 0.0, self.label[:n])
        own = self.probabilities[lattice.order[:n, None], lattice.steps[step, :n, None], last].astype(np.float64)
        own[last == 0] = 0.0
        stays_blank, stays_label = total * lattice.blanks[step, :n, None], label * own
        classes = lattice.classes[step, :n, : self.widths[step]]
        tried = lattice.probabilities[step, :n, None, : self.widths[step]]
        grown = np.where(classes[:, None] == last[:, :, None], blank[:, :, None], total[:, :, None]) * tried
        meets = parent[:, :, None] == name[:, None]
        children = np.nonzero(meets.any(axis=2))
        if len(children[0]):  # a beam that another one grows into, too: it takes that part over
            line, child = children
            source = meets[line, child].argmax(axis=1)
            again = last[line, source] == last[line, child]
            stays_label[children] += own[children] * np.where(again, blank[line, source], total[line, source])
            which, column = np.nonzero(classes[line] == last[children][:, None])
            grown[line[which], source[which], column] = 0.0
        self._select(n, stays_blank, stays_label, grown, classes)

    def _select(self, n: int, stays_blank: np.ndarray, stays_label: np.ndarray, grown: np.ndarray, classes: np.ndarray) -> None:
        """The best beams of those that stay (n, beams) and those that have grown by one of the classes (n, beams, K)."""
        beam, width, search = self.search.beam, classes.shape[1], self.search
        fused, state = self.fused[:n], self.state[:n]
        if self.rows is not None:
            rows = self.rows.of(state)
            gain = search.lm_weight * self.rows.logp[rows[:, :, None], classes[:, None]] + search.length_bonus
        else:
            rows, gain = state, np.full(grown.shape, search.length_bonus)
        stays = stays_blank + stays_label
        scores = np.concatenate([np.log(stays) + fused, (np.log(grown) + fused[:, :, None] + gain).reshape(n, -1)], axis=1)
        best = np.argpartition(scores, scores.shape[1] - beam, axis=1)[:, -beam:]
        more = best >= beam
        origin, column = np.where(more, (best - beam) // width, best), np.where(more, (best - beam) % width, 0)
        line = np.arange(n)[:, None]
        got = np.where(more, classes[line, column], 0)
        blank = np.where(more, 0.0, stays_blank[line, origin])
        label = np.where(more, grown[line, origin, column], stays_label[line, origin])
        total = blank + label
        name, parent, last = self.name[line, origin], self.parent[line, origin], self.last[line, origin]
        grown_name = (name ^ (got.astype(np.uint64) + _EMPTY) * _SALT) * _MIX
        there = total > 0
        self.parent[:n] = np.where(there, np.where(more, name, parent), _NOBODY)
        self.name[:n] = np.where(there, np.where(more, grown_name ^ (grown_name >> _SHIFT), name), _NONE)
        self.last[:n] = np.where(there, np.where(more, got, last), 0)
        self.fused[:n] = fused[line, origin] + np.where(more, gain[line, origin, column], 0.0)
        if self.rows is not None:
            self.state[:n] = np.where(more, self.rows.states[rows[line, origin], got], state[line, origin])
        most = total.max(axis=1, keepdims=True)
        self.blank[:n], self.label[:n] = blank / most, label / most
        self.history.append((origin, got))

    def best(self) -> list[list[int]]:
        """The labels of each line's best beam, the line's end counted where there is a language model."""
        scores = np.log(self.blank + self.label) + self.fused
        if self.rows is not None:
            scores += self.search.lm_weight * self.rows.logp[self.rows.of(self.state), 0]
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
