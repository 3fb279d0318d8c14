"""One spelling for all labels."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.registry import TRANSFORMS
from ppocr_like.text import Direction, normalised, right_to_left_entries
from ppocr_like.transforms.base import Sample, Transform

# Directions that may stand beside a `base_dir`.
ACCEPTED: dict[str, tuple[Direction, ...]] = {"auto": ("bidi", "rtl"), "L": ("bidi_ltr",), "R": ("bidi_rtl",)}


@TRANSFORMS.register()
class TextNormalize(Transform):
    """Brings `label` (str) into one spelling: Unicode form, then blanks; the order of the page follows when it is encoded.

    Gives `text`, the label as it is now, by which `info`, the metrics, and the counts of characters know it. Stands before
    the step that encodes, in training and in evaluation alike.

    Args:
        form: Unicode form; null leaves it as it is.
        whitespace: each blank of any kind (`\\s`) becomes U+0020, those at the ends go; several in a row stay.
        bidi: labels are in reading order and are encoded in the order of the page (UAX #9); texts that are read come back in
            reading order. false: nothing is moved.
        base_dir: base direction of the lines: `L`, `R`, or `auto`: the one that the line's file tells (ALTO, PAGE), else that of
            its first strong character. `Global.text_direction`, where it is not `auto`, must agree; `rtl` may stand beside `auto`
            and gives a line with a right-to-left letter the base direction R.
        charset: the run's, for its direction.
    """

    needs = ("label",)
    gives = ("label", "text")

    def __init__(
        self,
        form: Literal["NFC", "NFD", "NFKC", "NFKD"] | None = None,
        whitespace: bool = True,
        bidi: bool = True,
        base_dir: Literal["auto", "L", "R"] = "auto",
        charset: Charset | None = None,
    ) -> None:
        accepted = ACCEPTED[base_dir] if bidi else ("ltr",)
        if charset is not None and right_to_left_entries(charset.keys) and charset.direction not in accepted:
            told = f"bidi is {str(bidi).lower()}" + (f" and base_dir {base_dir}" if bidi else "")
            raise ValueError(
                f"{told}, but Global.text_direction makes the direction {charset.direction}; "
                f"set it to auto or {' or '.join(accepted)}, or change this step"
            )
        self.form, self.whitespace = form, whitespace

    def spelt(self, text: str) -> str:
        """The text in this step's spelling."""
        return normalised(text, self.form, self.whitespace)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        sample["label"] = sample["text"] = self.spelt(sample["label"])
        return sample
