"""Classifiers' data steps: labels, resizing, views, RandAugment."""

from __future__ import annotations

import numpy as np
import pytest

from ppocr_like.contracts import Rejected, SampleInfo
from ppocr_like.data.collate import collate
from ppocr_like.transforms.cls_label_encode import ClsLabelEncode
from ppocr_like.transforms.cls_resize import ClsResizeImg, SSLRotateResize
from ppocr_like.transforms.rand_augment import RandAugment
from ppocr_like.transforms.rec_resize import RecResizeImg

RNG = np.random.default_rng(0)


def picture(height: int = 40, width: int = 100, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, channels), np.uint8)


def test_labels() -> None:
    encode = ClsLabelEncode(["0", 180])
    assert encode({"label": "180"}, RNG)["label"] == 1
    with pytest.raises(Rejected, match="'90' is none of 0, 180"):
        encode({"label": "90"}, RNG)


@pytest.mark.parametrize("width", [60, 100, 900])
def test_lines_are_resized_as_a_recogniser_s(width: int) -> None:
    sample = {"image": picture(40, width)}
    wanted = RecResizeImg([3, 48, 192])({"image": sample["image"]}, RNG)
    assert np.array_equal(ClsResizeImg([3, 48, 192])(sample, RNG)["image"], wanted["image"])


@pytest.mark.parametrize(("select_all", "turns"), [(True, (0, 1, 2, 3)), (False, (0, 2))])
def test_every_view_is_the_picture_turned_clockwise(select_all: bool, turns: tuple[int, ...]) -> None:
    image = picture()
    step = SSLRotateResize([3, 48, 192], padding=True, select_all=select_all)
    sample = step({"image": image.copy(), "label": "any text"}, RNG)
    assert sample["image"].shape == (len(turns), 3, 48, 192) and sample["label"].tolist() == list(range(len(turns)))
    for view, turn in zip(sample["image"], turns, strict=True):
        alone = np.ascontiguousarray(np.rot90(image, -turn))
        assert np.array_equal(view, ClsResizeImg([3, 48, 192])({"image": alone}, RNG)["image"])


def test_a_test_has_one_view_and_names_must_fit() -> None:
    sample = SSLRotateResize([3, 48, 192], mode="test")({"image": picture()}, RNG)
    assert sample["image"].shape == (3, 48, 192) and sample["label"] == 0
    assert not (sample["image"][:, :, -1] == 0).all()  # stretched, as PaddleOCR's default
    with pytest.raises(ValueError, match="2 names for 4 directions"):
        SSLRotateResize([3, 48, 192], label_list=["0", "180"])


def test_views_are_samples_of_their_own_in_a_batch() -> None:
    step = SSLRotateResize([3, 32, 64], select_all=False, label_list=["0", "180"])
    samples = []
    for index in range(3):
        sample = step({"image": picture(20 + index)}, RNG)
        text = sample.pop("text")
        samples.append({"image": sample["image"], "label": sample["label"], "info": SampleInfo(index, "f", index + 1, "p", text)})
    batch = collate(samples, [])
    assert batch["image"].shape == (6, 3, 32, 64) and batch["label"].tolist() == [0, 1] * 3
    assert [(info.index, info.text) for info in batch["info"]] == [(i, t) for i in range(3) for t in ("0", "180")]
    assert np.array_equal(batch["image"][2:4], samples[1]["image"])


def test_rand_augment_is_repeatable_and_keeps_the_shape() -> None:
    step = RandAugment(prob=1.0, num_layers=2, magnitude=7)
    for channels in (1, 3):
        image = picture(channels=channels)
        changed = [step({"image": image.copy()}, np.random.default_rng(seed))["image"] for seed in range(60)]
        again = [step({"image": image.copy()}, np.random.default_rng(seed))["image"] for seed in range(60)]
        assert all(np.array_equal(a, b) for a, b in zip(changed, again, strict=True))
        assert all(one.shape == image.shape and one.dtype == np.uint8 for one in changed)
        assert sum(not np.array_equal(one, image) for one in changed) > 50
    assert np.array_equal(RandAugment(prob=0.0)({"image": image.copy()}, RNG)["image"], image)


def test_each_change_of_rand_augment_does_what_it_says() -> None:
    step = RandAugment(magnitude=5)
    image = np.full((40, 100, 3), 200, np.uint8)
    image[10:30, 20:80] = 40
    from PIL import Image

    done = [np.asarray(change(Image.fromarray(image), 1.0)) for change in step.changes]
    assert len(done) == 14
    shear_x, shear_y, shift_x, shift_y, turned = done[:5]
    assert all((one == 128).any() for one in (shear_x, shear_y, shift_x, shift_y, turned))  # what is uncovered is gray
    assert (shift_x[:, :77] == image[:, 22:99]).mean() > 0.95  # 150 / 331 / 2 of 100 px to the left
    assert np.array_equal(done[13], 255 - image)
    assert set(np.unique(done[6])) <= {0, 64, 128, 192} and (done[7][0, 0] == 55).all()  # two bits; 128 and above inverted
    assert done[10].mean() > image.mean() and done[8].std() > image.std()
