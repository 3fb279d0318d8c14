"""Lines of text from images: pre-processing, network, decoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppocr_like.contracts import TextLine
from ppocr_like.pipeline.preprocess import Prepared
from ppocr_like.pipeline.runner import Runner, Source


@dataclass(frozen=True, eq=False)
class Reading:
    """What became of one image.

    Args:
        source: what was given.
        line: the text; None when the image could not be read, and then `error` says why.
        prepared: decoded picture and network input.
    """

    source: Source
    line: TextLine | None = None
    prepared: Prepared | None = None
    error: str = ""

    def places(self) -> list[float]:
        """For each character its x in px of the source image (the middle of the output step it was read at)."""
        if self.line is None or self.prepared is None or not self.line.steps:
            return []
        width = self.prepared.picture.shape[1]
        scale = width / (self.line.steps * self.prepared.valid_ratio)
        return [min((column + 0.5) * scale, float(width)) for column in self.line.columns]


class Recogniser(Runner[TextLine, Reading]):
    """Recognises line images: `Recogniser(bundle)(images) -> list[TextLine]`; see `Runner`."""

    model_type = "rec"
    what = "recogniser"
    default_batch = 16

    def outputs(self, prepared: Sequence[Prepared]) -> dict[str, np.ndarray]:
        """The network's answer to images of one size; SARHead reads how much of its canvas each line fills."""
        if "valid_ratio" not in getattr(self.backend, "reads", ()):
            return super().outputs(prepared)
        ratios = np.array([one.valid_ratio for one in prepared], np.float32)
        backend: Any = self.backend
        return backend(np.stack([one.tensor for one in prepared]), {"valid_ratio": ratios})

    def _batch(self, sources: list[Source], prepared: list[Prepared]) -> list[Reading]:
        lines = self.postprocess(self.outputs(prepared), {})
        return [Reading(*one) for one in zip(sources, lines, prepared, strict=True)]

    def _failed(self, source: Source, error: str) -> Reading:
        return Reading(source, error=error)

    def _result(self, outcome: Reading) -> TextLine:
        assert outcome.line is not None
        return outcome.line
