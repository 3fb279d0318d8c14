"""MaskPostProcess: what MakeMaskMap takes away comes back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppocr_like.errors import OcrError
from ppocr_like.postprocess.mask import MaskPostProcess, expand
from ppocr_like.transforms.make_mask_map import MakeMaskMap


def drawn(quads: np.ndarray, height: int = 120, width: int = 200) -> np.ndarray:
    sample = {"image": np.zeros((height, width, 1), np.uint8), "polys": quads, "ignore_tags": np.zeros(len(quads), bool)}
    return MakeMaskMap()(sample, np.random.default_rng(0))["shrink_map"]


def test_words_come_back_at_their_own_size_also_turned_ones() -> None:
    turned = cv2.boxPoints(((130, 80), (80, 24), 25))
    upright = np.array([[10, 10], [90, 10], [90, 26], [10, 26]], np.float32)
    maps = drawn(np.stack([upright, turned]))[None, None]
    for factor in (1, 2):  # the source twice as large as the map
        (page,) = MaskPostProcess()({"maps": maps}, {"shape": np.array([[120 * factor, 200 * factor, 1 / factor, 1 / factor]])})
        assert len(page.boxes) == 2
        for box in page.boxes:
            assert box.points.dtype == np.int32 and box.score > 0.9
            near = [np.abs(box.points[:, None] - factor * quad[None]).max(2).min(1).max() for quad in (upright, turned)]
            assert min(near) <= 2.5 * factor


def test_expand_moves_every_side() -> None:
    quad = np.array([[[0, 0], [10, 0], [10, 4], [0, 4]]], np.float32)
    assert expand(quad, 3).tolist() == [[[-3, -3], [13, -3], [13, 7], [-3, 7]]]
    assert np.isfinite(expand(np.zeros((1, 4, 2)), 3)).all() and expand(np.zeros((0, 4, 2)), 3).shape == (0, 4, 2)


def test_thresholds_and_nothing() -> None:
    maps = drawn(np.array([[[10, 10], [90, 10], [90, 26], [10, 26]]], np.float32))[None, None] * 0.6
    shape = {"shape": np.array([[120, 200, 1, 1]])}
    assert len(MaskPostProcess()({"maps": maps}, shape)[0].boxes) == 1
    assert MaskPostProcess(thresh=0.7)({"maps": maps}, shape)[0].boxes == ()
    assert MaskPostProcess(box_thresh=0.7)({"maps": maps}, shape)[0].boxes == ()
    assert MaskPostProcess()({"maps": np.full((1, 1, 8, 8), np.nan)}, shape)[0].boxes == ()


def test_refusals() -> None:
    with pytest.raises(ValueError, match="thresh"):
        MaskPostProcess(thresh=2)
    with pytest.raises(ValueError, match="expand_distance"):
        MaskPostProcess(expand_distance=-1)
    with pytest.raises(ValueError, match="max_candidates"):
        MaskPostProcess(max_candidates=0)
    with pytest.raises(OcrError, match="'maps'"):
        MaskPostProcess()({"ctc": np.zeros((1, 1, 4, 4))}, {"shape": np.ones((1, 4))})
    with pytest.raises(OcrError, match="'shape'"):
        MaskPostProcess()({"maps": np.zeros((1, 1, 4, 4))}, {})
