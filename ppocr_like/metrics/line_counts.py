"""Numbers of lines, characters, words and errors, which can be added, and the rates that follow from them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

DRAWS, SEED, LEVEL = 1000, 0, 0.95  # of the bootstrap
FEW = 10  # pages: with fewer an interval is rough
_AT_ONCE = 1 << 19  # pages drawn at once


@dataclass(slots=True)
class LineCounts:
    """What is counted.

    Args:
        lines, right: lines, and those without an error.
        characters: of the references.
        errors: character edits, the sum of the three kinds: `insertions` (characters that were read and do not stand there),
            `deletions` (that were left out), `substitutions`.
        words, word_errors: words of the references, and word edits.
    """

    lines: int = 0
    right: int = 0
    characters: int = 0
    errors: int = 0
    insertions: int = 0
    deletions: int = 0
    substitutions: int = 0
    words: int = 0
    word_errors: int = 0

    def add(self, other: LineCounts) -> None:
        """Adds another's numbers to these."""
        self.lines += other.lines
        self.right += other.right
        self.characters += other.characters
        self.errors += other.errors
        self.insertions += other.insertions
        self.deletions += other.deletions
        self.substitutions += other.substitutions
        self.words += other.words
        self.word_errors += other.word_errors

    @property
    def cer(self) -> float | None:
        """Character errors over characters (where there are none: the number of errors); None without any line."""
        return self.errors / (self.characters or 1) if self.lines else None

    @property
    def wer(self) -> float | None:
        """The same of words."""
        return self.word_errors / (self.words or 1) if self.lines else None

    def numbers(self) -> dict[str, Any]:
        """All of it as plain data, with `cer`, `wer`, and the accuracies 1 - CER and 1 - WER, which may be below 0."""
        counts = {field.name: getattr(self, field.name) for field in fields(self)}
        accuracies = {"accuracy": accuracy(self.cer), "word_accuracy": accuracy(self.wer)}
        return {**counts, "cer": self.cer, "wer": self.wer, **accuracies}


def accuracy(rate: float | None) -> float | None:
    """1 - an error rate."""
    return None if rate is None else 1 - rate


def page_spread(pages: list[LineCounts]) -> dict[str, Any]:
    """How the error rates differ between pages.

    Pooled rates count every character the same, so that long pages weigh more; the mean of the pages' rates counts every page
    the same. The intervals tell how much each would move had other pages of the same kind been taken: pages are drawn with
    replacement, as many as there are, `DRAWS` times, and the middle 95 % of the rates are told. Lines of one page are
    alike, so that drawing lines would promise too much.

    Args:
        pages: the counts of each.

    Returns:
        `count`; `mean_cer`, `mean_wer` over the pages that have characters or words (None without any); `interval`: low and
        high ends of `cer`, `wer`, `mean_cer`, `mean_wer`, or None, and `note`, which says why there is none or what is to be
        kept in mind.
    """
    table = np.array([[page.errors, page.characters, page.word_errors, page.words] for page in pages], np.float64).reshape(-1, 4)
    spread: dict[str, Any] = {"count": len(pages), "mean_cer": _mean(table[:, :2]), "mean_wer": _mean(table[:, 2:])}
    if len(pages) < 2:
        what = "there is one page only" if pages else "the pages are not known"
        return {**spread, "interval": None, "note": f"{what}: an interval needs several"}
    rng, ends = np.random.default_rng(SEED), [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    drawn = np.concatenate([_drawn(table, rng, count) for count in _parts(len(pages))])
    interval = {}
    for name, rates in zip(("cer", "wer", "mean_cer", "mean_wer"), drawn.T, strict=True):
        known = rates[~np.isnan(rates)]
        if len(known):
            interval[name] = np.quantile(known, ends).tolist()
    note = f"{len(pages)} pages are few, so that the interval itself is rough" if len(pages) < FEW else ""
    return {**spread, "interval": {**interval, "level": LEVEL, "draws": DRAWS, "seed": SEED}, "note": note}


def _mean(table: np.ndarray) -> float | None:
    """Of errors over units, of those with units."""
    judged = table[table[:, 1] > 0]
    return float(np.mean(judged[:, 0] / judged[:, 1])) if len(judged) else None


def _parts(pages: int) -> list[int]:
    """The draws in parts that fit into memory."""
    most = max(1, _AT_ONCE // pages)
    return [min(most, DRAWS - start) for start in range(0, DRAWS, most)]


def _drawn(table: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 4): pooled CER and WER, means of the pages' CERs and WERs, of `count` draws of pages; NaN: nothing was drawn that
    has characters or words."""
    chosen = rng.integers(0, len(table), (count, len(table)))
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = table[:, [0, 2]] / table[:, [1, 3]]
        rates[table[:, [1, 3]] == 0] = np.nan
        columns = []
        for errors, units in ((0, 1), (2, 3)):
            total = table[chosen, units].sum(axis=1)
            columns.append(np.where(total > 0, table[chosen, errors].sum(axis=1) / total, np.nan))
        for place in (0, 1):
            own = rates[chosen, place]
            known = ~np.isnan(own)
            columns.append(np.where(known, own, 0).sum(axis=1) / known.sum(axis=1))
    return np.stack(columns, axis=1)
