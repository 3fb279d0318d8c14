"""DistillationMetric: numbers of each network, over several ranks."""

from __future__ import annotations

import pytest

from ppocr_like.contracts import ByModel, RejectedSample, SampleInfo, TextLine
from ppocr_like.metrics.distillation import DistillationMetric
from ppocr_like.metrics.rec import RecMetric


def info(text: str) -> SampleInfo:
    return SampleInfo(0, "labels.txt", 1, "a.png", text)


def metric(pairs: list[tuple[str, str, str]], rejected: list[str]) -> DistillationMetric:
    """`pairs`: what stands there, what Student and Teacher read."""
    it = DistillationMetric(RecMetric(), "Student")
    it.reject([RejectedSample(info(text), "missing image", "") for text in rejected])
    for wanted, *read in pairs:
        result = ByModel({name: TextLine(text, 1.0) for name, text in zip(("Student", "Teacher"), read, strict=True)})
        it.update([result], {"info": [info(wanted)]})
    return it


PAIRS = [("abc", "abc", "abx"), ("de", "dx", "de")]


@pytest.mark.parametrize("split", [0, 1, 2])
@pytest.mark.parametrize("turned", [False, True])
def test_ranks_together_are_one_process(split: int, turned: bool) -> None:
    """Also where a rank has nothing but rejected samples, whether it comes first or last."""
    whole = metric(PAIRS, ["fghij", "klm"]).compute()
    assert whole["cer"] == pytest.approx(9 / 13) and whole["Teacher_cer"] == pytest.approx(9 / 13) and whole["Teacher_n"] == 4
    shares = [metric(PAIRS[:split], ["fghij"]), metric(PAIRS[split:], ["klm"])]
    joined = metric([], [])
    for share in reversed(shares) if turned else shares:
        joined.merge(share.state())
    assert joined.compute() == pytest.approx(whole)
