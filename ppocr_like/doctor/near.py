"""What the doctor says of pictures of an evaluation set that are nearly those of training."""

from __future__ import annotations

import numpy as np

from ppocr_like.data.base import Dataset
from ppocr_like.doctor.findings import SetReport
from ppocr_like.doctor.looks import nearest

KIND = "nearly the same image in training"
MOST_EVALUATED, MOST_TRAINED = 2000, 200_000  # pictures that are compared: some seconds of one processor


def near_leakage(
    report: SetReport, prints: np.ndarray, dataset: Dataset, trained: np.ndarray, train_set: Dataset, texts: bool
) -> None:
    """Notes pictures of an evaluation set that look like one of training without being the same file.

    Two lines count only where their texts are equal, too. Of larger sets some pictures, spread evenly, are compared, which the
    report says.

    Args:
        report: of the evaluation set.
        prints, trained: fingerprints of both sets (`doctor.stream`).
        texts: the labels are texts.
    """
    mine, theirs = _some(prints, MOST_EVALUATED), _some(trained, MOST_TRAINED)
    if len(mine) < len(prints) or len(theirs) < len(trained):
        report.notes.append(
            f"near-duplicates: {len(mine):,} of {len(prints):,} images were compared with {len(theirs):,} of {len(trained):,} "
            "of training"
        )
    found, near = nearest(mine["look"], theirs["look"])
    for n in np.flatnonzero(near).tolist():
        other = theirs[found[n]]
        if mine["image"][n] == other["image"] or (texts and mine["text"][n] != other["text"]):
            continue
        here, there = dataset.info(int(mine["index"][n])), train_set.info(int(other["index"]))
        report.findings.note(KIND, f"{here.place}: {here.path}, as in {there.place}: {there.path}")


def _some(prints: np.ndarray, most: int) -> np.ndarray:
    """The fingerprints, or `most` of them, spread evenly."""
    if len(prints) <= most:
        return prints
    return prints[np.linspace(0, len(prints) - 1, most).astype(np.int64)]
