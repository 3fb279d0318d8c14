"""MakeMaskMap and ToGray: the targets and images of the U-Net."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppocr_like.transforms.channels import repeat_gray
from ppocr_like.transforms.gray import ToGray
from ppocr_like.transforms.make_mask_map import MakeMaskMap
from ppocr_like.transforms.normalize import NormalizeImage, ToCHWImage

RNG = np.random.default_rng(0)


def box(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def maps(polys: list, ignored: list[bool], **arguments: object) -> tuple[np.ndarray, np.ndarray]:
    sample = {
        "image": np.zeros((40, 60, 3), np.uint8),
        "polys": np.array(polys, np.float32).reshape(-1, 4, 2),
        "ignore_tags": np.array(ignored, bool),
    }
    sample = MakeMaskMap(**arguments)(sample, RNG)  # type: ignore[arg-type]
    assert sample["shrink_map"].dtype == sample["shrink_mask"].dtype == np.float32
    return sample["shrink_map"], sample["shrink_mask"]


def test_a_word_is_smaller_by_the_distance_on_every_side() -> None:
    text, mask = maps([box(10, 5, 50, 25)], [False])
    rows, columns = np.nonzero(text)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (8, 22, 13, 47)
    assert text.sum() == 15 * 35 and mask.all()
    assert maps([box(10, 5, 50, 25)], [False], shrink_distance=0)[0].sum() == 21 * 41


def test_touching_words_come_apart() -> None:
    text, _ = maps([box(5, 5, 28, 25), box(28, 5, 55, 25)], [False, False])
    assert cv2.connectedComponents((text > 0).astype(np.uint8))[0] - 1 == 2


def test_what_is_ignored_or_vanishes_is_not_counted() -> None:
    text, mask = maps([box(10, 5, 50, 25), box(5, 30, 55, 34), box(12, 8, 20, 20)], [False, False, True])
    assert text[8:23, 13:48].all()
    assert not mask[30:35, 5:56].any()  # 4 px high: nothing left of it
    assert mask[:26].sum() == 26 * 60 - (20 - 8 + 1) * (20 - 12 + 1) + text[8:21, 12:21].sum()
    text, mask = maps([box(10, 5, 50, 25)], [True], ignored_is_text=True)
    assert text.sum() == 15 * 35 and mask.all()


def test_no_polygons_and_points_that_are_no_numbers() -> None:
    text, mask = maps([], [])
    assert not text.any() and mask.all()
    text, mask = maps([box(10, 5, 50, float("nan"))], [False])
    assert not text.any() and mask.all()
    with pytest.raises(ValueError, match="shrink_distance"):
        MakeMaskMap(-1)


def test_gray_in_minus_half_to_half() -> None:
    image = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    sample = ToGray()({"image": image}, RNG)
    luma = image @ np.array([0.114, 0.587, 0.299])
    assert sample["image"].shape == (5, 7, 1) and np.abs(sample["image"][:, :, 0] - luma).max() <= 1
    gray = sample["image"].copy()
    sample = ToCHWImage()(NormalizeImage("1./255.", [0.5], [1.0], "hwc")(sample, RNG), RNG)
    assert sample["image"].shape == (1, 5, 7) and sample["image"].dtype == np.float32
    assert np.allclose(sample["image"][0], gray[:, :, 0] / 255 - 0.5, atol=1e-6)
    repeated = ToGray()({"image": repeat_gray(np.ascontiguousarray(gray[:, :, 0]))}, RNG)["image"]
    assert np.array_equal(repeated, gray) and np.array_equal(ToGray()({"image": gray}, RNG)["image"], gray)
