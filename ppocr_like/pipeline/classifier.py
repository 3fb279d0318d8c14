"""Which way a line lies (or whatever else the classes are): pre-processing, network, post-processing."""

from __future__ import annotations

from dataclasses import dataclass

from ppocr_like.contracts import ClassResult
from ppocr_like.pipeline.preprocess import Prepared
from ppocr_like.pipeline.runner import Runner, Source


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


class Classifier(Runner[ClassResult, Verdict]):
    """Tells classes of images: `Classifier(bundle)(images) -> list[ClassResult]`; see `Runner`."""

    model_type = "cls"
    what = "classifier"
    default_batch = 16

    def _batch(self, sources: list[Source], prepared: list[Prepared]) -> list[Verdict]:
        found = self.postprocess(self.outputs(prepared), {})
        return [Verdict(*one) for one in zip(sources, found, prepared, strict=True)]

    def _failed(self, source: Source, error: str) -> Verdict:
        return Verdict(source, error=error)

    def _result(self, outcome: Verdict) -> ClassResult:
        assert outcome.result is not None
        return outcome.result
