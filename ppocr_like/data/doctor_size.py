"""How many samples a training set has, and what to expect of so many.

The numbers are those of PaddleOCR's guide to fine-tuning: 500 pages for a detector, 5,000 lines for a recogniser.
"""

from __future__ import annotations

ADVISED = {"rec": (5000, "lines"), "det": (500, "pages")}


def expectation(task: str, count: int) -> list[str]:
    """What to say of a training set of `count` samples; nothing for a task of which the guide says nothing."""
    if task not in ADVISED:
        return []
    advised, unit = ADVISED[task]
    head = f"{count:,} {unit} to train on; PaddleOCR's guide advises {advised:,} at least for fine-tuning"
    if count >= advised:
        return [f"{head}: enough to fine-tune; from random weights ten times as many and more are needed"]
    if count >= advised / 5:
        what = "expect less than the guide promises"
    else:
        what = "expect the network to learn these very pictures rather than their kind"
    more = {
        "rec": "start from pretrained weights, mix general lines in (ratio_list), draw more (tools/synth.py), and believe only "
        "an evaluation set that is set apart",
        "det": "start from pretrained weights with a low rate, add pages of the same kind from elsewhere, and believe only an "
        "evaluation set that is set apart",
    }[task]
    return [f"{head}: {what}; {more}"]
