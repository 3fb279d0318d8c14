"""Which way a line lies, or whatever else the classes are: the classifier, what it says of an image, how that is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppocr_like.contracts import ClassResult
from ppocr_like.pipeline.preprocess import Prepared, source_name
from ppocr_like.pipeline.runner import Runner, Source
from ppocr_like.printable import one_line
from ppocr_like.tasks import RUNNERS


@dataclass(frozen=True, eq=False)
class Verdict:
    """What became of one image.

    Args:
        source: what was given.
        result: the class; None when the image could not be used, and then `error` says why.
        prepared: decoded picture and network input.
    """

    source: Source
    result: ClassResult | None = None
    prepared: Prepared | None = None
    error: str = ""


@RUNNERS.register("cls")
class Classifier(Runner[ClassResult, Verdict]):
    """Tells classes of images: `Classifier(bundle)(images) -> list[ClassResult]`; see `Runner`."""

    what = "classifier"
    default_batch = 16

    def results(self, folder: Path, font: str | Path | None, max_pages: int | None, heat_map: bool) -> ClassResults:
        return ClassResults()

    def _batch(self, sources: list[Source], prepared: list[Prepared]) -> list[Verdict]:
        found = self.postprocess(self.outputs(prepared), {})
        return [Verdict(*one) for one in zip(sources, found, prepared, strict=True)]

    def _failed(self, source: Source, error: str) -> Verdict:
        return Verdict(source, error=error)

    def _result(self, outcome: Verdict) -> ClassResult:
        assert outcome.result is not None
        return outcome.result


class ClassResults:
    """Rows and records of verdicts (see `runner.Results`). There are no pictures."""

    def __init__(self) -> None:
        self.files: list[Path] = []

    def pictures(self, images: Sequence[str]) -> list[str]:
        return []

    def row(self, verdict: Verdict) -> str:
        """Path, class, probability: as a label file of classes, which ClsLabelEncode reads when the last column is cut off."""
        assert verdict.result is not None
        return f"{one_line(source_name(verdict.source))}\t{verdict.result.label}\t{verdict.result.confidence:.4f}"

    def said(self, verdict: Verdict) -> str:
        return self.row(verdict)

    def record(self, verdict: Verdict) -> dict[str, Any]:
        """Class, its number and probability."""
        if verdict.result is None or verdict.prepared is None:
            return {"image": source_name(verdict.source), "error": verdict.error}
        height, width = verdict.prepared.picture.shape[:2]
        return {
            "image": source_name(verdict.source),
            "width": int(width),
            "height": int(height),
            "label": verdict.result.label,
            "index": verdict.result.index,
            "confidence": round(verdict.result.confidence, 4),
        }

    def draw(self, verdict: Verdict) -> None:
        """Nothing: a class is no picture."""

    def finish(self) -> list[str]:
        return []
