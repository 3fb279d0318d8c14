"""Outputs of a CTC head as probabilities, made flatter or sharper by a temperature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CHUNK = 64  # output steps per softmax: a few MB at a time stay in the processor's cache
_LEAST = np.float32(1e-30)


def is_distribution(scores: np.ndarray) -> bool:
    """Whether the rows of (T, C) are probabilities (each sums to 1), not logits."""
    sums = scores.sum(axis=1, dtype=np.float32)
    return bool(np.all(np.abs(sums - 1.0) < 0.02) and scores.min() >= 0)


def together(lines: Sequence[np.ndarray]) -> np.ndarray:
    """(N, T, C) float32 of the probabilities (T_n, C) of some lines; steps behind a line's own are the blank's."""
    whole = np.zeros((len(lines), max(1, *map(len, lines)), lines[0].shape[1]), np.float32)
    whole[:, :, 0] = 1.0
    for row, line in zip(whole, lines, strict=True):
        row[: len(line)] = line
    return whole


def with_temperature(scores: np.ndarray, temperature: float, logits: bool) -> np.ndarray:
    """softmax(logits / temperature), float32, of logits or of the probabilities that a softmax made of them.

    Args:
        scores: (..., C).
        temperature: above 0; 1 leaves probabilities as they are, more makes the network less sure.
        logits: which of the two they are.
    """
    if not logits and temperature == 1.0:
        return np.asarray(scores, np.float32)
    logs = np.asarray(scores, np.float32) if logits else np.log(np.maximum(scores, _LEAST, dtype=np.float32))
    logs = logs - logs.max(axis=-1, keepdims=True)
    if temperature != 1.0:
        logs *= np.float32(1.0 / temperature)
    np.exp(logs, out=logs)
    logs /= logs.sum(axis=-1, keepdims=True)
    return logs
