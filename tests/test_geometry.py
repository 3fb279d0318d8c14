"""Polygon arithmetic."""

from __future__ import annotations

import numpy as np

from ppocr_like.geometry import clockwise_quad, offset, perimeter, signed_area, smallest_box

SQUARE = np.array([[10, 10], [30, 10], [30, 30], [10, 30]], np.float32)


def test_area_has_the_sign_of_the_direction() -> None:
    assert signed_area(SQUARE) == 400
    assert signed_area(SQUARE[::-1]) == -400
    assert perimeter(SQUARE) == 80


def test_offset_shrinks_grows_and_vanishes() -> None:
    (smaller,) = offset(SQUARE, -5)
    assert smaller.min() == 15 and smaller.max() == 25
    (larger,) = offset(SQUARE, 5)
    assert larger.min() == 5 and larger.max() == 35 and len(larger) > 4
    assert offset(SQUARE, -11) == []


def test_offset_can_cut_a_polygon_in_two() -> None:
    dumbbell = np.array(
        [[0, 0], [20, 0], [20, 9], [40, 9], [40, 0], [60, 0], [60, 20], [40, 20], [40, 11], [20, 11], [20, 20], [0, 20]]
    )
    assert len(offset(dumbbell, -3)) == 2


def test_corners_start_at_the_top_left() -> None:
    for start in range(4):
        assert np.array_equal(clockwise_quad(np.roll(SQUARE, start, axis=0)), SQUARE)
    assert np.array_equal(clockwise_quad(SQUARE[::-1]), SQUARE)


def test_smallest_box_of_a_tilted_rectangle() -> None:
    turn = np.deg2rad(20)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = np.array([[0, 0], [60, 0], [60, 12], [0, 12]]) @ rotation.T + 50
    box, short = smallest_box(points)
    assert abs(short - 12) < 1e-3
    assert np.allclose(box, points, atol=1e-3)
