"""Greedy CTC decoding (Graves et al. 2006; PaddleOCR's CTCLabelDecode)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.contracts import TextLine, told_directions
from ppocr_like.errors import OcrError
from ppocr_like.registry import POSTPROCESSES
from ppocr_like.text import BaseDir

CHUNK = 64  # output steps per softmax: a few MB at a time stay in the processor's cache


@POSTPROCESSES.register()
class CTCLabelDecode:
    """The best class of each output step; repeats merged, blanks (class 0) dropped.

    The confidence of a character is the probability at the first step of its run (of one that a codec writes with several
    classes their mean), that of a line the mean over the runs (0.0 for an empty text). Blanks at a line's ends are taken away.
    Logits, which the head gives in training, decode to the same texts; their confidences go through a softmax first.
    Right-to-left text is put in reading order (`Charset.logical`), its columns and confidences with it.

    Args:
        character_dict_path: dictionary file, read when no charset is given.
        use_space_char: the last class is a space.
        charset: the run's charset; without one the dictionary is taken as PaddleOCR takes it (`Charset`: direction `paddle`).
        paddle_exact: confidences of logits are the raw logits and blanks at a line's ends stay, as in PaddleOCR.
    """

    def __init__(
        self,
        character_dict_path: str | None = None,
        use_space_char: bool = False,
        charset: Charset | None = None,
        paddle_exact: bool = False,
    ) -> None:
        self.charset = charset if charset is not None else Charset.from_file(character_dict_path, use_space_char, "paddle")
        self.paddle_exact = paddle_exact

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
        best = scores.argmax(axis=2)
        own = outputs.get("lengths") if isinstance(outputs, Mapping) else None
        if own is not None:
            best[np.arange(steps) >= np.asarray(own).reshape(n, 1)] = 0
        keep = best != 0
        keep[:, 1:] &= best[:, 1:] != best[:, :-1]
        rows, columns = np.nonzero(keep)
        classes = best[rows, columns]
        confidences = self._confidences(scores, rows, columns, classes)
        ends = np.cumsum(keep.sum(axis=1)).tolist()
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

    def _confidences(self, scores: np.ndarray, rows: np.ndarray, columns: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Probabilities (float64) of the kept steps."""
        raw = scores[rows, columns, classes].astype(np.float64)
        if self.paddle_exact or not len(raw) or is_distribution(scores[0]):
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


def is_distribution(scores: np.ndarray) -> bool:
    """Whether the rows of (T, C) are probabilities (each sums to 1), not logits."""
    sums = scores.sum(axis=1, dtype=np.float32)
    return bool(np.all(np.abs(sums - 1.0) < 0.02) and scores.min() >= 0)
