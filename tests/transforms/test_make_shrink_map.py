"""MakeShrinkMap."""

import numpy as np
import pytest

from ppocr_like.transforms.make_shrink_map import MakeShrinkMap

BOX = [[20, 20], [120, 20], [120, 60], [20, 60]]


def shrink(polys, op=None, ignored=None, size=(100, 150), **more):
    polys = np.array(polys, np.float32)
    sample = {"image": np.zeros((*size, 3), np.uint8), "polys": polys, "ignore_tags": np.array(ignored or [False] * len(polys))}
    return (op or MakeShrinkMap())({**sample, **more}, None)


def rows_and_columns(picture):
    rows, columns = np.nonzero(picture)
    return (int(rows.min()), int(rows.max())), (int(columns.min()), int(columns.max()))


def test_the_kernel_lies_area_by_perimeter_inside():
    out = shrink([BOX])
    # 100 * 40 * (1 - 0.4²) / 280 = 12 px
    assert rows_and_columns(out["shrink_map"]) == ((32, 48), (32, 108))
    assert out["shrink_map"].dtype == out["shrink_mask"].dtype == np.float32
    assert out["shrink_map"].sum() == 17 * 77
    assert out["shrink_mask"].all()
    assert not out["ignore_tags"].any()


def test_the_ratio_grows_with_the_epochs_by_a_fifth_in_all():
    growing = MakeShrinkMap(total_epoch=100)
    for epoch, ratio in ((0, 0.4), (50, 0.5), (100, 0.6)):
        now, then = shrink([BOX], growing, epoch=epoch), shrink([BOX], MakeShrinkMap(shrink_ratio=ratio))
        assert np.array_equal(now["shrink_map"], then["shrink_map"])
    assert np.array_equal(shrink([BOX], growing)["shrink_map"], shrink([BOX])["shrink_map"])  # no epoch: the start
    assert np.array_equal(shrink([BOX], epoch=50)["shrink_map"], shrink([BOX])["shrink_map"])
    assert shrink([BOX], MakeShrinkMap(shrink_ratio=0.9, total_epoch=100), epoch=100)["ignore_tags"].all()  # ratio 1.1


@pytest.mark.parametrize(
    ("polygon", "masked"),
    [
        ([[20, 20], [120, 20], [120, 27], [20, 27]], True),  # 7 px high
        ([[20, 20], [120, 20], [120, 28], [20, 28]], False),
        ([[20, 20], [27, 20], [27, 90], [20, 90]], True),  # 7 px wide
        ([[20, 20], [120, 20], [70, 20], [60, 20]], True),  # a line
    ],
)
def test_small_polygons_are_masked_and_ignored(polygon, masked):
    out = shrink([polygon])
    assert out["ignore_tags"].tolist() == [masked]
    assert out["shrink_map"].any() != masked
    assert (out["shrink_mask"][20:28, 20:27].min() == 0) == masked


def test_ignored_polygons_are_masked_and_not_drawn():
    out = shrink([BOX, [[20, 70], [120, 70], [120, 95], [20, 95]]], ignored=[False, True])
    assert rows_and_columns(out["shrink_mask"] == 0) == ((70, 95), (20, 120))
    assert out["shrink_map"][70:].max() == 0
    assert out["shrink_map"][:60].max() == 1


def test_polygons_are_clipped_and_turned_clockwise():
    out = shrink([[[-30, 20], [-30, 60], [200, 60], [200, 20]]])
    assert out["polys"].tolist() == [[[149, 20], [149, 60], [0, 60], [0, 20]]]
    assert rows_and_columns(out["shrink_map"])[1] == (13, 136)


def test_the_caller_keeps_its_arrays():
    polys, tags = np.array([BOX], np.float32)[:, ::-1].copy(), np.array([False])
    before = polys.copy()
    MakeShrinkMap(min_text_size=500)({"image": np.zeros((50, 50, 3)), "polys": polys, "ignore_tags": tags}, None)
    assert np.array_equal(polys, before)
    assert not tags.any()


def test_a_polygon_that_falls_apart_is_shrunk_less_or_drawn_in_parts():
    halter = [[0, 0], [60, 0], [60, 23], [80, 23], [80, 0], [140, 0], [140, 60], [80, 60], [80, 37], [60, 37], [60, 60], [0, 60]]
    halter = (np.array(halter) + 5).tolist()
    assert _parts(shrink([halter], MakeShrinkMap(shrink_ratio=0.4))) == 1  # 0.8 leaves one
    assert _parts(shrink([halter], MakeShrinkMap(shrink_ratio=0.6))) == 2  # no multiple of 0.6 below 1 is left to try


def _parts(sample):
    return int((np.diff(sample["shrink_map"].max(axis=0), prepend=0) == 1).sum())


def test_nothing_and_unknown_coordinates():
    out = shrink(np.zeros((0, 4, 2)))
    assert out["polys"].shape == (0, 4, 2)
    assert out["shrink_mask"].all()
    assert MakeShrinkMap()({"image": np.zeros((5, 5, 3)), "polys": [], "ignore_tags": []}, None)["shrink_mask"].all()
    out = shrink([[[np.nan, 20], [120, 20], [120, 60], [20, 60]], BOX])
    assert out["ignore_tags"].tolist() == [True, False]
    assert out["shrink_mask"].all()
    assert out["shrink_map"].any()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (2, 3), (700, 5)])
def test_canvases_of_any_size(size):
    out = shrink([BOX, [[0, 0], [3, 0], [3, 3], [0, 3]]], size=size)
    assert out["shrink_map"].shape == out["shrink_mask"].shape == size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shrink_ratio": 0}, "shrink_ratio is 0; it must lie between 0 and 1"),
        ({"shrink_ratio": 1.0}, "shrink_ratio is 1.0"),
        ({"total_epoch": 0}, "total_epoch is 0; it must be at least 1"),
        ({"min_text_size": -1}, "min_text_size is -1"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MakeShrinkMap(**arguments)
