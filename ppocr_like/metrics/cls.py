"""Accuracy of classified images (PaddleOCR's ClsMetric)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ppocr_like.contracts import ClassResult, RejectedSample
from ppocr_like.errors import OcrError
from ppocr_like.metrics.base import Metric
from ppocr_like.registry import METRICS

INDICATORS = ("acc", "balanced_acc")
TIE_BREAKERS = {"acc": ("balanced_acc",), "balanced_acc": ("acc",)}
PADDLE_EPS = 1e-5  # in the denominator of PaddleOCR's ClsMetric


@METRICS.register()
class ClsMetric(Metric):
    """`acc` (share of images whose class is right), `balanced_acc` (mean of that share over the classes, whatever their sizes),
    `n` (images). A rejected sample is wrong; its class is not known, so it counts in `acc` and `n` only.

    Args:
        main_indicator: `acc` or `balanced_acc`: decides which checkpoint is best.
        paddle_exact: PaddleOCR's numbers: 1e-5 in the denominator, and of nothing acc 0.
    """

    needs = ("label",)

    def __init__(self, main_indicator: str = "acc", paddle_exact: bool = False) -> None:
        if main_indicator not in INDICATORS:
            raise ValueError(f"main_indicator is {main_indicator!r}; accepted: {', '.join(INDICATORS)}")
        self.main_indicator, self.paddle_exact = main_indicator, paddle_exact
        self.tie_breakers = () if paddle_exact else TIE_BREAKERS[main_indicator]
        self.reset()

    def update(self, results: Sequence[ClassResult], batch: Mapping[str, Any]) -> None:
        """Adds a batch.

        Args:
            results: what was found in each image.
            batch: `label` (N,), class numbers.

        Raises:
            ValueError: another number of results than of samples.
        """
        labels = np.asarray(batch["label"]).reshape(-1).tolist()
        if len(results) != len(labels):
            raise ValueError(f"{len(results)} results for {len(labels)} samples")
        for result, label in zip(results, labels, strict=True):
            self.seen[label] += 1
            self.right[label] += result.index == label

    def reject(self, samples: Sequence[RejectedSample]) -> None:
        self.rejected += len(samples)

    def compute(self) -> dict[str, float]:
        total = sum(self.seen.values()) + self.rejected
        right = sum(self.right.values())
        if self.paddle_exact:
            acc = right / (total + PADDLE_EPS)
        elif total == 0:
            raise OcrError("there is nothing to evaluate: the evaluation set gave no image (Eval.dataset.label_file_list)")
        else:
            acc = right / total
        shares = [self.right[label] / count for label, count in self.seen.items()]
        return {"acc": acc, "balanced_acc": sum(shares) / (len(shares) or 1), "n": float(total)}

    def state(self) -> dict[str, Any]:
        return {"seen": dict(self.seen), "right": dict(self.right), "rejected": self.rejected}

    def merge(self, state: dict[str, Any]) -> None:
        self.seen.update(state["seen"])
        self.right.update(state["right"])
        self.rejected += state["rejected"]

    def reset(self) -> None:
        self.seen: Counter[int] = Counter()
        self.right: Counter[int] = Counter()
        self.rejected = 0
