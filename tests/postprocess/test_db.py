"""DB's post-processing on maps made by hand."""

import cv2
import numpy as np
import pytest

from ppocr_like.benchmark.postprocess import page_map
from ppocr_like.contracts import PageBoxes
from ppocr_like.errors import OcrError
from ppocr_like.geometry import offset, smallest_box
from ppocr_like.postprocess.db import DBPostProcess
from ppocr_like.postprocess.regions import find_regions, smallest_boxes
from ppocr_like.postprocess.unclip import boxes, grow


def with_box(value=0.9, left=20, top=30, width=41, height=11, size=(100, 120)):
    """A map (100, 120) with one even rectangle of text."""
    probabilities = np.zeros(size, np.float32)
    probabilities[top : top + height, left : left + width] = value
    return probabilities


def found(probabilities, source=None, **arguments):
    height, width = probabilities.shape
    shape = np.array([[*(source or (height, width)), 1.0, 1.0]])
    (page,) = DBPostProcess(**arguments)({"maps": probabilities[None, None]}, {"shape": shape})
    return page.boxes


def grown_by(points, ratio):
    """The growth of a box of 40 x 10 between pixel centres."""
    distance = 40 * 10 * ratio / 100
    (low, high) = points.min(axis=0), points.max(axis=0)
    return low - [20, 30], high - [60, 40], distance


@pytest.mark.parametrize("box_type", ["quad", "poly"])
@pytest.mark.parametrize("ratio", [0.0, 1.5, 2.0])
def test_a_box_grows_by_area_over_perimeter(box_type, ratio):
    (box,) = found(with_box(), unclip_ratio=ratio, box_type=box_type)
    low, high, distance = grown_by(box.points, ratio)
    assert np.abs(low + distance).max() <= 0.5
    assert np.abs(high - distance).max() <= 0.5
    assert box.score == pytest.approx(0.9)
    assert box.points.dtype == np.int32
    if box_type == "quad":
        assert (box.points[0] == box.points.min(axis=0)).all()  # from the top left on, clockwise
        assert (box.points[2] == box.points.max(axis=0)).all()
        assert box.points[1, 0] > box.points[0, 0]


def test_points_are_in_the_source_and_within_it():
    (box,) = found(with_box(left=0, top=0), source=(200, 60), unclip_ratio=1.5)
    assert box.points.min() == 0
    assert box.points.max(axis=0).tolist() == [23, 32]  # (40 + 6) / 2, (10 + 6) x 2


def test_thresholds():
    assert len(found(with_box(0.65), box_thresh=0.6)) == 1
    assert found(with_box(0.65), box_thresh=0.7) == ()
    assert found(with_box(0.3), thresh=0.3, box_thresh=0.0) == ()  # a pixel must be above
    assert len(found(with_box(0.3), thresh=0.29, box_thresh=0.0)) == 1


def test_small_regions_are_noise():
    assert found(with_box(height=3)) == ()  # 2 px between pixel centres
    assert len(found(with_box(height=4))) == 1
    assert found(with_box(width=5, height=4), unclip_ratio=0.0) == ()  # grown: below 5 px
    line = with_box(0)
    line[50, 10:90] = 1.0
    assert found(line, box_type="poly") == ()


def test_a_hole_is_a_contour_too():
    probabilities = with_box(0.9, width=61, height=41)
    probabilities[40:62, 30:70] = 0.25
    assert len(found(probabilities, box_thresh=0.0)) == 2
    assert len(found(probabilities, box_thresh=0.0, max_candidates=1)) == 1


def test_slow_scores_within_the_contour():
    probabilities = with_box(0)
    cv2.ellipse(probabilities, (60, 50), (40, 12), 0, 0, 360, 0.8, -1)
    (fast,), (slow,) = (found(probabilities, box_thresh=0.3, score_mode=mode) for mode in ("fast", "slow"))
    assert slow.score == pytest.approx(0.8, abs=1e-3)
    assert fast.score < 0.7
    assert (fast.points == slow.points).all()
    (poly,) = found(probabilities, box_thresh=0.3, box_type="poly", score_mode="fast")
    assert poly.score == pytest.approx(0.8, abs=0.01)
    assert len(poly.points) > 8


def test_dilation_joins_broken_strokes():
    probabilities = with_box()
    probabilities[:, 40] = 0
    assert len(found(probabilities)) == 2
    assert len(found(probabilities, use_dilation=True, box_thresh=0.6)) == 1


def test_what_is_not_a_number_is_no_text():
    probabilities = with_box()
    assert found(np.full_like(probabilities, np.nan)) == ()
    probabilities[32:34, 30:33] = np.nan  # a hole whose score is not a number either
    assert all(np.isfinite(box.score) for box in found(probabilities, box_thresh=0.0))


def test_every_image_of_a_batch():
    maps = np.stack([with_box(), with_box(0), with_box(left=50)])[:, None]
    post = DBPostProcess(unclip_ratio=1.5)
    pages = post({"maps": maps}, {"shape": np.array([[100, 120, 1, 1], [100, 120, 1, 1], [200, 240, 0.5, 0.5]])})
    assert [len(page.boxes) for page in pages] == [1, 0, 1]
    assert (pages[2].boxes[0].points == 2 * found(with_box(left=50), unclip_ratio=1.5)[0].points).all()
    assert post({"maps": np.zeros((0, 1, 8, 8))}, {"shape": np.zeros((0, 4))}) == []


