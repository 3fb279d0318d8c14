"""RecResizeImg and SVTRRecResizeImg."""

import cv2
import numpy as np
import pytest

from ppocr_like.contracts import Rejected
from ppocr_like.transforms.channels import repeat_gray
from ppocr_like.transforms.rec_resize import RecResizeImg, SVTRRecResizeImg


def rng():
    return np.random.Generator(np.random.PCG64(0))


def picture(height, width, channels=3):
    return np.random.Generator(np.random.PCG64(height * width)).integers(0, 256, (height, width, channels), dtype=np.uint8)


def resize(image, op=None, **more):
    return (op or RecResizeImg([3, 48, 320]))({"image": image, **more}, rng())


def test_values_are_the_arithmetic():
    image = picture(48, 100)
    out = resize(image)["image"]
    want = (image.transpose(2, 0, 1).astype(np.float32) / 255 - 0.5) / 0.5
    assert out.dtype == np.float32
    assert np.array_equal(out[:, :, :100], want)
    assert not out[:, :, 100:].any()


# (op, arguments, size) -> canvas width, content width at height 48. PaddleOCR's results (parity file 01).
@pytest.mark.parametrize(
    ("arguments", "height", "width", "canvas", "content"),
    [
        ({}, 32, 100, 320, 150),
        ({}, 30, 900, 320, 320),
        ({"padding": False}, 32, 100, 320, 320),
        ({"eval_mode": True}, 32, 100, 320, 150),
        ({"eval_mode": True}, 30, 900, 1440, 1440),
        ({"infer_mode": True}, 30, 900, 1440, 1440),
        ({"infer_mode": True, "character_dict_path": None}, 30, 900, 320, 320),
        ({"eval_mode": True, "padding": False}, 32, 100, 320, 150),
        ({}, 37, 1, 320, 2),
    ],
)
def test_widths(arguments, height, width, canvas, content):
    out = resize(np.full((height, width, 3), 255, np.uint8), RecResizeImg([3, 48, 320], **arguments))
    assert out["image"].shape == (3, 48, canvas)
    assert (out["image"][:, :, :content] == 1).all()
    assert not out["image"][:, :, content:].any()
    assert out["valid_ratio"] == content / canvas


@pytest.mark.parametrize("op", [RecResizeImg, SVTRRecResizeImg])
def test_target_size_is_the_canvas(op):
    image = picture(32, 100)
    out = resize(image, op([3, 48, 320]), target_size=(200, 64))
    assert out["image"].shape == (3, 64, 200)
    assert out["valid_ratio"] == 1.0
    wide = resize(image, op([3, 48, 320]), target_size=(640, 48))
    assert wide["valid_ratio"] == 150 / 640
    assert np.array_equal(wide["image"][:, :, :150], resize(image)["image"][:, :, :150])
    assert not wide["image"][:, :, 150:].any()
    stretched = resize(image, op([3, 48, 320], padding=False), target_size=(640, 48))
    assert stretched["valid_ratio"] == 1.0


def test_target_size_wins_over_dynamic_width():
    out = resize(picture(30, 900), RecResizeImg([3, 48, 320], eval_mode=True), target_size=(640, 48))
    assert out["image"].shape == (3, 48, 640)


def test_gray_view_equals_a_gray_picture_of_three_channels():
    gray = picture(33, 70, 1)[:, :, 0]
    assert np.array_equal(resize(repeat_gray(gray))["image"], resize(cv2.merge([gray] * 3))["image"])
    assert np.array_equal(resize(gray[:, :, None])["image"], resize(cv2.merge([gray] * 3))["image"])


def test_one_channel():
    image = picture(33, 70)
    out = resize(image, RecResizeImg([1, 48, 320]))["image"]
    assert out.shape == (1, 48, 320)
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    assert np.array_equal(out, resize(gray, RecResizeImg([1, 48, 320]))["image"])


def test_too_elongated_is_rejected_before_memory_is_asked_for():
    with pytest.raises(Rejected, match="image too elongated: 20000 x 1 px would be 960000 px wide"):
        resize(np.zeros((1, 20000, 3), np.uint8), RecResizeImg([3, 48, 320], eval_mode=True))


def test_wrong_arguments():
    with pytest.raises(ValueError, match="channels, height, width"):
        RecResizeImg([48, 320])
    with pytest.raises(ValueError, match="1 or 3"):
        RecResizeImg([2, 48, 320])
    with pytest.raises(ValueError, match="image_shape"):
        SVTRRecResizeImg([3, 0, 320])
