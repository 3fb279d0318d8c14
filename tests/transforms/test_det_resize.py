"""DetResizeForTest."""

import numpy as np
import pytest

from ppocr_like.contracts import Rejected
from ppocr_like.transforms.det_resize import DetResizeForTest


def picture(height, width, channels=3):
    return np.random.Generator(np.random.PCG64(height * width)).integers(0, 256, (height, width, channels), dtype=np.uint8)


# PaddleOCR's rules (arguments, (width, height) -> (width, height)).
@pytest.mark.parametrize(
    ("arguments", "size", "result"),
    [
        ({}, (640, 480), (992, 736)),  # 981.3 -> 30.67 * 32
        ({}, (1536, 1000), (1536, 992)),
        ({"limit_type": "max"}, (640, 480), (992, 736)),  # limit_type alone says nothing
        ({"limit_side_len": 640}, (80, 112), (640, 896)),
        ({"limit_side_len": 960, "limit_type": "max"}, (80, 112), (64, 128)),  # 2.5 and 3.5 go to the even multiple
        ({"limit_side_len": 960, "limit_type": "max"}, (700, 1100), (608, 960)),
        ({"limit_side_len": 960, "limit_type": "resize_long"}, (80, 112), (672, 960)),
        ({"limit_side_len": 736, "max_side_limit": 1000}, (600, 90), (992, 160)),
        ({"limit_side_len": 960, "limit_type": "max"}, (1, 5000), (32, 960)),
        ({"resize_long": 736}, (1536, 1000), (768, 512)),
        ({"resize_long": 1500, "max_side_limit": 800}, (700, 1100), (1024, 1536)),
        ({"resize_long": 960}, (5000, 1), (1024, 128)),
        ({"image_shape": [736, 1280]}, (640, 480), (1280, 736)),
        ({"image_shape": [640, 640], "keep_ratio": True}, (640, 480), (864, 640)),
        ({"image_shape": [640, 641], "limit_side_len": 96, "resize_long": 960}, (640, 480), (641, 640)),
        ({"limit_side_len": 96, "resize_long": 960}, (640, 480), (640, 480)),
        ({}, (20, 37), (736, 864)),  # padded to 32 x 37
    ],
)
def test_sizes(arguments, size, result):
    op = DetResizeForTest(**arguments)
    assert op.output_size(*size) == result
    out = op({"image": picture(size[1], size[0])}, None)
    assert out["image"].shape == (result[1], result[0], 3)
    assert out["image"].dtype == np.uint8
    assert out["shape"][:2].tolist() == [size[1], size[0]]
    if sum(size) >= 64:
        assert out["shape"][2:].tolist() == [result[1] / size[1], result[0] / size[0]]


def test_a_small_picture_is_padded_with_black_and_its_ratios_are_those_of_the_padded_one():
    out = DetResizeForTest(image_shape=[64, 64])({"image": np.full((16, 24, 3), 200, np.uint8)}, None)
    assert out["shape"].tolist() == [16, 24, 2, 2]
    assert (out["image"][:30, :46] == 200).all()
    assert not out["image"][34:].any()
    assert not out["image"][:, 50:].any()


def test_a_picture_of_the_right_size_stays_and_polygons_stay_in_its_pixels():
    image, polys = picture(96, 128), np.ones((2, 4, 2), np.float32)
    out = DetResizeForTest(limit_side_len=96)({"image": image.copy(), "polys": polys}, None)
    assert np.array_equal(out["image"], image)
    assert out["polys"] is polys


@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 1)])
def test_one_channel_stays_one_channel(shape):
    out = DetResizeForTest(image_shape=[64, 96])({"image": np.zeros(shape, np.uint8)}, None)
    assert out["image"].shape == (64, 96, *shape[2:])


def test_what_cannot_be_resized_is_rejected():
    with pytest.raises(Rejected, match="empty image: 5 x 0 px"):
        DetResizeForTest()({"image": np.zeros((0, 5, 3), np.uint8)}, None)
    with pytest.raises(Rejected, match="too elongated: 3000 x 2 px would be 1104000 px wide at height 736"):
        DetResizeForTest(image_shape=[736, 736], keep_ratio=True)({"image": picture(2, 3000)}, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit_side_len": 736, "limit_type": "short"}, "limit_type is 'short'; known: min, max, resize_long"),
        ({"image_shape": [3, 736, 736]}, r"image_shape is \[3, 736, 736\]; it must be \[height, width\]"),
        ({"image_shape": [736, 0]}, "image_shape"),
        ({"limit_side_len": 0}, "limit_side_len is 0; it must be at least 1 px"),
        ({"resize_long": -1}, "resize_long is -1"),
        ({"max_side_limit": 0}, "max_side_limit is 0"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DetResizeForTest(**arguments)
