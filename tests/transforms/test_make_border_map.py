"""MakeBorderMap."""

import numpy as np
import pytest

from ppocr_like.transforms.make_border_map import MakeBorderMap
from ppocr_like.transforms.make_shrink_map import MakeShrinkMap

BOX = [[20, 20], [120, 20], [120, 60], [20, 60]]
FAR = [[220, 20], [320, 20], [320, 60], [220, 60]]


def border(polys, op=None, ignored=None, size=(100, 150), **more):
    polys = np.array(polys, np.float32)
    sample = {"image": np.zeros((*size, 3), np.uint8), "polys": polys, "ignore_tags": np.array(ignored or [False] * len(polys))}
    return (op or MakeBorderMap())({**sample, **more}, None)


def shifted(polygon, x, y):
    return [[px + x, py + y] for px, py in polygon]


def test_the_ridge_falls_from_the_outline_on_both_sides():
    out = border([BOX])
    surface, mask = out["threshold_map"], out["threshold_mask"]
    assert surface.dtype == mask.dtype == np.float32
    # The distance is 12 px: see the kernel's test.
    column = surface[:, 70]
    want = np.clip(0.7 - 0.4 * np.minimum(np.abs(np.arange(100) - 20), np.abs(np.arange(100) - 60)) / 12, 0.3, None)
    assert np.abs(column - want).max() < 2e-6
    assert mask[:, 70].nonzero()[0].tolist() == list(range(8, 73))
    assert mask[70 - 30].nonzero()[0].tolist() == list(range(8, 133))
    assert surface[20 - 3, 20 - 4] == pytest.approx(0.7 - 0.4 * 5 / 12)  # to the corner
    assert mask[9, 9] == 0  # round


def test_limits_and_the_epoch():
    out = border([BOX], MakeBorderMap(thresh_min=0.2, thresh_max=0.9))
    assert (out["threshold_map"].min(), out["threshold_map"].max()) == (np.float32(0.2), np.float32(0.9))
    growing = border([BOX], MakeBorderMap(total_epoch=10), epoch=5)
    assert np.array_equal(growing["threshold_map"], border([BOX], MakeBorderMap(shrink_ratio=0.5))["threshold_map"])
    flat = border([BOX], MakeBorderMap(shrink_ratio=0.8, total_epoch=10), epoch=10)
    assert np.unique(flat["threshold_map"]).tolist() == [np.float32(0.3)]
    assert flat["threshold_mask"].sum() == 101 * 41


def test_ridges_meet_at_the_larger_value():
    other = shifted(BOX, 0, 44)
    both, one, two = border([BOX, other]), border([BOX]), border([other])
    assert np.array_equal(both["threshold_map"], np.maximum(one["threshold_map"], two["threshold_map"]))
    assert np.array_equal(both["threshold_mask"], np.maximum(one["threshold_mask"], two["threshold_mask"]))


def test_ignored_unknown_and_empty_polygons_draw_nothing():
    line, unknown = [[20, 20], [120, 20], [70, 20], [60, 20]], [[np.nan, 20], [120, 20], [120, 60], [20, 60]]
    huge = (np.array(BOX) * 1e7).tolist()
    out = border([BOX, line, unknown, huge], ignored=[True, False, False, False])
    assert not out["threshold_mask"].any()
    assert (out["threshold_map"] == np.float32(0.3)).all()
    assert out["outside_polys"] == 0
    assert out["ignore_tags"].tolist() == [True, False, False, False]
    assert not MakeBorderMap()({"image": np.zeros((5, 5, 3)), "polys": [], "ignore_tags": []}, None)["threshold_mask"].any()


def test_a_polygon_outside_is_ignored_and_counted():
    below = shifted(BOX, 0, 200)
    out = border([BOX, FAR, below, shifted(FAR, -500, -500)])
    assert out["outside_polys"] == 3
    assert out["ignore_tags"].tolist() == [False, True, True, True]
    assert np.array_equal(out["threshold_map"], border([BOX])["threshold_map"])


def test_the_ridge_of_a_polygon_just_outside_reaches_in():
    out = border([[[155, 20], [255, 20], [255, 60], [155, 60]]])
    assert out["outside_polys"] == 0
    assert out["threshold_mask"][40].nonzero()[0].tolist() == list(range(143, 150))
    assert out["threshold_map"][40, 149] == pytest.approx(0.7 - 0.4 * 6 / 12)


def test_order_of_the_two_maps():
    polys = np.array([BOX, shifted(BOX, 60, 30)], np.float32)
    sample = {"image": np.zeros((100, 150, 3)), "polys": polys, "ignore_tags": np.zeros(2, bool)}
    first = MakeShrinkMap()(MakeBorderMap()(dict(sample), None), None)
    second = MakeBorderMap()(MakeShrinkMap()(dict(sample), None), None)
    assert np.array_equal(first["shrink_map"], second["shrink_map"])
    assert np.array_equal(first["polys"], second["polys"])
    assert not np.array_equal(first["threshold_map"], second["threshold_map"])  # of the polygon as it is, and as it was clipped


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (2, 3), (700, 5)])
def test_canvases_of_any_size(size):
    out = border([BOX, [[0, 0], [9, 0], [9, 9], [0, 9]]], size=size)
    assert out["threshold_map"].shape == out["threshold_mask"].shape == size
    assert out["threshold_map"].max() > 0.6


def test_a_polygon_much_larger_than_the_picture_takes_no_memory():
    out = border([(np.array(BOX) * 8000 - 100000).tolist()])
    assert out["threshold_mask"].all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shrink_ratio": 1.2}, "shrink_ratio is 1.2"),
        ({"thresh_min": 0.7, "thresh_max": 0.3}, "thresh_min is 0.7 and thresh_max 0.3"),
        ({"total_epoch": -3}, "total_epoch is -3"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MakeBorderMap(**arguments)
