"""How many samples a training set has, and what to expect of so many.

The numbers are those of PaddleOCR's guide to fine-tuning: 500 pages for a detector, 5,000 lines for a recogniser.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Guide:
    """What the guide says of a task.

    Args:
        least: samples to fine-tune with.
        unit: what they are.
        more: what to do with fewer.
    """

    least: int
    unit: str
    more: str


LINES = Guide(
    5000,
    "lines",
    "start from pretrained weights, mix general lines in (ratio_list), draw more (tools/synth.py), and believe only an "
    "evaluation set that is set apart",
)
PAGES = Guide(
    500,
    "pages",
    "start from pretrained weights with a low rate, add pages of the same kind from elsewhere, and believe only an evaluation "
    "set that is set apart",
)


def expectation(guide: Guide | None, count: int) -> list[str]:
    """What to say of a training set of `count` samples; nothing for a task of which the guide says nothing."""
    if guide is None:
        return []
    head = f"{count:,} {guide.unit} to train on; PaddleOCR's guide advises {guide.least:,} at least for fine-tuning"
    if count >= guide.least:
        return [f"{head}: enough to fine-tune; from random weights ten times as many and more are needed"]
    if count >= guide.least / 5:
        what = "expect less than the guide promises"
    else:
        what = "expect the network to learn these very pictures rather than their kind"
    return [f"{head}: {what}; {guide.more}"]
