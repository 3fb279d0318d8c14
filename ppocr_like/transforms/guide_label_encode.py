"""Text -> class indices for the attention heads that guide a CTC head, and for both at once."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from ppocr_like.charset import NRTR_SPECIALS, SAR_SPECIALS, Charset, one_class_each
from ppocr_like.contracts import Rejected
from ppocr_like.registry import TRANSFORMS
from ppocr_like.text import BaseDir
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.label_encode import CTCLabelEncode

_ENDS = 2  # classes of a vector that begin and end it


class _GuideLabelEncode(Transform):
    """What both do: characters to classes, between a beginning and an end, padded to `max_text_length`.

    Gives `label` (max_text_length,) int64 and `length` 0-d int64 (characters, without beginning and end). Characters that the
    character set lacks are left out.

    Args:
        max_text_length: length of the vector, and most characters of a text, counted before unknown ones are dropped. Known
            characters may be `max_text_length - 2` at most, as in PaddleOCR: beginning and end have their places.
        character_dict_path, use_space_char: where the set comes from when no `charset` is handed in.
        charset: context of the builder; wins, as Global's keys do.

    Raises (on call):
        Rejected: "empty label", "label too long", "no known characters".
    """

    needs = ("label",)
    gives = ("label", "length")

    def __init__(
        self,
        max_text_length: int,
        character_dict_path: str | None = None,
        use_space_char: bool = False,
        charset: Charset | None = None,
    ) -> None:
        if max_text_length < _ENDS + 1:
            raise ValueError(f"max_text_length is {max_text_length}; a character, the beginning and the end need 3 at least")
        self.max_text_length = max_text_length
        self.charset = Charset.from_file(character_dict_path, use_space_char, "paddle") if charset is None else charset
        one_class_each(self.charset)

    @abstractmethod
    def classes(self, indices: list[int]) -> list[int]:
        """The vector's classes, without padding, of characters whose CTC classes are `indices` (1 is the first character)."""

    @property
    @abstractmethod
    def padding(self) -> int:
        """Class that fills the vector up."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        text = sample["label"]
        sample["label"], count = self.encode(text, sample.get("base_dir", ""))
        sample["length"] = np.array(count, np.int64)
        return sample

    def encode(self, text: str, base_dir: BaseDir = "") -> tuple[np.ndarray, int]:
        """((max_text_length,) int64, known characters) of a text."""
        if not text:
            raise Rejected("empty label")
        if len(text) > self.max_text_length:
            raise Rejected("label too long", f"{len(text)} characters, max_text_length is {self.max_text_length}")
        indices = self.charset.encode(text, base_dir)
        if not indices:
            raise Rejected("no known characters", f"{text!r}")
        most = self.max_text_length - _ENDS
        if len(indices) > most:
            name = type(self).__name__
            raise Rejected("label too long", f"{len(indices)} characters; {name} takes max_text_length - {_ENDS} = {most}")
        label = np.full(self.max_text_length, self.padding, np.int64)
        label[: len(indices) + _ENDS] = self.classes(indices)
        return label, len(indices)


@TRANSFORMS.register()
class NRTRLabelEncode(_GuideLabelEncode):
    """For NRTRHead, as PaddleOCR's NRTRLabelEncode: classes blank, <unk>, <s>, </s>, then the characters; `<s> text </s>`,
    filled up with 0.
    """

    padding = 0

    def classes(self, indices: list[int]) -> list[int]:
        # The set's own class 0 is CTC's blank, so that its characters begin at 1.
        return [2, *(index - 1 + len(NRTR_SPECIALS) for index in indices), 3]


@TRANSFORMS.register()
class SARLabelEncode(_GuideLabelEncode):
    """For SARHead, as PaddleOCR's SARLabelEncode: the characters from 0 on, then <UKN>, <BOS/EOS>, <PAD>;
    `<BOS/EOS> text <BOS/EOS>`, filled up with <PAD>.
    """

    @property
    def padding(self) -> int:
        return self.charset.num_classes - 1 + SAR_SPECIALS.index("<PAD>")

    def classes(self, indices: list[int]) -> list[int]:
        end = self.charset.num_classes - 1 + SAR_SPECIALS.index("<BOS/EOS>")
        return [end, *(index - 1 for index in indices), end]


GUIDES: dict[str | None, type[_GuideLabelEncode]] = {
    None: SARLabelEncode,
    "SARLabelEncode": SARLabelEncode,
    "NRTRLabelEncode": NRTRLabelEncode,
}


@TRANSFORMS.register()
class MultiLabelEncode(Transform):
    """Targets of a CTC head and of the head that guides it, as PaddleOCR's MultiLabelEncode.

    Gives `label_ctc` (max_text_length,) int64 (`CTCLabelEncode`), the guide's vector (max_text_length,) int64 as `label_sar`,
    or as `label_gtc` where `gtc_encode` is written, `length` 0-d int64. `label` stays the text.

    Args:
        max_text_length: see CTCLabelEncode; the guide takes two characters less, and a text that it rejects is rejected.
        character_dict_path, use_space_char: where the set comes from when no `charset` is handed in.
        gtc_encode: "SARLabelEncode" (also the guide when it is left out) or "NRTRLabelEncode".
        charset: context of the builder; wins, as Global's keys do.

    Raises (on call):
        Rejected: "empty label", "label too long", "no known characters".
    """

    needs = ("label",)

    def __init__(
        self,
        max_text_length: int,
        character_dict_path: str | None = None,
        use_space_char: bool = False,
        gtc_encode: str | None = None,
        charset: Charset | None = None,
    ) -> None:
        if gtc_encode not in GUIDES:
            accepted = ", ".join(name for name in GUIDES if name)
            raise ValueError(f"gtc_encode is {gtc_encode!r}; accepted: {accepted}, or null for SARLabelEncode")
        charset = Charset.from_file(character_dict_path, use_space_char, "paddle") if charset is None else charset
        self.ctc = CTCLabelEncode(max_text_length, charset=charset)
        self.guide = GUIDES[gtc_encode](max_text_length, charset=charset)
        self.guide_kind = "nrtr" if gtc_encode == "NRTRLabelEncode" else "sar"  # which head can read the vector
        self.guide_entry = "label_sar" if gtc_encode is None else "label_gtc"
        self.gives = ("label_ctc", self.guide_entry, "length")

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        text = sample["label"]
        base_dir: BaseDir = sample.get("base_dir", "")
        target = self.ctc({"label": text, "base_dir": base_dir}, rng)
        sample[self.guide_entry], _ = self.guide.encode(text, base_dir)
        sample["label_ctc"], sample["length"] = target["label"], target["length"]
        return sample
