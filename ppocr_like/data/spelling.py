"""Labels as the steps of a chain spell them, for whoever counts their characters without running the chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ppocr_like.contracts import Rejected, RejectedSample, Request
from ppocr_like.data.base import Dataset, Texts
from ppocr_like.transforms.base import Transform
from ppocr_like.transforms.text_normalize import TextNormalize


def spelling(transforms: Sequence[Transform]) -> Callable[[str], str]:
    """What the normalising steps of a chain make of a label."""
    steps = [step for step in transforms if isinstance(step, TextNormalize)]

    def spelt(text: str) -> str:
        for step in steps:
            text = step.spelt(text)
        return text

    return spelt


def spelt_texts(dataset: Dataset) -> Iterator[Texts]:
    """`Dataset.label_texts`, spelt so."""
    if not any(isinstance(step, TextNormalize) for step in dataset.transforms):
        yield from dataset.label_texts()
        return
    spelt = spelling(dataset.transforms)
    for piece in dataset.label_texts():
        yield piece._replace(texts=[None if text is None else spelt(text) for text in piece.texts])


def rejected_sample(dataset: Dataset, request: Request, error: Rejected) -> RejectedSample:
    """What is told of a sample that `Dataset.fetch` rejected; its label spelt as that of one which got through."""
    info = dataset.request_info(request)
    return RejectedSample(replace(info, text=spelling(dataset.transforms)(info.text)), error.reason, error.detail)
