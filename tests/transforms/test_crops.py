"""EastRandomCropData and RandomCrop: what they cut and what they keep."""

import cv2
import numpy as np
import pytest

from ppocr_like.transforms.clip import clip_to_rect, clipped_quad
from ppocr_like.transforms.east_crop import free_runs

from .pages import boxes, copied, make, page, rng


def rect(x, y, w, h):
    return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]


def test_free_runs():
    starts, ends = free_runs(np.array([10.4, 12, 40, 70, -9, 99, 30]), np.array([20.0, 30, 50, 70, 3, 200, 30]), 100)
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == [(3, 10), (30, 40), (50, 99)]
    assert free_runs(np.array([0.0]), np.array([9.0]), 9)[0].tolist() == []


def test_east_cuts_no_text():
    crop = make("EastRandomCropData", size=(200, 200), max_tries=50)
    parts = 0
    for seed in range(60):
        sample = boxes(6, 400, 300, seed)
        out = crop(copied(sample), rng(seed))
        for poly, text in zip(out["polys"], out["texts"], strict=True):
            old = sample["polys"][int(text[1:])]
            scale = np.ptp(poly[:, 0]) / np.ptp(old[:, 0])
            low, high = poly.min(0), poly.max(0)
            slack = scale * 0.51 + 1e-3  # edges lie on whole px of the page
            apart = (high < slack).any()  # only its edge is in the part
            assert apart or (low >= -slack).all(), (seed, text)
            assert (high <= 200 + slack).all() or (low > 200 - slack).any()
        parts += len(out["polys"]) < 6
    assert parts > 30


def test_east_takes_the_whole_picture_when_text_is_everywhere():
    image = rng().integers(0, 256, (100, 160, 3), dtype=np.uint8)
    out = make("EastRandomCropData", size=(80, 80))(page(image, [rect(0, 0, 160, 100)]), rng())
    np.testing.assert_array_equal(out["image"][:50], cv2.resize(image, (80, 50), interpolation=cv2.INTER_AREA))
    assert not out["image"][50:].any()
    np.testing.assert_allclose(out["polys"][0], rect(0, 0, 80, 50))
    out = make("EastRandomCropData", size=(80, 80), keep_ratio=False)(page(image, [rect(0, 0, 160, 100)]), rng())
    np.testing.assert_allclose(out["polys"][0], rect(0, 0, 80, 80))


def test_east_reaches_the_last_margin():
    """Text at the left, a wide margin at the right: parts end in it."""
    crop, image = make("EastRandomCropData", size=(64, 64), max_tries=50), np.zeros((100, 400, 3), np.uint8)
    image[:, 300:] = 255
    sample = page(image, [rect(20, 20, 30, 10), rect(100, 60, 30, 10)])
    assert any(crop(copied(sample), rng(seed))["image"].any() for seed in range(30))


def test_east_with_everything_ignored_takes_the_whole_picture():
    sample = page(np.zeros((100, 100, 3), np.uint8), [rect(10, 10, 20, 20), rect(60, 60, 20, 20)], [True, True])
    out = make("EastRandomCropData", size=(50, 50), max_tries=50)(sample, rng(3))
    np.testing.assert_allclose(out["polys"], [rect(5, 5, 10, 10), rect(30, 30, 10, 10)])
    assert out["ignore_tags"].tolist() == [True, True]


def test_min_crop_side_ratio():
    crop = make("EastRandomCropData", size=(100, 100), max_tries=50, min_crop_side_ratio=0.6)
    sample = page(np.zeros((200, 200, 3), np.uint8), [rect(90, 90, 20, 20)])
    for seed in range(40):
        out = crop(copied(sample), rng(seed))
        assert np.ptp(out["polys"][0], axis=0).max() <= 20 * 100 / 120 + 1e-3


def test_random_crop_never_enlarges_and_pads_around():
    crop, image = make("RandomCrop", size=(300, 300), max_tries=5), np.full((100, 120, 3), 200, np.uint8)
    places = set()
    for seed in range(20):
        out = crop(page(image, [rect(10, 10, 60, 40)]), rng(seed))
        rows, columns = np.nonzero(out["image"][..., 0])
        assert np.ptp(rows) < 100
        assert np.ptp(columns) < 120
        assert out["image"][rows, columns].min() == 200
        places.add((int(rows.min()), int(columns.min())))
    assert len(places) > 15


def test_random_crop_cuts_texts_and_keeps_what_is_left_inside():
    crop, cut = make("RandomCrop", size=(64, 64), max_tries=50), 0
    for seed in range(80):
        sample = boxes(8, 500, 400, seed, ignored=0.3)
        out = crop(copied(sample), rng(seed))
        assert len(out["polys"]) == len(out["texts"])
        assert (out["polys"] >= -0.01).all()
        assert (out["polys"] <= 64.01).all()
        for poly, text, tag in zip(out["polys"], out["texts"], out["ignore_tags"], strict=True):
            assert tag == sample["ignore_tags"][int(text[1:])]
            ratios = [np.ptp(q[:, 0]) / np.ptp(q[:, 1]) for q in (poly, sample["polys"][int(text[1:])])]
            cut += not tag and ratios[0] < ratios[1] - 0.2
    assert cut > 10


def test_random_crop_drops_what_is_hardly_left():
    """Parts of an 8 px high text that are thinner than a third of it do not count."""
    crop = make("RandomCrop", size=(10, 10), max_tries=1, min_crop_side_ratio=0.01)
    sample = page(np.zeros((40, 40, 3), np.uint8), [rect(0, 0, 40, 20)])
    for seed in range(60):
        out = crop(copied(sample), rng(seed))
        for poly in out["polys"]:
            assert cv2.contourArea(poly) > 0


@pytest.mark.parametrize("name", ["EastRandomCropData", "RandomCrop"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": (0, 5)}, r"size is \[0, 5\]"),
        ({"max_tries": -1}, "max_tries is -1"),
        ({"min_crop_side_ratio": 1.5}, "min_crop_side_ratio is 1.5"),
    ],
)
def test_wrong_arguments(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(name, **arguments)


def test_clipping_to_a_rectangle():
    diamond = np.array([[50, 0], [100, 50], [50, 100], [0, 50]], float)
    cut = clip_to_rect(diamond, (20, 20, 60, 60))
    assert cv2.contourArea(cut.astype(np.float32)) == pytest.approx(60 * 60 - 4 * 10 * 10 / 2, abs=0.01)
    assert len(cut) == 8
    assert len(clip_to_rect(diamond, (200, 200, 5, 5))) == 0
    np.testing.assert_array_equal(clip_to_rect(diamond, (-5, -5, 200, 200)), diamond)


def test_a_cut_outline_becomes_a_quadrilateral():
    diamond = np.array([[50, 0], [100, 50], [50, 100], [0, 50]], float)
    quad = clipped_quad(diamond, (3, 3, 94, 94))
    assert len(quad) == 4
    assert cv2.contourArea(quad) > 0.85 * 5000
    half = clipped_quad(np.array(rect(0, 0, 100, 10), float), (30, -5, 200, 50))
    assert {tuple(p) for p in half.tolist()} == {(30, 0), (100, 0), (100, 10), (30, 10)}
    assert clipped_quad(diamond, (100, 100, 5, 5)) is None
