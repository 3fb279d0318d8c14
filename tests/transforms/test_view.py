"""Views: what is sampled once equals what is sampled step by step."""

import cv2
import numpy as np
import pytest

from ppocr_like.transforms.channels import repeat_gray
from ppocr_like.transforms.view import View, move, scaling, shift

from .pages import found, marked, rng


def smooth(width=160, height=120, seed=0):
    noise = rng(seed).integers(0, 256, (height // 12, width // 12, 3), dtype=np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def turn(degrees):
    a = np.deg2rad(degrees)
    return np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])


def close(a, b, most=3.0, edge=3):
    """Mean difference in gray levels away from the edges."""
    a, b = (image[edge:-edge, edge:-edge].astype(float) for image in (a, b))
    return np.abs(a - b).mean() < most


def test_an_untouched_picture_is_the_source():
    image = smooth()
    assert View.whole(image).render() is image


def test_mirroring_moves_no_pixel():
    image = smooth()
    across, step = View.whole(image).mirrored(True)
    np.testing.assert_array_equal(across.render(), image[:, ::-1])
    assert move(np.array([[0.0, 5.0]]), step).tolist() == [[160, 5]]
    both, _ = across.mirrored(False)
    np.testing.assert_array_equal(both.render(), image[::-1, ::-1])


def test_resizing_and_cropping_equal_cv2():
    image = smooth()
    np.testing.assert_array_equal(View.whole(image).resized(240, 90)[0].render(), cv2.resize(image, (240, 90)))
    crop = View.whole(image).cropped((20, 10, 80, 60), (80, 60), (100, 70))
    want = np.zeros((70, 100, 3), np.uint8)
    want[:60, :80] = image[10:70, 20:100]
    np.testing.assert_array_equal(crop.render(), want)
    part = View.whole(image).cropped((20, 10, 80, 60), (120, 90), (130, 100), (10, 5)).render()
    np.testing.assert_array_equal(part[5:95, 10:130], cv2.resize(image[10:70, 20:100], (120, 90)))
    assert not part[:5].any()
    assert not part[:, :10].any()


def test_a_small_picture_is_averaged_not_picked():
    checks = np.indices((400, 400)).sum(0) % 2 * 255
    image = np.repeat(checks[..., None], 3, axis=2).astype(np.uint8)
    assert np.abs(View.whole(image).resized(50, 50)[0].render().astype(int) - 127.5).max() < 2
    turned = View.whole(image).warped(scaling(0.125, 0.125) @ shift(200, 200) @ turn(20) @ shift(-200, -200), 50, 50)
    assert np.abs(turned.render()[20:30, 20:30].astype(int) - 127.5).max() < 12


@pytest.mark.parametrize("gray", [False, True])
def test_one_sampling_equals_many(gray):
    image = smooth()
    image = repeat_gray(image[:, :, 0].copy()) if gray else image
    matrix = shift(80, 60) @ turn(8) @ shift(-80, -60)

    def chain(view, after=lambda view: view):
        view = after(view.mirrored(True)[0])
        view = after(view.warped(matrix, 160, 120))
        view = after(view.resized(300, 225)[0])
        return after(view.cropped((40, 30, 200, 150), (160, 120), (180, 130)))

    once = chain(View.whole(image)).render()
    many = chain(View.whole(image), lambda view: View.whole(view.render())).render()
    assert once.shape == many.shape == (130, 180, 3)
    assert once.strides[2] == (0 if gray else 1)
    assert close(once, many)
    assert not once[120:].any()
    assert not once[:, 160:].any()


def test_what_a_step_cut_does_not_come_back():
    """Turned on its own canvas a picture loses its corners; a later warp to a larger canvas must not show them."""
    image = np.full((100, 100, 3), 200, np.uint8)
    cut = View.whole(image).warped(shift(50, 50) @ turn(45) @ shift(-50, -50), 100, 100)
    assert not cut.complete
    wide = cut.warped(shift(50, 50), 200, 200).render()
    assert not wide[:48].any()
    assert not wide[152:].any()
    assert wide[100, 100].tolist() == [200] * 3
    small = View.whole(image).cropped((10, 10, 50, 50), (50, 50), (50, 50)).warped(shift(20, 20), 100, 100).render()
    assert not small[:20].any()
    assert not small[70:].any()


def test_another_fill_after_a_black_one():
    image = np.full((40, 40, 3), 200, np.uint8)
    view = View.whole(image).warped(shift(10, 10), 60, 60)
    assert view.complete
    out = view.warped(shift(10, 10), 80, 80, (10.0, 20.0, 30.0)).render()
    assert out[0, 0].tolist() == [10, 20, 30]
    assert out[12, 12].tolist() == [0, 0, 0]
    assert out[40, 40].tolist() == [200] * 3


def test_a_gray_picture_with_a_coloured_fill_is_coloured():
    view = View.whole(repeat_gray(np.full((20, 20), 90, np.uint8))).warped(shift(5, 5), 30, 30, (1.0, 2.0, 3.0))
    out = view.render()
    assert out[0, 0].tolist() == [1, 2, 3]
    assert out[15, 15].tolist() == [90] * 3


def test_a_picture_too_long_for_cv2_is_shown():
    image = np.zeros((4, 40_000, 3), np.uint8)
    image[:, 39_000:] = 255
    out = View.whole(image).warped(shift(-38_990, 0) @ turn(0.001), 100, 4).render()
    assert out[2, 50:].min() == 255
    wide = View.whole(image).warped(scaling(0.01, 1) @ turn(0.0001), 400, 4).render()
    assert wide[2, 395].min() > 200
    assert not wide[2, :380].any()


def test_marks_are_where_the_matrix_says():
    sample = marked()
    matrix = np.array([[0.9, 0.2, 10.0], [-0.15, 1.1, 30.0], [2e-4, 1e-4, 1.0]])
    out = View.whole(sample["image"]).warped(matrix, 330, 260).render()
    np.testing.assert_allclose(found(out), move(sample["polys"][0], matrix), atol=0.5)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 3), (40, 1, 3), (2, 3, 1)])
def test_tiny_pictures(shape):
    image = np.full(shape, 77, np.uint8)
    view = View.whole(image).resized(20, 30)[0].mirrored(True)[0].warped(shift(10, 15) @ turn(30) @ shift(-10, -15), 20, 30)
    out = view.cropped((0, 0, 20, 30), (10, 15), (16, 16)).render()
    assert out.shape == (16, 16, shape[2])
    assert out.dtype == np.uint8
    assert 60 <= out[7, 5].min() <= 77
