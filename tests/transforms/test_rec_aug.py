"""RecAug and BaseDataAugmentation: what each step does, determinism, ranges."""

import pickle

import cv2
import numpy as np
import pytest

from ppocr_like.transforms.channels import repeat_gray
from ppocr_like.transforms.rec_aug import BaseDataAugmentation, RecAug

NONE = {"crop_prob": 0, "reverse_prob": 0, "noise_prob": 0, "jitter_prob": 0, "blur_prob": 0, "hsv_aug_prob": 0}
BASE = [name.removesuffix("_prob") for name in NONE]


def rng(seed=0):
    return np.random.Generator(np.random.PCG64([1024, 1, seed, 0]))


def line(height=40, width=200, text="Total 12.50"):
    image = np.full((height, width, 3), (200, 210, 220), np.uint8)
    cv2.putText(image, text, (8, height - 12), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (30, 20, 10), 2, cv2.LINE_AA)
    return image


def apply(op, image, seed=0):
    return op({"image": image}, rng(seed))["image"]


def only(name):
    return BaseDataAugmentation(**{**NONE, f"{name}_prob": 1.0})


OPS = {"RecAug": RecAug(), **{name: only(name) for name in BASE}, "tia": RecAug(1.0, *NONE.values())}


def test_nothing_is_done_at_probability_zero():
    image = line()
    assert np.array_equal(apply(BaseDataAugmentation(**NONE), image), image)
    assert np.array_equal(apply(RecAug(tia_prob=0, **NONE), image), image)


@pytest.mark.parametrize("name", list(OPS))
def test_same_generator_same_picture_and_input_untouched(name):
    image, keep = line(), line()
    first = [apply(OPS[name], image, seed) for seed in range(30)]
    again = [apply(pickle.loads(pickle.dumps(OPS[name])), image, seed) for seed in range(30)]
    assert np.array_equal(image, keep)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    if name not in ("reverse", "jitter", "blur"):  # these have one form at this size
        assert len({a.tobytes() for a in first}) > 5


def test_global_random_state_is_neither_read_nor_changed():
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    apply(OPS["RecAug"], line())
    assert np.array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("name", list(OPS))
def test_gray_stays_gray_and_equals_its_three_channels(name):
    gray = line()[:, :, 0].copy()
    for seed in range(12):
        view = apply(OPS[name], repeat_gray(gray), seed)
        assert view.shape[2] == 3
        assert view.strides[2] == 0
        one = apply(OPS[name], gray[:, :, None], seed)
        assert one.shape == (*view.shape[:2], 1)
        assert np.array_equal(one[:, :, 0], view[:, :, 1])
        if name not in ("noise", "RecAug"):  # a colour picture's channels get noise of their own
            assert np.array_equal(apply(OPS[name], cv2.merge([gray] * 3), seed), view)


def test_crop_takes_1_to_8_px_off_one_end():
    image = np.arange(40, dtype=np.uint8)[:, None, None].repeat(30, 1).repeat(3, 2)
    seen = set()
    for seed in range(300):
        rows = apply(OPS["crop"], image, seed)[:, 0, 0]
        cut = 40 - len(rows)
        assert rows.tolist() in (list(range(cut, 40)), list(range(40 - cut)))
        seen.add((cut, int(rows[0]) > 0))
    assert seen == {(cut, top) for cut in range(1, 9) for top in (False, True)}
    low = line(height=19)
    assert np.array_equal(apply(OPS["crop"], low), low)


def test_reverse():
    assert np.array_equal(apply(OPS["reverse"], line()), 255 - line())


def test_blur():
    assert np.array_equal(apply(OPS["blur"], line()), cv2.GaussianBlur(line(), (5, 5), 1))


def test_hsv_changes_the_brightness_and_keeps_the_hue():
    image = np.full((30, 50, 3), (40, 90, 130), np.uint8)
    gains = []
    for seed in range(200):
        out = apply(OPS["hsv_aug"], image, seed)
        gains.append(out[0, 0, 2] / 130)
        assert np.abs(out[0, 0] / np.array([40, 90, 130]) - gains[-1]).max() < 0.02
    assert 0.69 < min(gains) < 0.75
    assert 1.25 < max(gains) < 1.31


def test_noise_is_gaussian_and_visible():
    image = np.full((60, 400, 3), 128, np.uint8)
    difference = apply(OPS["noise"], image).astype(int) - 128
    assert abs(difference.mean()) < 0.3
    assert abs(difference.std() - 12.75) < 0.3
    # Neither rows nor channels repeat.
    assert abs(np.corrcoef(difference[0].ravel(), difference[1].ravel())[0, 1]) < 0.15
    assert abs(np.corrcoef(difference[:, :, 0].ravel(), difference[:, :, 1].ravel())[0, 1]) < 0.05
    big = apply(OPS["noise"], np.full((600, 1000, 3), 128, np.uint8))  # more values than the table holds
    assert abs(big.astype(int).std() - 12.75) < 0.3


def test_noise_saturates():
    for level in (0, 255):
        out = apply(OPS["noise"], np.full((30, 50, 3), level, np.uint8))
        assert 0.4 < (out == level).mean() < 0.6


def test_jitter_moves_by_a_pixel():
    image = line()
    out = apply(OPS["jitter"], image)
    assert np.array_equal(out[1:, 1:], image[:-1, :-1])


def test_probabilities_are_frequencies():
    counts = dict.fromkeys([*BASE, "tia"], 0)
    image = line()
    rounds = 400
    for name in counts:
        probabilities = {f"{other}_prob": 0.4 if other == name else 0 for other in counts}
        op = RecAug(**probabilities)
        for seed in range(rounds):
            counts[name] += not np.array_equal(apply(op, image, seed), image)
    for name, count in counts.items():
        assert 0.32 < count / rounds < 0.48, name


def test_full_chain_keeps_size_but_for_the_crop_and_keeps_the_text():
    image = line()
    for seed in range(100):
        out = apply(OPS["RecAug"], image, seed)
        assert out.dtype == np.uint8
        assert out.shape[1] == 200
        assert 32 <= out.shape[0] <= 40
        assert out.std() > 8  # there is still something to read


def test_wrong_probability():
    with pytest.raises(ValueError, match=r"noise_prob is 1.5"):
        RecAug(noise_prob=1.5)
    with pytest.raises(ValueError, match=r"tia_prob is -1"):
        RecAug(tia_prob=-1)
