"""Target maps of evaluation pages: drawn at the resized size, of a copy of the polygons."""

import numpy as np
import pytest

from ppocr_like.transforms.det_resize import DetResizeForTest
from ppocr_like.transforms.make_border_map import MakeBorderMap
from ppocr_like.transforms.make_eval_maps import MakeEvalMaps
from ppocr_like.transforms.make_shrink_map import MakeShrinkMap
from ppocr_like.transforms.normalize import ToCHWImage

MAPS = ("threshold_map", "threshold_mask", "shrink_map", "shrink_mask")
RNG = np.random.default_rng(0)


def page(height: int, width: int) -> dict:
    left, right, top, low = 0.2 * width, 0.8 * width, 0.4 * height, 0.6 * height
    polys = np.array([[[left, top], [right, top], [right, low], [left, low]]], np.float32)
    return {"image": np.full((height, width, 3), 200, np.uint8), "polys": polys, "ignore_tags": np.array([False])}


@pytest.mark.parametrize("size", [(100, 200), (64, 64), (300, 90), (20, 30)])
def test_they_are_those_of_the_training_steps_on_polygons_of_that_size(size: tuple[int, int]) -> None:
    sample = DetResizeForTest(image_shape=[160, 128])(page(*size), RNG)
    before = sample["polys"].copy()
    ratios = sample["shape"][2:]
    wanted = {**sample, "polys": before * np.array([ratios[1], ratios[0]], np.float32)}
    for step in (MakeBorderMap(), MakeShrinkMap()):
        wanted = step(wanted, RNG)
    found = MakeEvalMaps([MakeBorderMap(), MakeShrinkMap()])(dict(sample), RNG)
    for name in MAPS:
        assert found[name].shape == (160, 128) and np.array_equal(found[name], wanted[name]), name
    assert found["shrink_map"].sum() > 50
    assert np.array_equal(found["polys"], before) and found["ignore_tags"].tolist() == [False]


def test_pages_without_text_and_ignored_boxes() -> None:
    empty = {**page(64, 64), "polys": np.zeros((0, 4, 2), np.float32), "ignore_tags": np.zeros(0, bool)}
    found = MakeEvalMaps([MakeBorderMap(), MakeShrinkMap()])(DetResizeForTest(image_shape=[64, 64])(empty, RNG), RNG)
    assert found["shrink_map"].sum() == 0 and found["shrink_mask"].all() and not found["threshold_mask"].any()
    ignored = {**page(64, 64), "ignore_tags": np.array([True])}
    found = MakeEvalMaps([MakeShrinkMap()])(DetResizeForTest(image_shape=[64, 64])(ignored, RNG), RNG)
    assert found["shrink_map"].sum() == 0 and not found["shrink_mask"].all()


def test_it_says_what_it_gives_and_refuses_other_steps() -> None:
    assert set(MakeEvalMaps([MakeBorderMap(), MakeShrinkMap()]).gives) >= set(MAPS)
    assert not {"polys", "ignore_tags", "image"} & set(MakeEvalMaps([MakeShrinkMap()]).gives)
    for maps in ([], [ToCHWImage()]):
        with pytest.raises(ValueError, match="maps needs steps that draw polygons"):
            MakeEvalMaps(maps)
