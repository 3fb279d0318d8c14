"""Whether a recogniser is as often right as it says it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

BINS = 10  # of equal width
_WAITING = 1 << 16  # values gathered before they are counted


class Calibration:
    """Gathers (confidence, right or not), and compares in bins of confidence how sure the network was and how often it was right.

    Source: the expected calibration error of Naeini et al., "Obtaining Well Calibrated Probabilities Using Bayesian Binning"
    (2015), with bins of equal width.
    """

    def __init__(self) -> None:
        self._table = np.zeros((BINS, 3))  # number, sum of confidences, number of right ones
        self._confidences: list[float] = []
        self._right: list[bool] = []

    def add(self, confidences: Iterable[float], right: Iterable[bool]) -> None:
        """As many of one as of the other; confidences in [0, 1]."""
        self._confidences.extend(confidences)
        self._right.extend(right)
        if len(self._confidences) >= _WAITING:
            self._count()

    def merge(self, other: Calibration) -> None:
        """Adds what another gathered."""
        self._table += other.table()

    def table(self) -> np.ndarray:
        """(BINS, 3) float64: of each bin the number of values, the sum of their confidences, the number of right ones."""
        self._count()
        return self._table

    def numbers(self) -> dict[str, Any] | None:
        """`n`; `confidence` and `accuracy`, the means; `expected_calibration_error`, the mean of the differences between the two
        over the bins, each as heavy as the values in it; `bins`, those with values. None where nothing was gathered."""
        table = self.table()
        total, sure, right = table.sum(axis=0)
        if not total:
            return None
        filled = [(place, *row) for place, row in enumerate(table.tolist()) if row[0]]
        return {
            "n": int(total),
            "confidence": float(sure / total),
            "accuracy": float(right / total),
            "expected_calibration_error": float(np.abs(table[:, 1] - table[:, 2]).sum() / total),
            "bins": [
                {"from": place / BINS, "to": (place + 1) / BINS, "n": int(n), "confidence": sure / n, "accuracy": right / n}
                for place, n, sure, right in filled
            ],
        }

    def _count(self) -> None:
        if not self._confidences:
            return
        sure, right = np.clip(np.array(self._confidences, np.float64), 0, 1), np.array(self._right, np.float64)
        places = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
        for column, weights in enumerate((None, sure, right)):
            self._table[:, column] += np.bincount(places, weights, BINS)
        self._confidences, self._right = [], []
