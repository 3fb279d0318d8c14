"""NormalizeImage, ToCHWImage and the reader of "1./255."."""

import numpy as np
import pytest

from ppocr_like.errors import ConfigError
from ppocr_like.transforms.normalize import NormalizeImage, ToCHWImage, parse_number

IMAGE = np.random.Generator(np.random.PCG64(1)).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def rng():
    return np.random.Generator(np.random.PCG64(0))


@pytest.mark.parametrize(
    ("text", "value"),
    [("1./255.", 1 / 255), ("1.0/127.5", 1 / 127.5), (" 1 / 255 ", 1 / 255), ("2e-3", 0.002), (".5", 0.5), (3, 3.0), (0.1, 0.1)],
)
def test_parse_number(text, value):
    assert parse_number(text) == value


@pytest.mark.parametrize("text", ["__import__('os')", "1/2/3", "1+1", "", "1/0", "nan", None, True, "2**9", "(1)"])
def test_parse_number_evaluates_nothing(text):
    with pytest.raises(ValueError, match=r"number|zero"):
        parse_number(text)


def test_hwc_equals_chw_and_the_arithmetic():
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    hwc = NormalizeImage("1./255.", mean, std, "hwc")({"image": IMAGE}, rng())
    hwc = ToCHWImage()(hwc, rng())["image"]
    chw = NormalizeImage("1./255.", mean, std, "chw")({"image": IMAGE.transpose(2, 0, 1)}, rng())["image"]
    want = (IMAGE.transpose(2, 0, 1) / 255 - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    assert hwc.dtype == chw.dtype == np.float32
    assert np.abs(hwc - want).max() < 2e-6
    assert np.abs(chw - want).max() < 2e-6


def test_one_channel():
    out = NormalizeImage(1.0, [10], [2], "hwc")({"image": IMAGE[:, :, :1]}, rng())["image"]
    assert out.shape == (5, 7, 1)
    assert np.array_equal(out, (IMAGE[:, :, :1].astype(np.float32) - 10) / 2)


def test_wrong_order_is_told():
    with pytest.raises(ConfigError, match=r"order: chw.*\(5, 7, 3\)"):
        NormalizeImage()({"image": IMAGE}, rng())


def test_wrong_arguments():
    with pytest.raises(ValueError, match="order"):
        NormalizeImage(order="HWC")
    with pytest.raises(ValueError, match="zero"):
        NormalizeImage(std=[1, 0, 1])
    with pytest.raises(ValueError, match="mean has 1 values, std 3"):
        NormalizeImage(mean=[0.5])
