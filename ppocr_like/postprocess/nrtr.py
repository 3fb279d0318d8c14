"""Reading NRTR's outputs, for a Transformer head used alone (PaddleOCR's NRTRLabelDecode)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ppocr_like.charset import NRTR_SPECIALS, Charset, one_class_each
from ppocr_like.contracts import TextLine
from ppocr_like.errors import OcrError
from ppocr_like.postprocess.sequence import SequenceReader
from ppocr_like.registry import POSTPROCESSES

START, END = NRTR_SPECIALS.index("<s>"), NRTR_SPECIALS.index("</s>")


@POSTPROCESSES.register()
class NRTRLabelDecode:
    """The characters up to the end sign; padding, unknown and start are left out, and classes beyond the character set.

    The confidence is the mean over the characters, 0.0 for an empty text.

    Args:
        character_dict_path: dictionary file, read when no charset is given.
        use_space_char: the last entry is a space.
        charset: the run's charset; without one the dictionary is taken as PaddleOCR takes it (`Charset`: direction `paddle`).
        paddle_exact: "blank", "<unk>", "<s>" are spelt out and the confidence of an empty text is NaN, as in PaddleOCR.
    """

    def __init__(
        self,
        character_dict_path: str | None = None,
        use_space_char: bool = True,
        charset: Charset | None = None,
        paddle_exact: bool = False,
    ) -> None:
        self.charset = charset if charset is not None else Charset.from_file(character_dict_path, use_space_char, "paddle")
        one_class_each(self.charset)
        labels = (*NRTR_SPECIALS, *self.charset.shown[1:])
        dropped = () if paddle_exact else (0, 1, START)
        self.reader = SequenceReader(
            labels, END, dropped, self.charset.logical, float("nan") if paddle_exact else 0.0, not paddle_exact
        )

    def __call__(self, outputs: Any, batch: Mapping[str, Any] | None = None) -> list[TextLine]:
        """Decodes a batch.

        Args:
            outputs: mapping with `nrtr_ids` and `nrtr_probs`, or the pair of them, (N, T) each, with or without the start
                sign; or mapping with `nrtr`, or the array, (N, T, C) float.
            batch: its `info` tells base directions of lines, where files do.

        Raises:
            OcrError: fewer classes than the charset needs.
        """
        if isinstance(outputs, Mapping):
            outputs = (outputs["nrtr_ids"], outputs["nrtr_probs"]) if "nrtr_ids" in outputs else outputs["nrtr"]
        if isinstance(outputs, list | tuple) and len(outputs) == 2:
            return self._read(np.asarray(outputs[0]), np.asarray(outputs[1]), batch)
        scores = np.asarray(outputs)
        if scores.ndim != 3 or scores.shape[2] < len(self.reader.labels):
            raise OcrError(
                f"NRTRLabelDecode needs an array (N, T, {len(self.reader.labels)} or more); the network gives {scores.shape}. "
                "The dictionary (Global.character_dict_path, Global.use_space_char) is not the one of the network"
            )
        return self.reader.read(scores.argmax(axis=2), scores.max(axis=2), batch)

    def _read(self, ids: np.ndarray, probabilities: np.ndarray, batch: Mapping[str, Any] | None) -> list[TextLine]:
        if len(ids) and ids.shape[1] and ids[0, 0] == START:
            ids, probabilities = ids[:, 1:], probabilities[:, 1:]
        return self.reader.read(ids, probabilities, batch)

    def decode_labels(self, batch: Mapping[str, Any]) -> list[TextLine]:
        """The texts of `batch["label"]` (N, L): start, characters, end, padding. Confidence 1.0."""
        return self.reader.read(np.asarray(batch["label"])[:, 1:], None, batch)
