"""Accuracy and error rates of recognised lines (PaddleOCR's RecMetric, with CER and WER)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from ppocr_like.charset import Charset
from ppocr_like.contracts import RejectedSample, TextLine, told_directions
from ppocr_like.errors import ConfigError, OcrError, Problem
from ppocr_like.metrics.base import Metric
from ppocr_like.metrics.line_rules import LineRules
from ppocr_like.registry import METRICS

INDICATORS = ("acc", "norm_edit_dis")  # greater is better, as the choice of the best checkpoint needs it
TIE_BREAKERS = {"acc": ("norm_edit_dis", "-cer"), "norm_edit_dis": ("-cer", "acc")}
PADDLE_EPS = 1e-5  # in the denominators of PaddleOCR's RecMetric


@dataclass
class Sums:
    """What is gathered: numbers of lines, errors and units, so that ranks can be added."""

    lines: int = 0
    correct: int = 0
    distance: float = 0.0  # sum of normalised edit distances
    errors: int = 0  # character edits
    characters: int = 0  # of the reference
    word_errors: int = 0
    words: int = 0


@METRICS.register()
class RecMetric(Metric):
    """`acc` (lines without any error), `norm_edit_dis` (1 - mean normalised edit distance), `cer` (character edits over
    reference characters), `wer` (word edits over reference words), `n` (lines).

    The reference is the text in the label file, so a character outside the dictionary is an error that the network
    cannot avoid; PaddleOCR compares with the encoded label, which lacks such characters. A rejected sample is a line
    of which everything is wrong. Two exceptions follow from the charset (`Charset.reference`): lower-case charsets compare lower
    case, and under `Global.text_direction: paddle` the label, which stands in the order of the page, is put in reading order.

    Args:
        main_indicator: `acc` or `norm_edit_dis`: decides which checkpoint is best.
        is_filter: compare only 0-9, A-Z, a-z, in lower case.
        ignore_space: compare without spaces, otherwise without those at a line's ends (words are still split at them for `wer`).
        ignore_case: compare without the difference of capitals and small letters.
        charset: the run's charset.
        paddle_exact: PaddleOCR's numbers: encoded labels as reference, 1e-5 in the denominators, and of nothing
            acc 0, norm_edit_dis 1.
    """

    def __init__(
        self,
        main_indicator: str = "acc",
        is_filter: bool = False,
        ignore_space: bool = True,
        ignore_case: bool = False,
        charset: Charset | None = None,
        paddle_exact: bool = False,
    ) -> None:
        if main_indicator not in INDICATORS:
            raise ConfigError(
                [Problem("Metric.main_indicator", f"must be one of {', '.join(INDICATORS)}, got {main_indicator!r}")]
            )
        if paddle_exact and charset is None:
            raise ValueError("RecMetric with paddle_exact decodes labels and needs a charset")
        self.main_indicator = main_indicator
        self.tie_breakers = () if paddle_exact else TIE_BREAKERS[main_indicator]
        self.rules: LineRules = LineRules(ignore_space, is_filter, keeps_ends=paddle_exact, ignore_case=ignore_case)
        self.charset = charset
        self.paddle_exact = paddle_exact
        self.sums = Sums()

    def update(self, results: Sequence[TextLine], batch: Mapping[str, Any]) -> None:
        """Adds a batch: predictions, and `batch["info"]` (or `batch["label"]` with paddle_exact).

        Raises:
            ValueError: another number of results than of samples.
        """
        references = self.references(batch)
        if len(results) != len(references):
            raise ValueError(f"{len(results)} results for {len(references)} samples")
        for result, reference in zip(results, references, strict=True):
            self.add(reference, result.text)

    def references(self, batch: Mapping[str, Any]) -> list[str]:
        """The texts that a batch's predictions are compared with, before `ignore_space` and `is_filter`."""
        if self.paddle_exact and self.charset is not None:
            rows = np.asarray(batch[self._label(batch)]).tolist()
            told = told_directions(batch, len(rows))
            return [self.charset.decode(row, base_dir).text for row, base_dir in zip(rows, told, strict=True)]
        return [self.reference(info.text) for info in batch["info"]]

    def reference(self, label: str) -> str:
        """What a line with this label is compared with."""
        return label if self.charset is None else self.charset.reference(label)

    def add(self, reference: str, prediction: str) -> None:
        """Adds one line."""
        wanted, got = self.rules.compared(reference), self.rules.compared(prediction)
        errors = Levenshtein.distance(wanted, got)
        self._add(wanted, errors, errors / (max(len(wanted), len(got)) or 1))
        words, read = self.rules.words(reference), self.rules.words(prediction)
        self.sums.word_errors += 0 if words == read else Levenshtein.distance(words, read)
        self.sums.words += len(words)

    def reject(self, samples: Sequence[RejectedSample]) -> None:
        for sample in samples:
            reference = self.reference(sample.info.text)
            wanted, words = self.rules.compared(reference), self.rules.words(reference)
            self._add(wanted, len(wanted), 1.0, correct=False)
            self.sums.word_errors += len(words)
            self.sums.words += len(words)

    def compute(self) -> dict[str, float]:
        sums = self.sums
        if self.paddle_exact:
            ranks = {
                "acc": sums.correct / (sums.lines + PADDLE_EPS),
                "norm_edit_dis": 1 - sums.distance / (sums.lines + PADDLE_EPS),
            }
        elif sums.lines == 0:
            raise OcrError("there is nothing to evaluate: the evaluation set gave no sample (Eval.dataset.label_file_list)")
        else:
            ranks = {"acc": sums.correct / sums.lines, "norm_edit_dis": 1 - sums.distance / sums.lines}
        rates = {"cer": sums.errors / (sums.characters or 1), "wer": sums.word_errors / (sums.words or 1)}
        return {**ranks, **rates, "n": float(sums.lines)}

    def state(self) -> dict[str, Any]:
        return asdict(self.sums)

    def merge(self, state: dict[str, Any]) -> None:
        for field in fields(Sums):
            setattr(self.sums, field.name, getattr(self.sums, field.name) + state[field.name])

    def reset(self) -> None:
        self.sums = Sums()

    def _add(self, wanted: str, errors: int, distance: float, correct: bool | None = None) -> None:
        self.sums.lines += 1
        self.sums.correct += errors == 0 if correct is None else correct
        self.sums.distance += distance
        self.sums.errors += errors
        self.sums.characters += len(wanted)

    @staticmethod
    def _label(batch: Mapping[str, Any]) -> str:
        return "label_ctc" if "label_ctc" in batch else "label"  # MultiLabelEncode gives one label for each branch