def same(page, other):
    assert [box.score for box in page.boxes] == [box.score for box in other.boxes]
    assert all((a.points == b.points).all() for a, b in zip(page.boxes, other.boxes, strict=True))
    return len(page.boxes)


@pytest.mark.parametrize("box_type", ["quad", "poly"])
def test_regions_serve_many_settings(box_type):
    """What the search for thresholds does gives what the whole call gives."""
    probabilities, source = page_map(40), (1920.0, 2560.0)
    regions = find_regions(probabilities, 0.4, use_dilation=True, box_type=box_type)
    middle, counts = float(np.median(regions.scores)), []
    for ratio in (1.2, 1.9):
        loose = boxes(regions, 0.3, ratio, source)
        for box_thresh in (0.3, 0.6, middle):
            post = DBPostProcess(0.4, box_thresh, unclip_ratio=ratio, use_dilation=True, box_type=box_type)
            whole = post.read(probabilities, source)
            counts.append(same(boxes(regions, box_thresh, ratio, source), whole))
            same(PageBoxes(tuple(box for box in loose.boxes if box.score >= box_thresh)), whole)
    assert counts[0] >= 40 > counts[2] > 0, counts


def test_boxes_of_many_outlines_are_those_of_each():
    rng = np.random.default_rng(3)
    outlines = [rng.integers(0, 200, (rng.integers(3, 20), 1, 2)).astype(np.int32) for _ in range(300)]
    quads, sides = smallest_boxes(outlines)
    for outline, quad, side in zip(outlines, quads, sides, strict=True):
        wanted, short = smallest_box(outline.reshape(-1, 2))
        assert side == pytest.approx(short, abs=1e-3)
        if side > 1:  # of a line's two ends OpenCV's noise decides the order
            near = np.abs(quad[:, None] - wanted[None]).sum(axis=2).min(axis=1)
            assert near.max() < 0.01


@pytest.mark.parametrize(
    ("contour", "corners"),
    [
        (
            [[279, 327], [280, 326], [282, 326], [284, 328], [282, 330], [280, 330], [279, 329]],
            [[281, 325], [284, 328], [281, 331], [278, 328]],
        ),
        ([[60, 10], [90, 10], [90, 22], [60, 22]], [[60, 10], [90, 10], [90, 22], [60, 22]]),
    ],
    ids=["on its corner", "upright"],
)
def test_corners_are_in_the_order_of_opencv_4(contour, corners):
    """Recorded from OpenCV 4.11. OpenCV 5 begins at the left corner of the first one."""
    quads, _ = smallest_boxes([np.array(contour, np.int32)])
    assert np.abs(quads[0] - corners).max() < 1e-3


def test_growing_many_is_growing_each():
    regions = find_regions(page_map(30), 0.3, box_type="poly")
    grown, whole = grow(regions.outlines, 1.5)
    assert whole.all()
    for before, after in zip(regions.outlines.split(regions.outlines.points), grown.split(grown.points), strict=True):
        area = cv2.contourArea(before)
        (wanted,) = offset(before, 1.5 * area / cv2.arcLength(before, True))
        assert abs(cv2.contourArea(after) - cv2.contourArea(wanted.astype(np.int32))) <= 0.005 * cv2.contourArea(after)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"thresh": 1.5}, "thresh is 1.5; a probability"),
        ({"box_thresh": -0.1}, "box_thresh is -0.1"),
        ({"box_thresh": float("nan")}, "box_thresh is nan"),
        ({"max_candidates": 0}, "max_candidates is 0; at least 1"),
        ({"unclip_ratio": -1.0}, "unclip_ratio is -1.0; 0 or more"),
        ({"score_mode": "mean"}, "score_mode is 'mean'; accepted: fast, slow"),
        ({"box_type": "oval"}, "box_type is 'oval'; accepted: quad, poly"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DBPostProcess(**arguments)


def test_wrong_input_says_what_is_missing():
    post, shape = DBPostProcess(), np.array([[8, 8, 1, 1]])
    with pytest.raises(OcrError, match=r"'maps', which is not among ctc"):
        post({"ctc": np.zeros(1)}, {"shape": shape})
    with pytest.raises(OcrError, match=r"needs maps \(N, 1, H, W\); the network gives \(8, 8\)"):
        post({"maps": np.zeros((8, 8))}, {"shape": shape})
    with pytest.raises(OcrError, match=r"batch entry 'shape'; keep it"):
        post({"maps": np.zeros((1, 1, 8, 8))}, {})
    with pytest.raises(OcrError, match=r"`shape` \(2, 4\) for 2 maps; got \(1, 4\)"):
        post({"maps": np.zeros((2, 1, 8, 8))}, {"shape": shape})


def test_nothing_is_kept_between_calls():
    post, probabilities = DBPostProcess(unclip_ratio=1.5, box_thresh=0.5), page_map(20)
    first = post.read(probabilities, (960, 1280))
    post.read(with_box(), (120, 100))
    same(first, post.read(probabilities, (960, 1280)))
    assert isinstance(first, PageBoxes)
