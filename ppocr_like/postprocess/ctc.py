"""CTC decoding: the best path (Graves et al. 2006; PaddleOCR's CTCLabelDecode), ocropy's thresholds, or a beam search."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.contracts import TextLine, told_directions
from ppocr_like.errors import ConfigError, DataError, OcrError, Problem
from ppocr_like.postprocess.align import realign
from ppocr_like.postprocess.beam import GROUP, Search
from ppocr_like.postprocess.lattice import make_lattice
from ppocr_like.postprocess.ngram.scorer import LabelScorer
from ppocr_like.postprocess.ngram.table import read_model
from ppocr_like.postprocess.probabilities import CHUNK, is_distribution, with_temperature
from ppocr_like.postprocess.threshold import Runs, threshold_runs
from ppocr_like.registry import POSTPROCESSES
from ppocr_like.text import BaseDir

DECODERS = ("greedy", "threshold", "beam")
MOST_BEAMS = 1024
Decoder = Literal["greedy", "threshold", "beam"]


@POSTPROCESSES.register()
class CTCLabelDecode:
    """The best class of each output step; repeats merged, blanks (class 0) dropped. Or another decoder.

    The confidence of a character is the probability at the first step of its run (of one that a codec writes with several
    classes their mean), that of a line the mean over the runs (0.0 for an empty text). Blanks at a line's ends are taken away.
    Logits, which the head gives in training, decode to the same texts; their confidences go through a softmax first.
    Right-to-left text is put in reading order (`Charset.logical`), its columns and confidences with it.

    `threshold` takes one label for each stretch of steps at which the blank is less probable than 0.5: the one of the highest
    peak, whose step and probability are told. `beam` looks for the most probable text over all alignments, and with `lm` for the
    one that network and language model together find most probable (`postprocess.beam`). The runs of its text are those of its
    most probable alignment; their probabilities are the network's own, the language model has no part in them.

    Args:
        character_dict_path: dictionary file, read when no charset is given.
        use_space_char: the last class is a space.
        charset: the run's charset; without one the dictionary is taken as PaddleOCR takes it (`Charset`: direction `paddle`).
        paddle_exact: confidences of logits are the raw logits and blanks at a line's ends stay, as in PaddleOCR.
        decoder: `greedy`, `threshold` or `beam`.
        temperature: the network's logits are divided by it; above 1 it is less sure, with the same best path.
        beam: of `beam`, how many texts of a line are kept at each step.
        lm: of `beam`, language model of labels (tools/make_lm.py): an ARPA file or an `.npz`.
        lm_weight: of the language model's logarithms beside the network's.
        length_bonus: of `beam`, added for each label of a text: against a language model's liking for short ones.
    """

    def __init__(
        self,
        character_dict_path: str | None = None,
        use_space_char: bool = False,
        charset: Charset | None = None,
        paddle_exact: bool = False,
        decoder: Decoder = "greedy",
        temperature: float = 1.0,
        beam: int = 16,
        lm: str | None = None,
        lm_weight: float = 1.5,
        length_bonus: float = 0.0,
    ) -> None:
        self.charset = charset if charset is not None else Charset.from_file(character_dict_path, use_space_char, "paddle")
        self.paddle_exact = paddle_exact
        self.decoder, self.temperature, self.beam = decoder, temperature, beam
        self.lm, self.lm_weight, self.length_bonus = lm, lm_weight, length_bonus
        self._set_up(None)

    def changed(self, **values: Any) -> CTCLabelDecode:
        """The same with other values of `decoder`, `temperature`, `beam`, `lm`, `lm_weight`, `length_bonus`; a language model
        that stays is not read again.

        Raises:
            ConfigError: a value that is refused.
        """
        other = copy.copy(self)
        for name, value in values.items():
            setattr(other, name, value)
        other._set_up(self._search.scorer if self._search is not None and other.lm == self.lm else None)
        return other

    def beside(self) -> dict[str, CTCLabelDecode]:
        """Post-processings that an evaluation shows beside this one, by name: of a beam search the best path."""
        return {} if self.decoder == "greedy" else {"greedy": self.changed(decoder="greedy", lm=None)}

    @property
    def together(self) -> int:
        """Lines that are best decoded at a time, also of different lengths: a beam search shares its work between them."""
        return GROUP if self.decoder == "beam" else 1

    def _set_up(self, scorer: LabelScorer | None) -> None:
        problems = _problems(self)
        if problems:
            raise ConfigError(problems)
        self._search: Search | None = None
        if self.decoder == "beam":
            self._search = Search(self.beam, scorer or self._scorer(), self.lm_weight, self.length_bonus)

    def __call__(self, outputs: Any, batch: Mapping[str, Any] | None = None) -> list[TextLine]:
        """Decodes a batch.

        Args:
            outputs: mapping with `ctc` (and `lengths` (N,), steps of each line that are no padding), the array itself, or a list
                whose last entry it is; (N, T, C) float.
            batch: its `info` tells base directions of lines, where files do.

        Raises:
            OcrError: the number of classes is not the charset's.
        """
        scores = self._scores(outputs)
        n, steps, _ = scores.shape
        if steps == 0:
            return [TextLine("", 0.0) for _ in range(n)]
        own = outputs.get("lengths") if isinstance(outputs, Mapping) else None
        if self.decoder == "greedy":
            rows, classes, columns, confidences = self._greedy(scores, own)
        else:
            rows, classes, columns, confidences = self._other(scores, own)
        ends = np.cumsum(np.bincount(rows, minlength=n)).tolist()
        all_classes, all_columns, all_confidences = classes.tolist(), columns.tolist(), confidences.tolist()
        lines, start = [], 0
        for end, told in zip(ends, told_directions(batch, n), strict=True):
            part = slice(start, end)
            lines.append(self._line(all_classes[part], all_columns[part], all_confidences[part], steps, told))
            start = end
        return lines

    def decode_labels(self, batch: Mapping[str, Any]) -> list[TextLine]:
        """The texts of `batch["label"]` (N, L), class indices padded with 0: what is left of a label once characters
        outside the charset were dropped. Confidence 1.0, as in PaddleOCR."""
        rows = np.asarray(batch["label"]).tolist()
        told = told_directions(batch, len(rows))
        return [TextLine(self.charset.decode(row, base_dir).text, 1.0) for row, base_dir in zip(rows, told, strict=True)]

    def _scores(self, outputs: Any) -> np.ndarray:
        if isinstance(outputs, Mapping):
            if "ctc" not in outputs:
                raise OcrError(
                    f"CTCLabelDecode needs the network output 'ctc', which is not among {', '.join(map(str, outputs))}"
                )
            outputs = outputs["ctc"]
        elif isinstance(outputs, Sequence):
            outputs = outputs[-1]
        scores = np.asarray(outputs)
        if scores.ndim != 3 or scores.shape[2] != self.charset.num_classes:
            raise OcrError(
                f"CTCLabelDecode needs an array (N, T, {self.charset.num_classes}): blank, {len(self.charset.entries)} "
                f"dictionary entries{' and the space' if self.charset.use_space_char else ''}; the network gives {scores.shape}. "
                "The dictionary (Global.character_dict_path, Global.use_space_char) is not the one of the network"
            )
        return scores

    def _greedy(self, scores: np.ndarray, lengths: Any) -> Runs:
        rows, columns, classes = best_path(scores, lengths)
        return rows, classes, columns, self._confidences(scores, rows, columns, classes)

    def texts(self, outputs: Any, batch: Mapping[str, Any] | None, settings: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        """Of a beam search, the texts of a batch with each of several `lm_weight` and `length_bonus`.

        Args:
            outputs, batch: see `__call__`.
            settings: values by name.
        """
        assert self._search is not None
        scores = self._scores(outputs)
        probabilities, own = self._probabilities(scores, outputs.get("lengths") if isinstance(outputs, Mapping) else None)
        lattice = make_lattice(probabilities, own)
        told = told_directions(batch, len(scores))
        found = []
        for values in settings:
            read = replace(self._search, **values)(lattice, probabilities)
            texts = [self.charset.decode(labels, base_dir).text for labels, base_dir in zip(read, told, strict=True)]
            found.append(texts if self.paddle_exact else [text.strip() for text in texts])
        return found

    def _probabilities(self, scores: np.ndarray, lengths: Any) -> tuple[np.ndarray, np.ndarray]:
        """float32 (N, T, C) at the temperature, and (N,) each line's own steps."""
        n, steps, _ = scores.shape
        logits = bool(n) and not is_distribution(scores[0])
        own = np.full(n, steps) if lengths is None else np.minimum(np.asarray(lengths).reshape(n).astype(np.int64), steps)
        return with_temperature(scores, self.temperature, logits), own

    def _other(self, scores: np.ndarray, lengths: Any) -> Runs:
        """The runs that `threshold` or `beam` reads."""
        n = len(scores)
        probabilities, own = self._probabilities(scores, lengths)
        if self._search is None:
            return threshold_runs(probabilities, own)
        texts = self._search(make_lattice(probabilities, own), probabilities)
        rows, columns, classes = best_path(probabilities, lengths)
        ends = np.cumsum(np.bincount(rows, minlength=n)).tolist()
        places: list[int] = []
        for line, (labels, start, end) in enumerate(zip(texts, [0, *ends], ends, strict=False)):
            known, first = classes[start:end].tolist(), columns[start:end].tolist()
            places += first if labels == known else realign(probabilities[line, : own[line]], labels, known, first)
        counts = np.array([len(labels) for labels in texts], np.int64)
        rows, columns = np.repeat(np.arange(n), counts), np.array(places, np.int64)
        classes = np.array([label for labels in texts for label in labels], np.int64)
        return rows, classes, columns, probabilities[rows, columns, classes].astype(np.float64)

    def _scorer(self) -> LabelScorer | None:
        if self.lm is None:
            return None
        try:
            return LabelScorer(read_model(self.lm), self.charset)
        except (DataError, ValueError) as error:
            told = str(error) if isinstance(error, DataError) else f"{self.lm}: {error}"
            raise ConfigError([Problem("lm", told)]) from error

    def _confidences(self, scores: np.ndarray, rows: np.ndarray, columns: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Probabilities (float64) of the kept steps."""
        raw = scores[rows, columns, classes].astype(np.float64)
        if not len(raw):
            return raw
        logits = not is_distribution(scores[0])
        if self.temperature != 1.0:
            parts = [slice(start, start + CHUNK) for start in range(0, len(raw), CHUNK)]
            made = [with_temperature(scores[rows[part], columns[part]], self.temperature, logits) for part in parts]
            return np.concatenate(made)[np.arange(len(raw)), classes].astype(np.float64)
        if self.paddle_exact or not logits:
            return raw
        sums = np.empty(len(raw))
        for start in range(0, len(raw), CHUNK):
            part = slice(start, start + CHUNK)
            kept = scores[rows[part], columns[part]].astype(np.float32)
            kept -= raw[part, None].astype(np.float32)
            sums[part] = np.exp(kept, out=kept).sum(axis=1)
        return 1.0 / sums

    def _line(self, classes: list[int], columns: list[int], confidences: list[float], steps: int, base_dir: BaseDir) -> TextLine:
        if not classes:
            return TextLine("", 0.0, steps=steps)
        mean = float(sum(confidences) / len(confidences))
        text, first, last = self.charset.decode(classes, base_dir)
        if not isinstance(first, range):  # else each class is a character, and they stand in this order
            columns = [columns[i] for i in first]
            confidences = [
                confidences[i] if i == k else sum(confidences[i : k + 1]) / (k + 1 - i) for i, k in zip(first, last, strict=True)
            ]
        line = TextLine(text, mean, tuple(columns), tuple(confidences), steps)
        return line if self.paddle_exact else line.stripped()


def best_path(scores: np.ndarray, lengths: Any = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best class of each step, repeats merged and blanks dropped: of each label its line, first step and class.

    Args:
        scores: (N, T, C), T at least 1.
        lengths: (N,) steps of each line that are no padding; None: all.
    """
    best = scores.argmax(axis=2)
    if lengths is not None:
        best[np.arange(scores.shape[1]) >= np.asarray(lengths).reshape(len(scores), 1)] = 0
    keep = best != 0
    keep[:, 1:] &= best[:, 1:] != best[:, :-1]
    rows, columns = np.nonzero(keep)
    return rows, columns, best[rows, columns]


def _problems(post: CTCLabelDecode) -> list[Problem]:
    """What is wrong with a post-processing's values."""
    found = []
    if post.decoder not in DECODERS:
        found.append(Problem("decoder", f"is {post.decoder!r}; it must be one of {', '.join(DECODERS)}"))
    if not (math.isfinite(post.temperature) and 0.01 <= post.temperature <= 100):
        found.append(Problem("temperature", f"is {post.temperature:g}; it must be from 0.01 to 100 (1: as the network says)"))
    if not 1 <= post.beam <= MOST_BEAMS:
        found.append(Problem("beam", f"is {post.beam}; it must be from 1 to {MOST_BEAMS}"))
    if not (math.isfinite(post.lm_weight) and post.lm_weight >= 0):
        found.append(Problem("lm_weight", f"is {post.lm_weight:g}; it must be 0 or more"))
    if not math.isfinite(post.length_bonus):
        found.append(Problem("length_bonus", f"is {post.length_bonus:g}; a number is needed"))
    if post.lm is not None and post.decoder != "beam":
        found.append(Problem("lm", f"is read by decoder: beam alone, here it is {post.decoder}; change that, or set lm: null"))
    return found
