"""The warp of text lines: moving least squares and its fast form."""

import cv2
import numpy as np
import pytest

from ppocr_like.transforms import tia


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def numbers(seed):
    return rng(seed).random(tia.NUMBERS, np.float32)


def still():
    """Random numbers that move nothing."""
    u = np.full(tia.NUMBERS, 0.5, np.float32)
    u[tia._PERSPECTIVE :] = 0
    u[:2] = 0.0  # three patches
    corners = np.array([0, 3, 4, 7])
    u[tia._DISTORT + 1 + corners] = 0
    u[tia._DISTORT + 1 + 8 + corners] = 0
    return u


def least_squares_by_definition(place, points, moved):
    """The similarity about `place` that takes `points` to `moved` best, solved as a weighted linear system."""
    weights = 1 / np.abs(place - points) ** 2
    rows, values = [], []
    for w, p, q in zip(np.sqrt(weights), points, moved, strict=True):
        rows += [[w * p.real, -w * p.imag, w, 0], [w * p.imag, w * p.real, 0, w]]
        values += [w * q.real, w * q.imag]
    a, b, x, y = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]
    return complex(a, b) * place + complex(x, y)


def test_least_squares_is_the_definition():
    generator = rng(5)
    points = tia._edges(12.0, 4)
    moved = points + generator.normal(size=10) + 1j * generator.normal(size=10)
    places = generator.random(20) * 12 + 3j * generator.random(20)
    got = tia._least_squares(places, points) @ moved
    for place, value in zip(places, got, strict=True):
        assert abs(least_squares_by_definition(place, points, moved) - value) < 1e-4


def test_similarities_are_reproduced_and_points_are_met():
    points = tia._edges(9.0, 3)
    places = rng(1).random(30) * 9 + 3j * rng(2).random(30)
    follow = tia._least_squares(places, points)
    turn = 1.1 * np.exp(0.2j)
    assert np.abs(follow @ (turn * points + 2 - 1j) - (turn * places + 2 - 1j)).max() < 1e-9
    moved = points + rng(3).normal(size=8)
    assert np.abs(tia._least_squares(points, points) @ moved - moved).max() < 1e-4


@pytest.mark.parametrize(("width", "height"), [(20, 20), (100, 32), (333, 47), (3000, 31), (21, 400)])
def test_no_moves_no_change(width, height):
    places = tia.TextWarp().source_places(width, height, still())
    y, x = np.mgrid[0:height, 0:width]
    assert places.shape == (height, width, 2)
    assert np.abs(places - np.stack([x, y], -1)).max() < 2e-3
    image = rng().integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert np.abs(tia.TextWarp()(image, still()).astype(int) - image).max() <= 2


@pytest.mark.parametrize(("width", "height"), [(60, 30), (200, 34), (900, 48)])
def test_places_run_on_and_moves_are_bounded(width, height):
    warp = tia.TextWarp()
    y = np.arange(height)[:, None]
    for seed in range(60):
        places = warp.source_places(width, height, numbers(seed))
        # Half the height for the perspective, a quarter for the distortion, and little overshoot between the points.
        assert np.abs(places[:, :, 1] - y).max() < 1.0 * height
        # Text stays in reading order along the middle of the line.
        assert (np.diff(places[height // 2, :, 0]) > 0).all()


def test_rows_are_those_of_the_whole_and_results_repeat():
    image = cv2.GaussianBlur(rng().integers(0, 256, (40, 200), dtype=np.uint8), (5, 5), 2)
    warp = tia.TextWarp()
    for seed in range(10):
        whole = warp(image, numbers(seed))
        assert np.array_equal(whole[5:], warp(image, numbers(seed), 5))
        assert np.array_equal(whole[:33], warp(image, numbers(seed), 0, 33))
        assert np.array_equal(whole, tia.TextWarp()(image, numbers(seed)))  # kept matrices change nothing


def test_sampling_is_bilinear_at_the_places():
    """Guards against OpenCV 5's reading of an empty second map."""
    image = cv2.GaussianBlur(rng(3).integers(0, 256, (40, 200), dtype=np.uint8), (9, 9), 3)
    warp = tia.TextWarp()
    places = warp.source_places(200, 40, numbers(4))
    x = np.clip(places[:, :, 0], 0, 199)
    y = np.clip(places[:, :, 1], 0, 39)
    left, top = np.minimum(x.astype(int), 198), np.minimum(y.astype(int), 38)
    fx, fy = x - left, y - top
    upper = image[top, left] * (1 - fx) + image[top, left + 1] * fx
    lower = image[top + 1, left] * (1 - fx) + image[top + 1, left + 1] * fx
    assert np.abs(warp(image, numbers(4)) - (upper * (1 - fy) + lower * fy)).max() <= 2


def test_kept_matrices_are_bounded(monkeypatch):
    monkeypatch.setattr(tia, "_KEPT_MATRICES", 10)
    warp = tia.TextWarp()
    for width in range(30, 900, 20):
        warp.source_places(width, 30, numbers(width))
    assert len(warp._matrices) <= 10
