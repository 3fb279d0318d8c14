"""The steps that move a page: pictures and polygons stay together, whatever the page is like."""

import cv2
import numpy as np
import pytest

from ppocr_like.transforms.base import GeometricTransform, run_chain
from ppocr_like.transforms.channels import repeat_gray

from .pages import boxes, consistent, copied, gray, make, marked, page, ramp, read_ramp, rng

STEPS = {
    "iaa": ("IaaAugment", {}),
    "fit": ("IaaAugment", {"augmenter_args": [{"type": "Affine", "args": {"rotate": [-45, 45], "p": 0.5, "fit_output": True}}]}),
    "perspective": ("RandomPerspective", {"prob": 1.0, "shear": 20.0, "perspective": 0.001, "fill_value": [0, 0, 0]}),
    "same canvas": ("RandomPerspective", {"prob": 1.0, "degrees": 10.0, "fit_output": False}),
    "east": ("EastRandomCropData", {"size": (320, 320), "max_tries": 50}),
    "east stretched": ("EastRandomCropData", {"size": (320, 200), "keep_ratio": False}),
    "crop": ("RandomCrop", {"size": (320, 320), "max_tries": 50}),
    "crop stretched": ("RandomCrop", {"size": (100, 150), "keep_ratio": False}),
}
CHAINS = {
    "v3": [("IaaAugment", {}), ("EastRandomCropData", {"size": (320, 320), "max_tries": 50})],
    "v6": [STEPS["fit"], STEPS["perspective"], STEPS["crop"]],
}
every_step = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
every_chain = pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)


def build(chain):
    return [make(name, **arguments) for name, arguments in chain]


def one_by_one(chain, sample, generator):
    for step in chain:
        sample = step(sample, generator)
    return sample


def wrong_by(sample, out):
    """(K,) px: how far what is seen at each vertex is from the outline of the vertex' polygon on the page."""
    far = [np.zeros(0)]
    for poly, text in zip(out["polys"], out["texts"], strict=True):
        outline = sample["polys"][int(text[1:])].reshape(-1, 1, 2)
        seen = read_ramp(out["image"], poly)
        far.append(np.array([abs(cv2.pointPolygonTest(outline, (float(x), float(y)), True)) for x, y in seen if np.isfinite(x)]))
    return np.concatenate(far)


@every_step
def test_polygons_stay_on_what_they_outline(step):
    transform = make(step[0], **step[1])
    errors = np.concatenate([wrong_by(ramp(seed=s), transform(ramp(seed=s), rng(s))) for s in range(30)])
    assert len(errors) > 200
    assert errors.max() < 2
    assert np.median(errors) < 0.6


@every_chain
def test_polygons_stay_on_what_they_outline_through_a_chain(chain):
    steps = build(chain)
    assert all(isinstance(step, GeometricTransform) for step in steps)
    errors = np.concatenate([wrong_by(ramp(seed=s), run_chain(steps, ramp(seed=s), rng(s))) for s in range(40)])
    assert len(errors) > 200
    assert errors.max() < 2
    assert np.median(errors) < 0.6


@every_chain
@pytest.mark.parametrize("kind", ["colour", "gray"])
def test_sampling_once_equals_sampling_at_each_step(chain, kind):
    steps, differences = build(chain), []
    for seed in range(12):
        sample = boxes(12, 330, 260, seed)
        sample = gray(sample) if kind == "gray" else sample
        once = run_chain(steps, copied(sample), rng(seed))
        many = one_by_one(steps, copied(sample), rng(seed))
        np.testing.assert_array_equal(once["polys"], many["polys"])
        assert once["texts"] == many["texts"]
        assert once["image"].shape == many["image"].shape == (320, 320, 3)
        assert (once["image"].strides[2] == 0) == (kind == "gray")
        differences.append(np.abs(once["image"].astype(float) - many["image"]).mean())
    assert np.median(differences) < 2.5
    assert max(differences) < 6


@every_step
def test_a_step_in_between_gets_the_picture(step):
    """A step that knows nothing of views sees the same pixels in a chain as alone."""
    seen = []

    class Look:
        needs = gives = ("image",)

        def __call__(self, sample, generator):
            seen.append((sample["image"].copy(), sample["polys"].copy()))
            return sample

    transform = make(step[0], **step[1])
    run_chain([transform, Look(), make("IaaAugment")], marked(), rng(5))
    alone = transform(marked(), rng(5))
    np.testing.assert_array_equal(seen[0][0], alone["image"])
    np.testing.assert_array_equal(seen[0][1], alone["polys"])


@every_step
def test_draws_come_from_the_generator_only(step):
    transform = make(step[0], **step[1])
    sample = boxes(9, 200, 180, 1)
    np.random.seed(0)
    a = transform(copied(sample), rng(7))
    np.random.seed(1)
    b = transform(copied(sample), rng(7))
    np.testing.assert_array_equal(a["image"], b["image"])
    np.testing.assert_array_equal(a["polys"], b["polys"])
    results = {transform(copied(sample), rng(seed))["polys"].tobytes() for seed in range(12)}
    assert len(results) > 3


@every_step
def test_the_sample_s_own_arrays_are_left_alone(step):
    transform, sample = make(step[0], **step[1]), boxes(9, 200, 180, 1)
    kept = copied(sample)
    for seed in range(4):
        transform(dict(sample), rng(seed))
    np.testing.assert_array_equal(sample["image"], kept["image"])
    np.testing.assert_array_equal(sample["polys"], kept["polys"])


def odd_pages():
    image = np.full((90, 120, 3), 128, np.uint8)
    far = [[[300, 300], [340, 300], [340, 320], [300, 320]], [[-90, -40], [-50, -40], [-50, -10], [-90, -10]]]
    nan = [[[np.nan, 5], [60, 6], [59, 25], [9, 24]], [[10, 30], [40, 30], [40, 50], [10, 50]]]
    line = [[[10, 10], [50, 10], [50, 10], [10, 10]]]
    yield "no polygons", page(image)
    yield "all ignored", page(image, [[[10, 10], [50, 10], [50, 30], [10, 30]]], [True])
    yield "one pixel", page(image[:1, :1], [[[0, 0], [1, 0], [1, 1], [0, 1]]])
    yield "one row", page(image[:1], [[[3, 0], [9, 0], [9, 1], [3, 1]]])
    yield "one column", page(image[:, :1], [[[0, 3], [1, 3], [1, 30], [0, 30]]])
    yield "outside", page(image, far)
    yield "partly outside", page(image, [[[-30, -5], [500, -5], [500, 200], [-30, 200]]])
    yield "not a number", page(image, nan, [True, False])
    yield "without area", page(image, line)
    yield "one channel", page(image[:, :, :1].copy(), nan, [True, False])
    yield "gray", page(repeat_gray(image[:, :, 0].copy()), nan, [True, False])
    yield "triangle", page(image, [[[10, 10], [50, 10], [30, 40]]])
    yield "two points", page(image, [[[10, 10], [50, 10]]])
    yield "a hundred", boxes(100, 120, 90, 3, ignored=0.5)


@every_step
@pytest.mark.parametrize(("name", "sample"), list(odd_pages()), ids=[name for name, _ in odd_pages()])
def test_odd_pages(step, name, sample):
    transform = make(step[0], **step[1])
    for seed in range(6):
        out = transform(copied(sample), rng(seed))
        assert consistent(out)
        assert out["image"].shape[2] == sample["image"].shape[2]
        assert min(out["image"].shape[:2]) >= 1
        if "size" in step[1]:
            assert out["image"].shape[1::-1] == tuple(step[1]["size"])
