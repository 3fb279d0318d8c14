"""CopyPaste on made pages and on real ones."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from ppocr_like.contracts import Request
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.errors import ConfigError
from ppocr_like.transforms.channels import repeat_gray
from ppocr_like.transforms.decode import DecodeImage
from ppocr_like.transforms.det_label import DetLabelEncode

from .pages import consistent, copied, make, page, rng

ROOT = os.environ.get("PPOCR_LIKE_CASES")
SETS = ("icdar15", "receipts_sroie", "typed_pages")


def rect(x, y, w, h):
    return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]


def target(colour=(10, 10, 10)):
    return page(np.full((300, 400, 3), colour, np.uint8), [rect(150, 100, 100, 80)])


def source(polys=None, colour=(240, 240, 240)):
    """Text regions of one colour on a page of another, which must never be seen."""
    polys = [rect(20, 20, 80, 20), rect(20, 60, 50, 15), rect(20, 100, 30, 30)] if polys is None else polys
    image = np.full((200, 200, 3), (0, 0, 200), np.uint8)
    for poly in polys:
        low, high = np.min(poly, 0).astype(int), np.max(poly, 0).astype(int)
        image[low[1] - 2 : high[1] + 2, low[0] - 2 : high[0] + 2] = colour
    return page(image, polys)


def paste(sample, other, seed=0, **arguments):
    sample["fetch_other"] = lambda generator: None if other is None else copied(other)
    return make("CopyPaste", **arguments)(sample, rng(seed))


def filled(shape, poly):
    """(H, W) bool: px whose middle is well inside a convex polygon given clockwise."""
    rows, columns = np.indices(shape)
    points = np.stack([columns + 0.5, rows + 0.5], -1)
    inside = np.ones(shape, bool)
    for a, b in zip(poly, np.roll(poly, -1, axis=0), strict=True):
        side = (b[0] - a[0]) * (points[..., 1] - a[1]) - (b[1] - a[1]) * (points[..., 0] - a[0])
        inside &= side > 1.2 * np.linalg.norm(b - a)
    return inside


def test_pasted_pixels_lie_in_their_polygons():
    for seed in range(20):
        out = paste(target(), source(), seed, objects_paste_ratio=1.0)
        assert consistent(out)
        assert len(out["polys"]) > 1
        bright = out["image"].min(axis=2) > 120
        near = np.zeros(bright.shape, bool)
        for poly in out["polys"][1:]:
            inside = filled(bright.shape, poly)
            assert inside.sum() > 30
            assert bright[inside].all()
            low, high = np.floor(poly.min(0)).astype(int), np.ceil(poly.max(0)).astype(int)
            near[max(0, low[1]) : high[1] + 1, max(0, low[0]) : high[0] + 1] = True
        assert not bright[~near].any()
        assert not (out["image"][..., 2].astype(int) - out["image"][..., 0] > 60).any(), "the other page's ground is seen"


def test_texts_and_marks_travel_along():
    other = source()
    other["texts"], other["ignore_tags"] = ["a", "b", "c"], np.array([False, True, False])
    names = set()
    for seed in range(20):
        out = paste(target(), other, seed, objects_paste_ratio=1.0)
        assert out["texts"][0] == "t0"
        assert not out["ignore_tags"].any()
        names.update(out["texts"][1:])
    assert names == {"a", "c"}


def test_nothing_is_pasted_onto_text():
    for seed in range(30):
        out = paste(target(), source(), seed, objects_paste_ratio=1.0)
        low, high = out["polys"].min(1), out["polys"].max(1)
        for i in range(len(low)):
            for j in range(i):
                assert (high[i] < low[j]).any() or (high[j] < low[i]).any()
        assert (out["image"][110:170, 160:240] == 10).all()


def test_a_full_page_takes_nothing_unless_told_to():
    full = page(np.zeros((300, 400, 3), np.uint8), [rect(0, 0, 400, 300)])
    assert len(paste(copied(full), source())["polys"]) == 1
    out = paste(copied(full), source(), limit_paste=False, objects_paste_ratio=1.0)
    assert len(out["polys"]) == 4
    assert out["image"].any()


def test_how_many():
    many = source([rect(5 + 40 * (i % 4), 5 + 8 * (i // 4), 30, 5) for i in range(80)])
    room = page(np.zeros((2000, 2000, 3), np.uint8))
    assert len(paste(copied(room), many)["polys"]) == 16
    assert len(paste(copied(room), many, objects_paste_ratio=1.0)["polys"]) == 30
    assert len(paste(copied(room), source(), objects_paste_ratio=0.0)["polys"]) == 1


def test_texts_larger_than_the_page_are_left_out():
    small = page(np.zeros((12, 12, 3), np.uint8))
    out = paste(small, source())
    assert len(out["polys"]) == 0
    assert not out["image"].any()


def test_without_another_sample_nothing_changes():
    sample = target()
    out = paste(copied(sample), None)
    np.testing.assert_array_equal(out["image"], sample["image"])
    assert len(out["polys"]) == 1


def test_the_given_picture_is_left_alone():
    sample = target()
    paste(dict(sample), source())
    assert (sample["image"] == 10).all()


def gray_page(sample):
    return {**sample, "image": repeat_gray(sample["image"][:, :, 1].copy())}


def test_gray_and_coloured_pages():
    both = paste(gray_page(target()), gray_page(source()), objects_paste_ratio=1.0)
    assert both["image"].strides[2] == 0
    assert both["image"].max() >= 239
    onto_gray = paste(gray_page(target()), source(colour=(250, 120, 130)), objects_paste_ratio=1.0)
    assert onto_gray["image"].strides[2] == 1
    assert (onto_gray["image"] == (250, 120, 130)).all(axis=2).any()
    onto_colour = paste(target((10, 20, 30)), gray_page(source()), objects_paste_ratio=1.0)
    assert (onto_colour["image"] == (240, 240, 240)).all(axis=2).any()
    one = target()
    one["image"] = one["image"][:, :, :1].copy()
    assert paste(one, source(), objects_paste_ratio=1.0)["image"].shape == (300, 400, 1)


def test_polygons_of_any_number_of_points():
    hexagon = np.array([[[40, 20], [60, 10], [90, 20], [90, 40], [60, 50], [40, 40]]], np.float32)
    out = paste(target(), source(hexagon), objects_paste_ratio=1.0)
    assert out["polys"].shape == (2, 6, 2)
    np.testing.assert_array_equal(out["polys"][0, 4:], out["polys"][0, [3, 3]])
    sides = [np.linalg.norm(p - np.roll(p, -1, 0), axis=1) for p in (hexagon[0], out["polys"][1])]
    np.testing.assert_allclose(sides[1], sides[0], rtol=0.03)
    padded = source(np.array([[*rect(20, 20, 60, 20), [20, 40], [20, 40]]], np.float32))
    assert paste(target(), padded)["polys"].shape == (2, 6, 2)


def test_degenerate_polygons_are_left_out():
    for poly in ([[5, 5]] * 4, [[5, 5], [50, 5], [50, 5], [5, 5]], [[5, 5], [6, 5.2], [6, 5.4], [5, 5.3]]):
        other = page(np.zeros((60, 60, 3), np.uint8), [poly])
        assert len(paste(target(), other)["polys"]) == 1
    bow = page(np.full((90, 90, 3), 255, np.uint8), [[[10, 10], [60, 40], [60, 10], [10, 40]]])
    assert consistent(paste(target(), bow))


def test_same_generator_same_page():
    a, b = (paste(target(), source(), 4, objects_paste_ratio=1.0) for _ in range(2))
    np.testing.assert_array_equal(a["image"], b["image"])
    np.testing.assert_array_equal(a["polys"], b["polys"])


def test_it_says_that_the_other_sample_has_no_polygons():
    sample = {**target(), "fetch_other": lambda generator: {"image": np.zeros((5, 5, 3), np.uint8)}}
    with pytest.raises(ConfigError, match="must reach to DetLabelEncode"):
        make("CopyPaste")(sample, rng())
    with pytest.raises(ValueError, match="objects_paste_ratio is 2"):
        make("CopyPaste", objects_paste_ratio=2)


@pytest.mark.skipif(not ROOT, reason="PPOCR_LIKE_CASES is not set: the pages are not here")
@pytest.mark.parametrize("name", SETS)
def test_real_pages(name):
    folder = Path(ROOT or ".") / "data" / "det" / name
    chain = [DecodeImage("BGR"), DetLabelEncode(), make("CopyPaste"), make("IaaAugment"), make("EastRandomCropData")]
    data = SimpleDataSet(str(folder), str(folder / "train.txt"), chain, seed=1)
    plain = SimpleDataSet(str(folder), str(folder / "train.txt"), chain[:2], seed=1)
    pasted = 0
    for index in range(0, len(data), max(1, len(data) // 8)):
        out = data.fetch(Request(index, 0))
        assert consistent(out)
        assert out["image"].shape == (640, 640, 3)
        before = plain.fetch(Request(index, 0))
        assert len(json.loads(before["label"])) == len(before["polys"])
        other = plain.fetch(Request((index + 1) % len(plain), 0))
        after = paste(copied(before), other, index)
        pasted += len(after["polys"]) - len(before["polys"])
        assert after["image"].shape == before["image"].shape
    assert pasted > 8
