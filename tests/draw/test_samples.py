"""Sheets of a training sample's image, outlines and target maps."""

from __future__ import annotations

import numpy as np

from ppocr_like.draw.boxes import IGNORED, TRUE
from ppocr_like.draw.samples import grid, sample_sheet


def test_a_sheet_holds_every_map() -> None:
    image = np.full((60, 80, 3), 90, np.uint8)
    polygons = np.array([[[10, 10], [50, 10], [50, 30], [10, 30]], [[10, 40], [50, 40], [50, 50], [10, 50]]], np.float32)
    kernel = np.zeros((60, 80), np.float32)
    kernel[15:25, 15:45] = 1
    before = image.copy()
    sheet = sample_sheet(image, polygons, np.array([False, True]), {"shrink_map": kernel, "shrink_mask": np.ones((60, 80))})
    assert (image == before).all()
    assert sheet.dtype == np.uint8 and sheet.shape == (2 * (60 + 22 + 6) + 6, 3 * (80 + 6) + 6, 3)
    outlined, tinted, drawn = (sheet[28:88, 6 + 86 * n : 86 + 86 * n] for n in range(3))
    for colour, y in ((TRUE, 10), (IGNORED, 40)):
        assert np.abs(outlined[y, 30].astype(int) - colour).max() <= 16
    assert tinted[20, 30, 2] > tinted[20, 30, 0] + 60 and (np.ptp(tinted[5, 5].astype(int)) == 0)
    assert (drawn[20, 30] == 255).all() and (drawn[5, 5] == 0).all()
    assert (sheet[28 + 88 : 88 + 88, 6:86] == 255).all(), "the mask is the first of the second row"


def test_a_page_without_outlines_or_maps() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    assert sample_sheet(image, np.zeros((0, 4, 2), np.float32), np.zeros(0, bool), {}).shape == (20 + 22 + 12, 30 + 12, 3)


def test_outlines_far_away_or_without_numbers_do_no_harm() -> None:
    polygons = np.array([[[1e9, 1e9]] * 4, [[np.nan, 0]] * 4], np.float32)
    sheet = sample_sheet(np.zeros((20, 30, 3), np.uint8), polygons, np.array([False, True]), {})
    assert sheet.shape == (20 + 22 + 12, 30 + 12, 3)


def test_pictures_of_different_sizes_share_a_grid() -> None:
    pictures = [
        ("a", np.zeros((10, 50, 3), np.uint8)),
        ("b", np.zeros((40, 20, 3), np.uint8)),
        ("c", np.zeros((5, 5, 3), np.uint8)),
    ]
    sheet = grid(pictures, 2)
    assert sheet.shape == (2 * (40 + 28) + 6, 2 * 56 + 6, 3)
    assert (sheet[28:38, 6:56] == 0).all() and (sheet[28:68, 62:82] == 0).all() and (sheet[28 + 68 : 33 + 68, 6:11] == 0).all()
