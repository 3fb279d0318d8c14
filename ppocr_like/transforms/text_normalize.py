"""One spelling for all labels."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.registry import TRANSFORMS
from ppocr_like.text import normalised, right_to_left_entries
from ppocr_like.transforms.base import Sample, Transform


@TRANSFORMS.register()
class TextNormalize(Transform):
    """Brings `label` (str) into one spelling: Unicode form, then blanks; the order of the page follows when it is encoded.

    Gives `text`, the label as it is now, by which `info`, the metrics, and the counts of characters know it. Stands before
    the step that encodes, in training and in evaluation alike.

    Args:
        form: Unicode form; null leaves it as it is.
        whitespace: each blank of any kind (`\\s`) becomes U+0020, those at the ends go; several in a row stay.
        bidi: labels are in reading order and are encoded in the order of the page, as `Global.text_direction: rtl` (or `auto`)
            does it; false: nothing is moved, as with `ltr`. A direction that says otherwise is refused.
        charset: the run's, for its direction.
    """

    needs = ("label",)
    gives = ("label", "text")

    def __init__(
        self,
        form: Literal["NFC", "NFD", "NFKC", "NFKD"] | None = None,
        whitespace: bool = True,
        bidi: bool = True,
        charset: Charset | None = None,
    ) -> None:
        moves = charset is not None and charset.direction == "rtl"
        if charset is not None and right_to_left_entries(charset.keys) and moves != bidi:
            wanted = "auto or rtl" if bidi else "ltr"
            raise ValueError(
                f"bidi is {str(bidi).lower()}, but Global.text_direction makes the direction {charset.direction}; "
                f"set it to {wanted}, or bidi to {str(moves).lower()}"
            )
        self.form, self.whitespace = form, whitespace

    def spelt(self, text: str) -> str:
        """The text in this step's spelling."""
        return normalised(text, self.form, self.whitespace)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        sample["label"] = sample["text"] = self.spelt(sample["label"])
        return sample
