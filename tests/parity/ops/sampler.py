"""MultiScaleSampler: batch sizes per shape and their counts. Which samples meet is exempt: ours are drawn anew in each epoch."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ppocr_like.data.multi_scale_sampler import MultiScaleSampler

from .reading import Meant, Ops

FILE = "13_multi_scale_sampler"


class Counted:
    """A data set of so many samples."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.count, self.ds_width = case["samples"], case["ds_width"]
        self.ratio = np.array(case.get("wh_ratio") or [1.0] * self.count)

    def epoch_indices(self, epoch: int) -> np.ndarray:
        return np.arange(self.count)

    def sizes(self, progress: bool = True) -> np.ndarray:
        return np.stack([np.rint(self.ratio * 1000), np.full(self.count, 1000)], axis=1).astype(np.int32)


def check(case: dict[str, Any], ops: Ops) -> str | None:
    arguments = {key: value for key, value in case["arguments"].items() if key != "name"}
    sampler = MultiScaleSampler(**arguments, dataset=Counted(case), seed=1)
    assert sorted(map(list, sampler.pairs)) == sorted(case["pairs"])
    for epoch, reference in enumerate(case["epochs"]):
        batches = list(sampler.epoch(epoch))
        assert len(batches) == case["length"] == len(reference), f"{len(batches)} batches instead of {len(reference)}"
        if case["samples"] < max(count for *_, count in sampler.pairs) or case["ds_width"]:
            # Too few to fill a batch: PaddleOCR's short one depends on its order. ds_width: its widths are in `ratio`.
            ours, theirs = Counter(b[0].size[1] for b in batches), Counter(height for _, height, *_ in reference)
        else:
            ours = Counter((*b[0].size, len(b)) for b in batches)
            theirs = Counter(tuple(entry[:3]) for entry in reference)
        assert ours == theirs
    return Meant("drawn anew in each epoch: batch sizes and counts agree")
