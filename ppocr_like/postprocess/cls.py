"""Which class an image is of (PaddleOCR's ClsPostProcess)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ppocr_like.contracts import ClassResult
from ppocr_like.errors import OcrError
from ppocr_like.registry import POSTPROCESSES


@POSTPROCESSES.register()
class ClsPostProcess:
    """The class of the highest probability. Logits, which the head gives in training, go through a softmax first.

    Args:
        label_list: the classes' names; null: their numbers. `Global.label_list` wins.
        paddle_exact: the confidence of logits is the logit, as in PaddleOCR.
    """

    def __init__(self, label_list: Sequence[str | int] | None = None, paddle_exact: bool = False) -> None:
        if label_list is not None and len(set(map(str, label_list))) != len(label_list):
            raise ValueError(f"label_list names a class twice: {list(label_list)}")
        self.label_list = None if label_list is None else tuple(str(label) for label in label_list)
        self.paddle_exact = paddle_exact

    def __call__(self, outputs: Any, batch: Mapping[str, Any] | None = None) -> list[ClassResult]:
        """`outputs`: mapping with `cls`, or the array; (N, C) float.

        Raises:
            OcrError: another number of classes than names.
        """
        scores = np.asarray(outputs["cls"] if isinstance(outputs, Mapping) else outputs)
        if scores.ndim != 2 or (self.label_list is not None and scores.shape[1] != len(self.label_list)):
            wanted = "C" if self.label_list is None else len(self.label_list)
            raise OcrError(f"ClsPostProcess needs an array (N, {wanted}); the network gives {scores.shape}: see label_list")
        if not self.paddle_exact and len(scores) and not _are_probabilities(scores):
            scores = np.exp(scores - scores.max(axis=1, keepdims=True))
            scores = scores / scores.sum(axis=1, keepdims=True)
        best = scores.argmax(axis=1)
        return [ClassResult(self._name(i), i, float(row[i])) for i, row in zip(best.tolist(), scores, strict=True)]

    def decode_labels(self, batch: Mapping[str, Any]) -> list[ClassResult]:
        """The classes of `batch["label"]` (N,). Confidence 1.0."""
        return [ClassResult(self._name(i), i, 1.0) for i in np.asarray(batch["label"]).reshape(-1).tolist()]

    def _name(self, index: int) -> str:
        return str(index) if self.label_list is None else self.label_list[index]


def _are_probabilities(scores: np.ndarray) -> bool:
    return bool(scores.min() >= 0 and np.all(np.abs(scores.sum(axis=1) - 1.0) < 0.02))
