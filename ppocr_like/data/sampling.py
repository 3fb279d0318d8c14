"""Which samples an epoch draws from each label file: `ratio_list`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_RATIO = 0x7A710  # stands where a sample's generator has its repeat: the two never share a stream


def draw_file(count: int, ratio: float, seed: int, epoch: int, number: int, train: bool) -> np.ndarray:
    """int64 positions in file `number` that `epoch` draws: round(count * ratio) of them, ascending within each copy.

    Below 1 a sample without replacement; above 1 whole copies and a sample for the rest. The generator knows the file's
    number, so that files of equal length do not pick equal positions. Evaluation takes each line once, or below 1 a sample
    that is the same in every epoch.

    Source: SimpleDataSet of PaddleOCR (n = round(len * ratio)); there ratios above 1 fail and all files share one seed.
    """
    if not count:
        return np.zeros(0, np.int64)
    if not train:
        ratio, epoch = min(ratio, 1.0), 0
    copies, rest = divmod(round(count * ratio), count)
    parts = [np.arange(count, dtype=np.int64)] * copies
    if rest:
        rng = np.random.Generator(np.random.PCG64([seed, epoch, number, _RATIO]))
        parts.append(np.sort(rng.choice(count, rest, replace=False)).astype(np.int64))
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def draw_epoch(counts: Sequence[int], ratios: Sequence[float], seed: int, epoch: int, train: bool) -> np.ndarray:
    """int64 indices over all files concatenated, file after file."""
    starts = np.concatenate([[0], np.cumsum(counts)])
    return np.concatenate(
        [
            draw_file(count, ratio, seed, epoch, number, train) + starts[number]
            for number, (count, ratio) in enumerate(zip(counts, ratios, strict=True))
        ]
    )


def occurrences(indices: np.ndarray) -> np.ndarray:
    """int64: how often each entry's value stood before it (0 for the first)."""
    repeats = np.zeros(len(indices), np.int64)
    if len(indices) == 0 or np.bincount(indices).max() == 1:
        return repeats
    order = np.argsort(indices, kind="stable")
    ordered = indices[order]
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    place = np.arange(len(ordered))
    repeats[order] = place - np.maximum.accumulate(np.where(first, place, 0))
    return repeats
