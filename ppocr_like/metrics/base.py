"""What a metric is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from ppocr_like.contracts import RejectedSample
from ppocr_like.metrics.line_rules import LineRules


class Metric(ABC):
    """Gathers results of batches and computes numbers. Every rank fills its own; `merge` joins them.

    `main_indicator` names the entry of `compute()` that decides which checkpoint is best (greater is better). `needs` names the
    batch entries that `update` reads, so that a chain that does not keep them is found without data. `tie_breakers` names the
    entries that decide between two equal main indicators, in this order; of one with a minus before it less is better. `rules`
    says how the texts of lines are compared, for the test report; None: this metric compares no texts.
    """

    main_indicator: str
    tie_breakers: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    rules: LineRules | None = None

    @abstractmethod
    def update(self, results: Sequence[Any], batch: Mapping[str, Any]) -> None:
        """`results`: what the postprocess gave, one per sample; `batch`: numpy arrays by name, and `info`."""

    def reference(self, label: str) -> str:
        """What results are compared with, of a sample whose label file says `label`."""
        return label

    def references(self, batch: Mapping[str, Any]) -> list[str]:
        """The same for the samples of a batch."""
        return [self.reference(info.text) for info in batch["info"]]

    @abstractmethod
    def reject(self, samples: Sequence[RejectedSample]) -> None:
        """Samples of the evaluation set that could not be used: they count as wrong."""

    @abstractmethod
    def compute(self) -> dict[str, float]:
        """The numbers. Raises OcrError when nothing was gathered."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Plain numbers and lists, for sending between ranks."""

    @abstractmethod
    def merge(self, state: dict[str, Any]) -> None:
        """Adds another rank's `state()`."""

    @abstractmethod
    def reset(self) -> None:
        """Forgets what was gathered."""
