"""PaddleOCR's MultiScaleSampler: batch sizes per shape and their counts. Which samples meet is exempt: ours are drawn anew."""

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ppocr_like.data.multi_scale_sampler import MultiScaleSampler

ROOT = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(not ROOT, reason="PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here")


class Counted:
    def __init__(self, case):
        self.count, self.ds_width = case["samples"], case["ds_width"]
        self.ratio = np.array(case.get("wh_ratio") or [1.0] * self.count)

    def epoch_indices(self, epoch):
        return np.arange(self.count)

    def sizes(self, progress=True):
        return np.stack([np.rint(self.ratio * 1000), np.full(self.count, 1000)], axis=1).astype(np.int32)


def test_counts():
    path = Path(ROOT or ".") / "parity" / "ops" / "13_multi_scale_sampler.json"
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    for case in cases:
        sampler = MultiScaleSampler(**case["arguments"], dataset=Counted(case), seed=1)
        assert sorted(map(list, sampler.pairs)) == sorted(case["pairs"]), case["name"]
        for epoch, reference in enumerate(case["epochs"]):
            batches = list(sampler.epoch(epoch))
            assert len(batches) == case["length"] == len(reference)
            if case["samples"] < max(count for *_, count in sampler.pairs) or case["ds_width"]:
                # Too few to fill a batch: PaddleOCR's short one depends on its order. ds_width: its widths are in `ratio`.
                ours, theirs = Counter(b[0].size[1] for b in batches), Counter(height for _, height, *_ in reference)
            else:
                ours = Counter((*b[0].size, len(b)) for b in batches)
                theirs = Counter(tuple(entry[:3]) for entry in reference)
            assert ours == theirs, case["name"]
    assert len(cases) == 15
