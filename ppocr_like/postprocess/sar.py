"""Reading SAR's outputs, for a SARHead used alone (PaddleOCR's SARLabelDecode)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ppocr_like.charset import SAR_SPECIALS, Charset, one_class_each
from ppocr_like.contracts import TextLine
from ppocr_like.errors import OcrError
from ppocr_like.postprocess.sequence import SequenceReader
from ppocr_like.registry import POSTPROCESSES

SYMBOLS = re.compile("[^A-Z^a-z^0-9^\u4e00-\u9fa5]")  # PaddleOCR's, which keeps "^"


@POSTPROCESSES.register()
class SARLabelDecode:
    """The best class of each step up to the end sign.

    Padding is left out, and so is `<UKN>`, which stands for a character outside the dictionary. The confidence is the mean
    over the steps that count, 0.0 for an empty text.

    Args:
        character_dict_path: dictionary file, read when no charset is given.
        use_space_char: the last entry is a space.
        rm_symbol: lower case, and only Latin letters, digits, "^" and Chinese characters are kept.
        charset: the run's charset; without one the dictionary is taken as PaddleOCR takes it (`Charset`: direction `paddle`).
        paddle_exact: `<UKN>` is spelt out and the confidence of an empty text is NaN, as in PaddleOCR.
    """

    def __init__(
        self,
        character_dict_path: str | None = None,
        use_space_char: bool = False,
        rm_symbol: bool = False,
        charset: Charset | None = None,
        paddle_exact: bool = False,
    ) -> None:
        self.charset = charset if charset is not None else Charset.from_file(character_dict_path, use_space_char, "paddle")
        one_class_each(self.charset)
        self.rm_symbol = rm_symbol
        labels = (*self.charset.shown[1:], *SAR_SPECIALS)
        unknown, end, padding = range(len(labels) - len(SAR_SPECIALS), len(labels))
        self.end = end
        dropped = {padding} if paddle_exact else {padding, unknown}
        self.reader = SequenceReader(
            labels, end, dropped, self.charset.logical, float("nan") if paddle_exact else 0.0, not paddle_exact
        )

    def __call__(self, outputs: Any, batch: Mapping[str, Any] | None = None) -> list[TextLine]:
        """`outputs`: mapping with `sar`, or the array; (N, T, C) float, C with or without the padding.

        Raises:
            OcrError: the number of classes is not the charset's.
        """
        scores = np.asarray(outputs["sar"] if isinstance(outputs, Mapping) else outputs)
        classes = len(self.reader.labels)
        if scores.ndim != 3 or scores.shape[2] not in (classes - 1, classes):
            raise OcrError(
                f"SARLabelDecode needs an array (N, T, {classes - 1}); the network gives {scores.shape}. The dictionary "
                "(Global.character_dict_path, Global.use_space_char) is not the one of the network"
            )
        lines = self.reader.read(scores.argmax(axis=2), scores.max(axis=2), batch)
        return [self._plain(line) for line in lines]

    def decode_labels(self, batch: Mapping[str, Any]) -> list[TextLine]:
        """The texts of `batch["label"]` (N, L): start, characters, end, padding. Confidence 1.0."""
        label = np.asarray(batch["label"])
        lines = []
        rows = [row[1:] if row[:1] == [self.end] else row for row in label.tolist()]  # the start has the end's number
        for row, info in zip(rows, batch.get("info") or [None] * len(rows), strict=True):
            lines += self.reader.read(np.array([row], dtype=np.int64), None, info and {"info": [info]})
        return [self._plain(line) for line in lines]

    def _plain(self, line: TextLine) -> TextLine:
        return TextLine(SYMBOLS.sub("", line.text.lower()), line.confidence, steps=line.steps) if self.rm_symbol else line
