"""The instruments of the benchmark."""

import time

import cv2
import numpy as np
import pytest
import torch

from ppocr_like.benchmark.measure import batch_of, canvases, first_requests, one_core, without_augmentation
from ppocr_like.benchmark.settings import Shape
from ppocr_like.benchmark.timed_loader import TimedLoader
from ppocr_like.config import Recipe
from ppocr_like.contracts import Rejected, Request


def test_shape_reads_and_writes():
    assert Shape.parse("32x3x48x320") == Shape(32, 3, 48, 320)
    assert str(Shape(8, 1, 32, 100)) == "8x1x32x100"


@pytest.mark.parametrize("text", ["", "32x48x320", "32x3x48x0", "ax3x48x320", "32x3x48x320x1", "-1x3x48x320", "²x3x48x320"])
def test_a_wrong_shape_is_refused(text):
    with pytest.raises(ValueError, match="no batch shape"):
        Shape.parse(text)


def test_one_core_is_put_back():
    before = torch.get_num_threads(), cv2.getNumThreads()
    with pytest.raises(RuntimeError), one_core():
        assert torch.get_num_threads() == 1
        assert cv2.getNumThreads() == 1  # OpenCV's 0: no threads of its own
        raise RuntimeError
    assert (torch.get_num_threads(), cv2.getNumThreads()) == before


def test_augmentation_is_taken_out_in_both_forms():
    chain = [
        {"DecodeImage": {"img_mode": "BGR"}},
        {"RecAug": None},
        {"name": "BaseDataAugmentation", "blur_prob": 1},
        {"KeepKeys": {}},
    ]
    recipe = Recipe.from_tree({"Train": {"dataset": {"transforms": chain}}, "Global": {}})
    plain = without_augmentation(recipe)
    left = plain.get("Train.dataset.transforms")
    assert left == [{"DecodeImage": {"img_mode": "BGR"}}, {"KeepKeys": {}}]
    assert recipe.get("Train.dataset.transforms") == chain
    assert without_augmentation(plain) is None


class _SlowLoader:
    def steps(self, epoch):
        return 3

    def batches(self, epoch, start=0):
        for number in range(start, 3):
            time.sleep(0.02)
            yield {"number": number}


def test_timed_loader_counts_waiting_only():
    loader = TimedLoader(_SlowLoader())
    seen = []
    for batch in loader.batches(1, 1):
        seen.append(batch["number"])
        time.sleep(0.4)
    assert seen == [1, 2]
    assert 0.04 <= loader.waited < 0.4


def test_canvases_are_those_of_most_samples_from_narrow_to_wide():
    plan = [[Request(0, 1, size=(width, 48))] * count for width, count in ((640, 4), (320, 6), (960, 1), (320, 7))]
    assert canvases(plan, 2) == [((320, 48), 13 / 18), ((640, 48), 4 / 18)]
    assert canvases([[Request(0, 1)] * 3], 4) == [(None, 1.0)]
    assert first_requests(plan, 5) == [*plan[0], plan[1][0]]


class _Odd:
    """Every second sample can be used."""

    label_files = ()

    def fetch(self, request):
        if request.index % 2 == 0:
            raise Rejected("even")
        return {"image": np.full((3, 4, 5), request.index, np.float32), "info": request.index}


def test_a_batch_is_filled_up_with_usable_samples_of_its_canvas():
    size = (320, 48)
    plan = [[Request(i, 1, size=size) for i in range(n, n + 4)] for n in (0, 4, 8)]
    plan.insert(1, [Request(99, 1, size=(640, 48))])
    batch = batch_of(_Odd(), plan, size)
    assert batch["info"] == [1, 3, 5, 7]
    assert tuple(batch["image"].shape) == (4, 3, 4, 5)
    assert batch_of(_Odd(), [[Request(2, 1, size=size)]], size) is None
