"""Crops: rectified in the text's own direction, vertical lines laid down, edges respected."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppocr_like.convert.crops import cut


def scene() -> np.ndarray:
    """300 x 200 px, smooth in x (blue) and y (green): a crop's colours tell where each pixel came from."""
    image = np.zeros((200, 300, 3), np.uint8)
    image[..., 0] = np.linspace(0, 250, 300)[None, :]
    image[..., 1] = np.linspace(0, 250, 200)[:, None]
    return image


def test_an_upright_box_is_cut_out() -> None:
    image = scene()
    crop = cut(image, np.array([[40, 30], [140, 30], [140, 60], [40, 60]], np.float64))
    assert crop is not None and crop.shape == (30, 100, 3)
    assert np.abs(crop.astype(int) - image[30:60, 40:140].astype(int)).max() <= 2


@pytest.mark.parametrize("start", range(4))
def test_the_first_point_is_the_top_left_of_the_text(start: int) -> None:
    """A page on its head or side, labelled in reading order, gives upright lines."""
    image = scene()
    corners = np.array([[40, 30], [70, 30], [70, 60], [40, 60]], np.float64)  # square, so that nothing is laid down
    crop = cut(image, np.roll(corners, -start, axis=0))
    plain = image[30:60, 40:70]
    assert crop is not None and np.abs(crop.astype(int) - np.rot90(plain, start).astype(int)).max() <= 3


def test_an_anticlockwise_order_mirrors_nothing() -> None:
    image = scene()
    points = np.array([[40, 30], [40, 60], [140, 60], [140, 30]], np.float64)
    crop = cut(image, points)
    assert crop is not None and np.abs(crop.astype(int) - image[30:60, 40:140].astype(int)).max() <= 2


def test_a_turned_line_is_upright() -> None:
    """The line of a rotated page equals the line of the page."""
    image = scene()
    points = np.array([[80, 80], [200, 80], [200, 110], [80, 110]], np.float64)
    matrix = cv2.getRotationMatrix2D((150, 100), 20, 1)
    turned = cv2.warpAffine(image, matrix, (300, 200), flags=cv2.INTER_CUBIC)
    there = cv2.transform(points.reshape(-1, 1, 2), matrix).reshape(-1, 2)
    crop = cut(turned, there)
    assert crop is not None and crop.shape == (30, 120, 3)
    assert np.abs(crop.astype(int) - image[80:110, 80:200].astype(int)).mean() < 1.5


def test_a_vertical_line_is_laid_down() -> None:
    image = scene()
    crop = cut(image, np.array([[40, 30], [60, 30], [60, 130], [40, 130]], np.float64))
    assert crop is not None and crop.shape == (20, 100, 3)
    assert np.abs(crop.astype(int) - np.rot90(image[30:130, 40:60]).astype(int)).max() <= 2
    square = cut(image, np.array([[40, 30], [60, 30], [60, 59], [40, 59]], np.float64))
    assert square is not None and square.shape == (29, 20, 3)


def test_a_polygon_is_cut_as_its_smallest_rectangle() -> None:
    points = np.array([[40, 40], [90, 30], [140, 40], [140, 70], [90, 60], [40, 70]], np.float64)
    crop = cut(scene(), points)
    assert crop is not None and crop.shape[0] == 40 and crop.shape[1] == 100


def test_edges_repeat_and_the_outside_is_none() -> None:
    image = np.full((50, 80, 3), 200, np.uint8)
    over = cut(image, np.array([[-10, -10], [60, -10], [60, 20], [-10, 20]], np.float64))
    assert over is not None and over.shape == (30, 70, 3) and (over == 200).all()
    assert cut(image, np.array([[100, 10], [150, 10], [150, 30], [100, 30]], np.float64)) is None
    assert cut(image, np.array([[0, 0], [9000, 0], [9000, 9000], [0, 9000]], np.float64)) is None, "of another image's size"


def test_far_right_of_a_very_wide_image() -> None:
    """Beyond 32,767 px OpenCV's warp cannot look up its source; the crop's own region is warped."""
    image = np.zeros((40, 40000, 1), np.uint8)
    image[:, 39000:39100] = 255
    crop = cut(np.repeat(image, 3, axis=2), np.array([[39000, 5], [39100, 5], [39100, 35], [39000, 35]], np.float64))
    assert crop is not None and crop.shape == (30, 100, 3) and crop[:, 2:-2].min() >= 250
