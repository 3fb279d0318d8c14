"""A line of a gray page, whose three channels are one memory: the same px as of the page with channels of its own."""

import numpy as np
import pytest

from ppocr_like.transforms.channels import repeat_gray
from ppocr_like.transforms.line_cut import cut_quad

QUADS = {
    "slanted": [[20.3, 30.2], [310.1, 24.7], [311.0, 61.4], [21.2, 66.9]],
    "whole px": [[20, 30], [310, 30], [310, 60], [20, 60]],
    "upright": [[50.5, 10.2], [80.5, 10.9], [79.0, 180.0], [49.0, 179.3]],
    "over the edge": [[-6.5, 90.2], [120.0, 88.0], [120.5, 118.0], [-6.0, 120.2]],
}


@pytest.mark.parametrize("name", QUADS)
def test_gray_pages_are_cut_as_pages_of_three_channels(name):
    gray = np.random.default_rng(3).integers(0, 256, (200, 320), dtype=np.uint8)
    quad = np.array(QUADS[name], np.float32)
    one, three = cut_quad(repeat_gray(gray), quad), cut_quad(np.repeat(gray[:, :, None], 3, axis=2), quad)
    assert np.array_equal(one.image, three.image) and one.turned == three.turned
    corners = np.array([[0.0, 0.0], [10.0, 5.0]])
    assert np.allclose(one.to_page(corners), three.to_page(corners))
    if one.turned == 0:
        assert one.image.strides[2] == 0  # and is one of a gray page itself
