"""Lines cut out of a page."""

import cv2
import numpy as np
import pytest

from ppocr_like.transforms.line_cut import cut_quad

PAGE = np.random.default_rng(1).integers(0, 255, (200, 300, 3)).astype(np.uint8)


def warped(page, corners, width, height):
    """The warp itself, as PaddleOCR's inference does it."""
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(np.asarray(corners, np.float32), target)
    return cv2.warpPerspective(page, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC)


def test_upright_boxes_are_equal_to_the_warp():
    corners = np.array([[20, 30], [120, 30], [120, 60], [20, 60]])
    crop = cut_quad(PAGE, corners)
    assert np.array_equal(crop.image, warped(PAGE, corners, 100, 30))
    assert np.array_equal(crop.image, PAGE[30:60, 20:120])


@pytest.mark.parametrize(
    "corners",
    [
        [[20, 30], [120, 45], [115, 80], [15, 64]],
        [[20.5, 30], [120.5, 30], [120.5, 60], [20.5, 60]],
        [[250, 150], [330, 150], [330, 180], [250, 180]],  # reaches over the page's edge
        [[-20, -5], [60, -5], [60, 25], [-20, 25]],
    ],
)
def test_other_boxes_are_warped(corners):
    crop = cut_quad(PAGE, np.array(corners))
    height, width = crop.image.shape[:2]
    assert np.array_equal(crop.image, warped(PAGE, corners, width, height))
    found = crop.to_page(np.array([[0, 0], [width, 0], [width, height], [0, height]], float))
    assert np.allclose(found, corners, atol=1e-3)


def test_vertical_lines_are_turned_to_the_left_and_know_their_place():
    crop = cut_quad(PAGE, np.array([[40, 20], [60, 20], [60, 120], [40, 120]]))
    assert crop.turned == 90
    assert np.array_equal(crop.image, np.rot90(PAGE[20:120, 40:60]))
    # Turned to the left, its upper left px is the page's upper right one.
    assert np.array_equal(crop.to_page(np.array([[0.0, 0.0]])), [[59, 20]])


@pytest.mark.parametrize("quarters", [1, 2, 3, 4])
def test_turning_keeps_places(quarters):
    crop = cut_quad(PAGE, np.array([[20, 30], [120, 30], [120, 60], [20, 60]]))
    turned = crop.rotated(quarters)
    assert np.array_equal(turned.image, np.rot90(crop.image, quarters))
    for y, x in [(0, 0), (3, 7), (turned.image.shape[0] - 1, turned.image.shape[1] - 1)]:
        there = turned.to_page(np.array([[x, y]], float))[0]
        assert np.array_equal(turned.image[y, x], PAGE[round(there[1]), round(there[0])])
    assert turned.turned == 90 * quarters % 360


def test_a_polygon_gives_its_smallest_rectangle():
    arc = np.array([[20, 40], [70, 30], [120, 40], [120, 60], [70, 50], [20, 60]], float)
    crop = cut_quad(PAGE, arc)
    assert crop.image.shape[0] <= 31 and crop.image.shape[1] >= 99


@pytest.mark.parametrize("corners", [[[5, 5]] * 4, [[5, 5], [90, 5], [90, 5.4], [5, 5.4]]])
def test_regions_without_extent_give_nothing(corners):
    assert cut_quad(PAGE, np.array(corners, float)) is None
