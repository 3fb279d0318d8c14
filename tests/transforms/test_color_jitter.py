"""ColorJitter."""

import cv2
import numpy as np
import pytest

from ppocr_like.transforms.channels import repeat_gray

from .pages import make, rng


def picture():
    noise = rng(1).integers(0, 256, (10, 12, 3), dtype=np.uint8)
    return cv2.resize(noise, (60, 50), interpolation=cv2.INTER_LINEAR)


def jitter(image, seed=0, **arguments):
    return make("ColorJitter", **arguments)({"image": image}, rng(seed))["image"]


def test_the_default_changes_nothing():
    np.testing.assert_array_equal(jitter(picture()), picture())


def test_fixed_amounts():
    image = picture().astype(float)
    np.testing.assert_allclose(jitter(picture(), brightness=[0.5, 0.5]), image * 0.5, atol=0.51)
    mean = cv2.cvtColor(picture(), cv2.COLOR_BGR2GRAY).mean()
    np.testing.assert_allclose(jitter(picture(), contrast=[0.25, 0.25]), image * 0.25 + mean * 0.75, atol=0.6)
    gray = cv2.cvtColor(picture(), cv2.COLOR_BGR2GRAY)
    np.testing.assert_allclose(jitter(picture(), saturation=[0.0, 0.0]), np.repeat(gray[..., None], 3, 2), atol=1)
    turned = jitter(picture(), hue=[0.5, 0.5])
    hue = [cv2.cvtColor(i, cv2.COLOR_BGR2HSV)[..., 0].astype(int) for i in (picture(), turned)]
    clear = cv2.cvtColor(picture(), cv2.COLOR_BGR2HSV)[..., 1:].min(axis=2) > 80
    away = np.abs((hue[1] - hue[0]) % 180 - 90)
    assert np.percentile(away[clear], 95) <= 4


def test_amounts_stay_within_bounds():
    flat = np.full((4, 4, 3), 100, np.uint8)
    levels = {int(jitter(flat, seed, brightness=0.4)[0, 0, 0]) for seed in range(100)}
    assert min(levels) >= 60
    assert max(levels) <= 140
    assert len(levels) > 30


def test_gray_stays_gray():
    image = repeat_gray(picture()[:, :, 0].copy())
    out = jitter(image, brightness=0.4, contrast=0.4, saturation=0.7, hue=0.1)
    assert out.strides[2] == 0
    assert out.shape == image.shape
    assert jitter(picture()[:, :, :1].copy(), brightness=0.4, contrast=0.4, saturation=0.7, hue=0.1).shape == (50, 60, 1)


def test_repeatable_and_source_untouched():
    image, arguments = picture(), {"brightness": 0.4, "contrast": 0.4, "saturation": 0.7, "hue": 0.1}
    a, b, c = (jitter(image, seed, **arguments) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    np.testing.assert_array_equal(image, picture())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"brightness": -1.0}, "brightness is -1"),
        ({"contrast": (2.0, 1.0)}, r"contrast is \[2.0, 1.0\]"),
        ({"hue": 0.7}, "hue is 0.7"),
        ({"hue": (-0.6, 0.1)}, "hue is"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        make("ColorJitter", **arguments)
