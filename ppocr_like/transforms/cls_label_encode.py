"""The class that a label file names -> its number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ppocr_like.contracts import Rejected
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform


@TRANSFORMS.register()
class ClsLabelEncode(Transform):
    """`label`: the text of the label file ("180") -> its place in `label_list`, as PaddleOCR's ClsLabelEncode.

    Args:
        label_list: the classes' names, in the order of the network's outputs. `Global.label_list` wins.

    Raises (on call):
        Rejected: "unknown class".
    """

    needs = ("label",)
    gives = ("label",)

    def __init__(self, label_list: Sequence[str | int]) -> None:
        if isinstance(label_list, str) or not label_list:
            raise ValueError(f"label_list is {label_list!r}; a list of the classes' names is needed: ['0', '180']")
        self.label_list = [str(label) for label in label_list]

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        if sample["label"] not in self.label_list:
            raise Rejected("unknown class", f"{sample['label']!r} is none of {', '.join(self.label_list)}")
        sample["label"] = np.array(self.label_list.index(sample["label"]), np.int64)
        return sample
