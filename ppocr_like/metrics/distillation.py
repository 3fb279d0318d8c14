"""DistillationMetric: one metric for each sub-model."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ppocr_like.contracts import ByModel, RejectedSample
from ppocr_like.errors import OcrError
from ppocr_like.metrics.base import Metric
from ppocr_like.registry import METRICS, Part


@METRICS.register()
class DistillationMetric(Metric):
    """The numbers of sub-model `key` under their own names, those of the others as `<name>_<number>` (PaddleOCR's
    DistillationMetric). `key`'s main indicator decides which checkpoint is best.

    All other arguments are those of `base_metric_name`.

    Args:
        base_metric_name: the metric; in a recipe its name: RecMetric, DetMetric, ClsMetric.
        key: the sub-model that counts; it must be among the post-processing's `model_name`.
    """

    parts: ClassVar = (Part("base_metric_name", METRICS, flat=True),)

    def __init__(self, base_metric_name: Metric, key: str) -> None:
        self.key, self.base = key, base_metric_name
        self.model_names = (key,)
        self.main_indicator, self.tie_breakers = self.base.main_indicator, self.base.tie_breakers
        self.needs = self.base.needs
        self.rules = None if self.base.rules is None else replace(self.base.rules, key=key)
        self.metrics: dict[str, Metric] = {key: copy.deepcopy(self.base)}
        self._rejected: list[RejectedSample] = []

    def _of(self, name: str) -> Metric:
        """A sub-model's metric; a new one counts the samples that were rejected before."""
        if name not in self.metrics:
            self.metrics[name] = copy.deepcopy(self.base)
            self.metrics[name].reject(self._rejected)
        return self.metrics[name]

    def reference(self, label: str) -> str:
        return self.base.reference(label)

    def references(self, batch: Mapping[str, Any]) -> list[str]:
        return self.base.references(batch)

    def update(self, results: Sequence[ByModel], batch: Mapping[str, Any]) -> None:
        """Adds a batch.

        Raises:
            OcrError: `key` is not among the sub-models that were read.
        """
        names = list(results[0].results) if results else []
        if results and self.key not in names:
            raise OcrError(f"Metric.key is {self.key!r}, but PostProcess.model_name has {', '.join(names)}")
        for name in names:
            self._of(name).update([result.results[name] for result in results], batch)

    def reject(self, samples: Sequence[RejectedSample]) -> None:
        self._rejected += samples
        for metric in self.metrics.values():
            metric.reject(samples)

    def compute(self) -> dict[str, float]:
        numbers = dict(self.metrics[self.key].compute())
        for name, metric in self.metrics.items():
            if name != self.key:
                numbers.update({f"{name}_{key}": value for key, value in metric.compute().items()})
        return numbers

    def state(self) -> dict[str, Any]:
        return {"metrics": {name: metric.state() for name, metric in self.metrics.items()}, "rejected": list(self._rejected)}

    def merge(self, state: dict[str, Any]) -> None:
        shares, rejected = state["metrics"], state["rejected"]
        for name, share in shares.items():
            self._of(name).merge(share)
        for name in self.metrics.keys() - shares.keys():  # a share without any result knows of no other sub-model
            self.metrics[name].reject(rejected)
        self._rejected += rejected

    def reset(self) -> None:
        self.metrics = {self.key: copy.deepcopy(self.base)}
        self._rejected = []
