"""The decoder of ocropy and of older kraken: one label for each stretch in which the blank is improbable."""

from __future__ import annotations

import numpy as np

THRESHOLD = 0.5  # of the blank, as in kraken; ocropy takes 0.7
Runs = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # of each label its line, class, output step and probability


def threshold_runs(probabilities: np.ndarray, lengths: np.ndarray, threshold: float = THRESHOLD) -> Runs:
    """In each stretch of steps at which the blank is less probable than `threshold` the class of the highest peak; none where
    that is the blank itself. Two characters without a blank between them become one.

    Args:
        probabilities: (N, T, C) float, class 0 is the blank.
        lengths: (N,) steps of each line that are no padding.
        threshold: see above.
    """
    inside = (probabilities[:, :, 0] < threshold) & (np.arange(probabilities.shape[1]) < lengths[:, None])
    lines, steps = np.nonzero(inside)
    if not len(lines):
        return lines, lines.copy(), steps, np.zeros(0)
    rows = probabilities[lines, steps]
    classes = rows.argmax(axis=1)
    peaks = rows[np.arange(len(rows)), classes].astype(np.float64)
    new = np.ones(len(lines), bool)
    new[1:] = (lines[1:] != lines[:-1]) | (steps[1:] != steps[:-1] + 1)
    starts = np.nonzero(new)[0]
    highest = np.maximum.reduceat(peaks, starts)
    stretch = np.cumsum(new) - 1
    at_peak = np.nonzero(peaks == highest[stretch])[0]
    first = at_peak[np.unique(stretch[at_peak], return_index=True)[1]]
    first = first[classes[first] != 0]
    return lines[first], classes[first], steps[first], peaks[first]
