"""The time of a chain's steps."""

import time

import numpy as np
import pytest

from ppocr_like.benchmark.steps import PIXELS, READING, step_seconds
from ppocr_like.contracts import Rejected, Request
from ppocr_like.transforms.base import GeometricTransform, Transform, run_chain


class Sleep(Transform):
    def __init__(self, seconds):
        self.seconds = seconds

    def __call__(self, sample, rng):
        time.sleep(self.seconds)
        return sample


class Borrow(Transform):
    """Runs the first step on another sample, as CopyPaste does."""

    def __call__(self, sample, rng):
        sample["first"](dict(sample), rng)
        time.sleep(0.01)
        return sample


class Refuse(Transform):
    def __call__(self, sample, rng):
        raise Rejected("no text")


class Data:
    def __init__(self, steps):
        self.transforms = steps

    def fetch(self, request):
        time.sleep(0.005)
        return run_chain(self.transforms, {"first": self.transforms[0]}, np.random.default_rng(0))


def test_each_step_has_its_own_time():
    steps = [Sleep(0.02), Borrow(), Sleep(0.03), Refuse()]
    data = Data(steps)
    seconds = step_seconds(data, [Request(0, 1)] * 4)
    assert list(seconds) == [READING, "Sleep", "Borrow", "Sleep 2", "Refuse"]
    rounds = 4
    for name, least in ((READING, 0.005), ("Sleep", 2 * 0.02), ("Borrow", 0.01), ("Sleep 2", 0.03)):
        assert rounds * least <= seconds[name] < rounds * (least + 0.015), name
    assert 0 <= seconds["Refuse"] < 0.01
    assert data.transforms is steps


def test_what_the_data_set_asks_its_steps_is_answered_and_a_fault_leaves_the_chain_as_it_was():
    class Faulty(Data):
        def fetch(self, request):
            raise ZeroDivisionError(self.transforms[0].seconds)

    steps = [Sleep(0.25)]
    data = Faulty(steps)
    with pytest.raises(ZeroDivisionError, match=r"0\.25"):
        step_seconds(data, [Request(0, 1)])
    assert data.transforms is steps


class Half(GeometricTransform):
    """Cuts the right half off."""

    def place(self, sample, view, rng):
        time.sleep(0.01)
        width, height = view.size
        return view.cropped((0, 0, width // 2, height), (width // 2, height), (width // 2, height))


class Keep(Transform):
    def __init__(self, images):
        self.images = images

    def __call__(self, sample, rng):
        self.images.append(sample["image"])
        return sample


def test_geometric_steps_still_sample_their_pixels_once():
    images = []
    picture = np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)

    class Pictures(Data):
        def fetch(self, request):
            return run_chain(self.transforms, {"image": picture}, np.random.default_rng(0))

    data = Pictures([Half(), Half(), Keep(images)])
    seconds = step_seconds(data, [Request(0, 1)])
    assert list(seconds) == [READING, "Half", "Half 2", "Keep", PIXELS]
    assert min(seconds["Half"], seconds["Half 2"]) >= 0.01
    assert seconds[PIXELS] > 0  # no bound from above: a busy machine takes its time
    np.testing.assert_array_equal(images[0], picture[:, :16])
