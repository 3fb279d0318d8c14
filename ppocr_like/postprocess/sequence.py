"""Texts from classes that follow one another up to an end sign: what SAR and NRTR give."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ppocr_like.contracts import TextLine, told_directions
from ppocr_like.text import BaseDir, Reordered


class SequenceReader:
    """Class indices to texts.

    Args:
        labels: entry of each class; indices beyond them are left out.
        end: class at which a text ends.
        dropped: classes that are left out.
        logical: puts what was read in reading order (`Charset.logical`).
        empty: confidence of an empty text.
        strip: take blanks at a text's ends away.
    """

    def __init__(
        self,
        labels: Sequence[str],
        end: int,
        dropped: Collection[int],
        logical: Callable[[str, BaseDir], Reordered],
        empty: float,
        strip: bool = True,
    ) -> None:
        self.labels, self.end, self.dropped = tuple(labels), end, frozenset(dropped)
        self.logical, self.empty, self.strip = logical, empty, strip

    def read(self, ids: np.ndarray, probabilities: np.ndarray | None, batch: Mapping[str, Any] | None = None) -> list[TextLine]:
        """`ids` (N, T), `probabilities` (N, T) of them (None: 1.0 each); the batch's `info` tells base directions of lines."""
        told = told_directions(batch, len(ids))
        return [
            self._line(row, None if probabilities is None else probabilities[i], told[i]) for i, row in enumerate(ids.tolist())
        ]

    def _line(self, ids: list[int], probabilities: np.ndarray | None, base_dir: BaseDir) -> TextLine:
        columns = []
        for column, index in enumerate(ids):
            if index == self.end:
                break
            if index not in self.dropped and 0 <= index < len(self.labels):
                columns.append(column)
        if not columns:
            return TextLine("", self.empty, steps=len(ids))
        confidences = [1.0 if probabilities is None else float(probabilities[column]) for column in columns]
        mean = sum(confidences) / len(confidences)
        spelt = [(c, column, p) for column, p in zip(columns, confidences, strict=True) for c in self.labels[ids[column]]]
        reordered = self.logical("".join(c for c, _, _ in spelt), base_dir)
        spelt = [spelt[i] for i in reordered.order]
        line = TextLine(reordered.text, mean, tuple(column for _, column, _ in spelt), tuple(p for _, _, p in spelt), len(ids))
        return line.stripped() if self.strip else line
