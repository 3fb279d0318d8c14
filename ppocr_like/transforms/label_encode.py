"""Text -> class indices for CTC."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.contracts import Rejected
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform


@TRANSFORMS.register()
class CTCLabelEncode(Transform):
    """Encodes `label` (str), as PaddleOCR's CTCLabelEncode.

    Gives `label` (max_text_length,) int64 padded with 0, `length` 0-d int64, `label_ace` (classes,) int64 (how often each
    class stands in the padded label; entry 0 counts the padding). Characters that the character set lacks are left out, as in
    PaddleOCR; they are counted and named at start (`data.census`).

    Args:
        max_text_length: most characters of a label, counted before unknown ones are dropped, and most classes.
        character_dict_path, use_space_char: where the set comes from when no `charset` is handed in.
        charset: context of the builder; wins, as Global's keys do.
        empty: of a label without text: "skip" rejects it, as in PaddleOCR; "keep" gives length 0: nothing is to be read.

    Raises (on call):
        Rejected: "empty label", "label too long", "no known characters".
    """

    needs = ("label",)
    gives = ("label", "length", "label_ace")

    def __init__(
        self,
        max_text_length: int,
        character_dict_path: str | None = None,
        use_space_char: bool = False,
        charset: Charset | None = None,
        empty: Literal["skip", "keep"] = "skip",
    ) -> None:
        if max_text_length < 1:
            raise ValueError(f"max_text_length is {max_text_length}; it must be at least 1")
        self.max_text_length = max_text_length
        self.keep_empty = empty == "keep"
        self.charset = Charset.from_file(character_dict_path, use_space_char, "paddle") if charset is None else charset

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        text = sample["label"]
        if not text and not self.keep_empty:
            raise Rejected("empty label")
        if len(text) > self.max_text_length:
            raise Rejected("label too long", f"{len(text)} characters, max_text_length is {self.max_text_length}")
        indices = self.charset.encode(text, sample.get("base_dir", ""))
        if text and not indices:
            raise Rejected("no known characters", f"{text!r}")
        if len(indices) > self.max_text_length:
            raise Rejected("label too long", f"the codec makes {len(indices)} classes, max_text_length is {self.max_text_length}")
        label = np.zeros(self.max_text_length, np.int64)
        label[: len(indices)] = indices
        sample["label"] = label
        sample["length"] = np.array(len(indices), np.int64)
        sample["label_ace"] = np.bincount(label, minlength=self.charset.num_classes)
        return sample
