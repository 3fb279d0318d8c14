"""SVTRRecAug and its parts."""

import cv2
import numpy as np
import pytest

from ppocr_like.contracts import Rejected
from ppocr_like.transforms import svtr_geometry
from ppocr_like.transforms.channels import repeat_gray
from ppocr_like.transforms.svtr_deterioration import coarse, motion_kernel, moved, noisy
from ppocr_like.transforms.svtr_geometry import MAX_PIXELS, Placing, place, render, rotated, sheared, tilted
from ppocr_like.transforms.svtr_rec_aug import SVTRRecAug


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def text_line(width=200, height=40):
    image = np.full((height, width, 3), (200, 220, 240), np.uint8)
    cv2.putText(image, "line of text", (5, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (40, 20, 0), 2)
    return image


def corners(placing, width, height):
    points = placing.matrix @ np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]], float)
    return (points[:2] / points[2]).T


@pytest.mark.parametrize("step", [rotated, sheared, tilted])
def test_the_canvas_holds_exactly_what_was_the_picture(step):
    for seed in range(50):
        placing = step(200, 40, rng(seed))
        points = corners(placing, 200, 40)
        np.testing.assert_allclose(points.min(axis=0), 0, atol=0.01)
        np.testing.assert_allclose(points.max(axis=0), [placing.width, placing.height], atol=0.01)


def test_one_kind_or_several(monkeypatch):
    calls = []

    def counted(step):
        return lambda width, height, generator: calls.append(step) or step(width, height, generator)

    monkeypatch.setattr(svtr_geometry, "STEPS", tuple(counted(step) for step in svtr_geometry.STEPS))
    seen = set()
    for several in (False, True):
        for seed in range(60):
            calls.clear()
            place(200, 40, several, rng(seed))
            assert len(calls) == len(set(calls))
            seen.add((several, len(calls)))
    assert seen == {(False, 1), (True, 1), (True, 2), (True, 3)}


def test_rendering_moves_no_pixel_that_stays():
    image = text_line()
    np.testing.assert_array_equal(render(image, Placing(np.eye(3), 200, 40), cv2.INTER_LINEAR), image)
    doubled = render(image, Placing(np.diag([2.0, 2.0, 1.0]), 400, 80), cv2.INTER_LINEAR)
    wanted = cv2.resize(image, (400, 80), interpolation=cv2.INTER_LINEAR)
    assert np.abs(doubled.astype(int) - wanted).max() <= 8


def test_edges_are_repeated_and_pictures_stay_small():
    turned = render(np.full((40, 200, 3), 77, np.uint8), rotated(200, 40, rng(3)), cv2.INTER_CUBIC)
    assert (turned == 77).all()
    huge = render(np.zeros((20, 12000), np.uint8), place(12000, 20, True, rng(0)), cv2.INTER_LINEAR)
    assert huge.size <= MAX_PIXELS * 1.01


def test_deterioration():
    image = text_line()
    spread = [float((noisy(image, rng(seed)).astype(float) - image)[5:10].std()) for seed in range(30)]
    assert min(spread) > 0.9 and max(spread) < 5
    for length in range(1, 6):
        for angle in (-80, 0, 33):
            assert motion_kernel(length, angle).sum() == pytest.approx(1, abs=1e-5)
    assert abs(moved(image, rng(4)).mean() - image.mean()) < 3
    sharp = [cv2.Laplacian(coarse(image, rng(seed)), cv2.CV_64F).var() for seed in range(20)]
    assert min(sharp) < 0.1 * max(sharp)
    assert all(step(image, rng(1)).shape == image.shape for step in (noisy, moved, coarse))


@pytest.mark.parametrize("aug_type", [0, 1])
@pytest.mark.parametrize("image", [text_line(), text_line(30, 3), text_line(1, 60)], ids=lambda image: str(image.shape))
def test_it_gives_pictures_and_repeats_itself(aug_type, image):
    aug = SVTRRecAug(aug_type, 1.0, 1.0, 1.0)
    for seed in range(25):
        before = image.copy()
        out, again = (aug({"image": image}, rng(seed))["image"] for _ in range(2))
        assert out.dtype == np.uint8
        assert out.ndim == 3
        assert min(out.shape) >= 1
        np.testing.assert_array_equal(out, again)
        np.testing.assert_array_equal(image, before)
        gray = aug({"image": repeat_gray(np.ascontiguousarray(image[:, :, 0]))}, rng(seed))["image"]
        assert gray.strides[2] == 0


def test_probabilities():
    image = text_line()
    aug = SVTRRecAug()
    generator = rng()
    changed = sum(not np.array_equal(aug({"image": image}, generator)["image"], image) for _ in range(600))
    assert 0.66 < changed / 600 < 0.78  # 1 - 0.5 * 0.75 * 0.75
    np.testing.assert_array_equal(SVTRRecAug(0, 0, 0, 0)({"image": image}, generator)["image"], image)


def test_arguments_and_empty_pictures():
    with pytest.raises(ValueError, match="aug_type is 2"):
        SVTRRecAug(2)
    with pytest.raises(ValueError, match="deterioration_p is -1"):
        SVTRRecAug(deterioration_p=-1)
    with pytest.raises(Rejected, match="empty image"):
        SVTRRecAug()({"image": np.zeros((0, 5, 3), np.uint8)}, rng())
