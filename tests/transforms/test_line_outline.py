"""Outlines of lines: clipped, and where their middle runs."""

import numpy as np
import pytest

from ppocr_like.contracts import Rejected
from ppocr_like.transforms.line_outline import is_stub, middle_course, outline_within, subdivided


def test_an_outline_is_clipped_to_the_page():
    inside = np.array([[5.0, 5], [50, 8], [40, 30]])
    assert np.array_equal(outline_within(inside, 100, 60), inside)
    ring = outline_within(np.array([[-10, 10], [120, 10], [120, 70], [-10, 70]]), 100, 60)
    assert np.array_equal(ring[np.lexsort(ring.T)], [[0, 10], [99, 10], [0, 59], [99, 59]])


def test_clipping_follows_the_sides():
    ring = outline_within(np.array([[10.0, 50], [50, -30], [90, 50]]), 100, 60)
    assert ring.min() == 0
    assert [35, 0] in ring.tolist() and [65, 0] in ring.tolist()


@pytest.mark.parametrize("outline", [[], [[5, 5], [50, 5]], [[5, 5], [20, 5], [50, 5]], [[5, 5], [50, 5], [50, 5.4], [5, 5.4]]])
def test_an_outline_without_an_inside_is_none(outline):
    assert outline_within(np.array(outline, float), 100, 60) is None


def test_a_thin_slanted_outline_and_a_bow_tie_have_an_inside():
    assert outline_within(np.array([[0.0, 0], [50, 50], [52, 50], [2, 0]]), 100, 60) is not None
    assert outline_within(np.array([[0.0, 0], [50, 50], [50, 0], [0, 50]]), 100, 60) is not None


@pytest.mark.parametrize("outline", [[[200, 5], [250, 5], [250, 40]], [[-50, -50], [-5, -50], [-5, 90]]])
def test_an_outline_off_the_page_is_rejected(outline):
    with pytest.raises(Rejected, match="line outside the page"):
        outline_within(np.array(outline, float), 100, 60)


def test_subdivided_keeps_the_corners():
    ring = np.array([[0.0, 0], [20, 0], [20, 5]])
    parts = subdivided(ring, 4)
    assert {(0, 0), (20, 0), (20, 5)} <= set(map(tuple, parts.tolist()))
    steps = np.hypot(*(np.roll(parts, -1, axis=0) - parts).T)
    assert steps.max() < 4.001


@pytest.mark.parametrize("bend", [0, 20])
def test_an_outline_made_of_the_baseline_alone_is_a_stub(bend):
    baseline = np.array([[10.0, 100], [200, 100 - bend], [400, 100]])
    made = np.concatenate([baseline, baseline[::-1] - np.array([0, 11])])
    true = np.concatenate([baseline + np.array([0, 12]), baseline[::-1] - np.array([0, 30])])
    assert is_stub(baseline, made, 46) and not is_stub(baseline, true, 46)
    assert not is_stub(baseline[:1], made, 46) and not is_stub(baseline, np.zeros((0, 2)), 46)


def test_the_middle_of_straight_outlines_is_their_box():
    across = middle_course(np.array([[10.0, 20], [110, 20], [110, 50], [10, 50]]))
    assert np.allclose(across.points, [[10, 20], [110, 20]], atol=1e-3)
    down = middle_course(np.array([[10.0, 20], [40, 20], [40, 120], [10, 120]]))
    assert np.allclose(down.points, [[40, 20], [40, 120]], atol=1e-3)


def test_the_middle_of_a_curved_outline_is_followed():
    x = np.linspace(50, 550, 60)
    y = 200 + 40 * np.sin(x / 600 * np.pi)
    ring = np.concatenate([np.stack([x, y - 15], 1), np.stack([x, y + 15], 1)[::-1]])
    course = middle_course(ring)
    along = course.points
    inner = (along[:, 0] > 80) & (along[:, 0] < 520)
    assert inner.sum() > 10
    assert np.abs(along[inner, 1] - (200 + 40 * np.sin(along[inner, 0] / 600 * np.pi))).max() < 3
