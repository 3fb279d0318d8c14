"""IaaAugment: its arguments and what each step does."""

import numpy as np
import pytest

from .pages import found, make, marked, page, rng


def augment(args, sample, seed=0):
    return make("IaaAugment", augmenter_args=args)(sample, rng(seed))


def test_fliplr():
    before = marked()
    quad = before["polys"][0].copy()
    image = before["image"].copy()
    out = augment([{"type": "Fliplr", "args": {"p": 1}}], before)
    np.testing.assert_array_equal(out["image"], image[:, ::-1])
    np.testing.assert_allclose(out["polys"][0], [[300 - x, y] for x, y in quad])


@pytest.mark.parametrize("kind", ["Fliplr", "Flipud"])
def test_probability(kind):
    flips = sum(
        not np.array_equal(augment([[kind, {"p": 0.3}]], marked(), seed)["image"], marked()["image"]) for seed in range(200)
    )
    assert 40 <= flips <= 80


def test_both_ways_to_write_a_step():
    a = augment([{"type": "Affine", "args": {"rotate": [-10, 10]}}, {"type": "Fliplr"}], marked(), 3)
    b = augment([["Affine", {"rotate": [-10, 10]}], ["Fliplr"]], marked(), 3)
    np.testing.assert_array_equal(a["image"], b["image"])
    np.testing.assert_array_equal(a["polys"], b["polys"])


def test_the_default_is_paddleocrs():
    written = [["Fliplr", {"p": 0.5}], ["Affine", {"rotate": [-10, 10]}], ["Resize", {"size": [0.5, 3]}]]
    for seed in range(5):
        np.testing.assert_array_equal(augment(None, marked(), seed)["polys"], augment(written, marked(), seed)["polys"])
    assert augment([], marked())["image"].shape == (200, 300, 3)


def test_resize_scales_both_sides_by_one_factor():
    shapes = set()
    for seed in range(30):
        out = augment([["Resize", {"size": [0.5, 3]}]], marked(), seed)
        height, width = out["image"].shape[:2]
        assert 100 <= height <= 600
        assert abs(width - 1.5 * height) <= 2
        np.testing.assert_allclose(out["polys"][0] / marked()["polys"][0], np.full((4, 2), height / 200), rtol=0.01)
        shapes.add(height)
    assert len(shapes) > 20


def test_rotation_is_clockwise_around_the_middle():
    out = augment([["Affine", {"rotate": 90}]], marked(200, 200, (20, 90, 60, 20)))
    np.testing.assert_allclose(out["polys"][0], [[110, 20], [110, 80], [90, 80], [90, 20]], atol=1e-3)
    np.testing.assert_allclose(found(out["image"]), out["polys"][0], atol=0.5)


def test_fit_output_shows_the_whole_picture():
    white = page(np.full((100, 200, 3), 255, np.uint8), [[[0, 0], [200, 0], [200, 100], [0, 100]]])
    out = augment([["Affine", {"rotate": 30, "fit_output": True}]], white)
    height, width = out["image"].shape[:2]
    assert (width, height) == (224, 187)
    assert out["polys"].min() >= -0.01
    assert (out["polys"].max(axis=(0, 1)) <= [width, height]).all()
    assert abs(int((out["image"][..., 0] > 127).sum()) - 20_000) < 250
    assert out["image"][0, 0].tolist() == [0, 0, 0]
    cut = augment([["Affine", {"rotate": 30}]], page(np.full((100, 200, 3), 255, np.uint8)))
    assert cut["image"].shape == (100, 200, 3)
    assert int((cut["image"][..., 0] > 127).sum()) < 17_000


def test_a_right_angle_fits_exactly():
    out = augment([["Affine", {"rotate": 90, "fit_output": True}]], marked(300, 200))
    assert out["image"].shape == (300, 200, 3)


def test_scale_shear_and_translation():
    quad = marked()["polys"][0]
    middle = np.array([150.0, 100.0])
    out = augment([["Affine", {"scale": {"x": 0.5}}]], marked())
    np.testing.assert_allclose(out["polys"][0], (quad - middle) * [0.5, 1] + middle, atol=1e-3)
    out = augment([["Affine", {"translate_percent": {"x": 0.1, "y": -0.05}}]], marked())
    np.testing.assert_allclose(out["polys"][0], quad + np.array([30, -10]), atol=1e-3)
    np.testing.assert_allclose(found(out["image"]), out["polys"][0], atol=0.5)
    out = augment([["Affine", {"translate_px": 7}]], marked())
    np.testing.assert_allclose(out["polys"][0], quad + 7, atol=1e-3)
    out = augment([["Affine", {"shear": 20}]], marked())
    along = np.tan(np.deg2rad(20)) * (quad[:, 1] - 100)
    np.testing.assert_allclose(out["polys"][0], quad + np.stack([along, 0 * along], 1), atol=1e-3)
    np.testing.assert_allclose(found(out["image"]), out["polys"][0], atol=1)
    ratios = [augment([["Affine", {"scale": [0.5, 2], "keep_ratio": True}]], marked(), s)["polys"][0] for s in range(5)]
    for poly in ratios:
        width, height = poly[1, 0] - poly[0, 0], poly[3, 1] - poly[0, 1]
        assert width / height == pytest.approx(2, rel=1e-3)
    assert len({p.tobytes() for p in ratios}) == 5


def test_fill():
    out = augment([["Affine", {"rotate": 45, "fill": [10, 20, 30]}]], marked())
    assert out["image"][0, 0].tolist() == [10, 20, 30]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([{"type": "Rotate"}], r"augmenter_args.0: the augmenter is 'Rotate'; known: Fliplr, Flipud, Affine, Resize"),
        ([["Fliplr", {"q": 1}]], r"augmenter_args.0 \(Fliplr\): unknown q; accepted: p"),
        ([["Fliplr", {"p": 1.5}]], r"p is 1.5; a number from 0 to 1 is needed"),
        ([["Resize", {"size": 2}]], r"size is 2; two factors"),
        ([["Resize", {"size": [3, 0.5]}]], r"the lower number comes first"),
        ([["Resize", {"size": [0, 1]}]], r"a number from 0.001 to 100"),
        ([["Affine", {"rotate": [1, 2, 3]}]], r"two numbers \[low, high\]"),
        ([["Affine", {"rotate": "a"}]], r"rotate is 'a'"),
        ([["Affine", {"fit_output": 1}]], r"true or false"),
        ([["Affine", {"scale": {"z": 1}}]], r"accepted keys: x, y"),
        ([["Affine", {"translate_px": 1, "translate_percent": 1}]], r"not both"),
        (["Fliplr"], r"augmenter_args.0 is 'Fliplr'; accepted"),
        ([{"type": "Fliplr", "p": 0.5}], r"accepted: {type: Fliplr, args: {p: 0.5}}"),
        ([["Fliplr", 0.5]], r"args is 0.5, but a mapping is needed"),
    ],
)
def test_wrong_arguments(args, message):
    with pytest.raises(ValueError, match=message):
        make("IaaAugment", augmenter_args=args)
