"""What `tools/infer.py` writes for images with classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ppocr_like.pipeline.classifier import Verdict
from ppocr_like.pipeline.preprocess import source_name
from ppocr_like.printable import one_line


class ClassResults:
    """Rows and records of verdicts (see `infer.Results`). There are no pictures."""

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
