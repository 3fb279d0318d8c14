"""DetMetric on boxes made by hand, and against a plain pair-by-pair computation."""

import json
import time

import numpy as np
import pytest
import shapely

from ppocr_like.contracts import PageBoxes, RejectedSample, SampleInfo, TextBox
from ppocr_like.errors import OcrError
from ppocr_like.metrics.det import DetMetric, missed
from ppocr_like.metrics.det_match import Counts, GroundTruth, compare, match_image
from ppocr_like.metrics.polygons import Shapes, convex_shared_areas, overlapping


def box(left, top, width, height):
    return np.array([[left, top], [left + width, top], [left + width, top + height], [left, top + height]], np.float64)


def page(*polygons, scores=None):
    scores = scores or [0.9] * len(polygons)
    return PageBoxes(tuple(TextBox(polygon, score) for polygon, score in zip(polygons, scores, strict=True)))


def filled(*images, **arguments):
    """A metric with images of (ground truth, ignored, detections)."""
    metric = DetMetric(**arguments)
    for truth, ignored, detections in images:
        metric.update([page(*detections)], {"polys": [np.array(truth)], "ignore_tags": [np.array(ignored, bool)]})
    return metric


def test_numbers_are_summed_over_images():
    a, b, c = box(0, 0, 40, 10), box(0, 20, 40, 10), box(0, 40, 40, 10)
    got = filled(([a, b], [False, False], [a, c]), ([c], [False], [c])).compute()
    assert (got["precision"], got["recall"]) == (2 / 3, 2 / 3)
    assert got["hmean"] == pytest.approx(2 / 3, abs=1e-15)
    assert (got["boxes"], got["n"]) == (3, 2)


def test_exactly_half_is_not_enough():
    wide = box(0, 0, 40, 20)
    assert match_image([wide], [False], page(box(0, 0, 20, 20))).matched == 0
    assert match_image([wide], [False], page(box(0, 0, 20.001, 20))).matched == 1
    assert match_image([wide], [True], page(box(30, 0, 20, 20))).detections == 1  # half within the ignored box
    assert match_image([wide], [True], page(box(29, 0, 20, 20))).detections == 0


def test_each_box_and_detection_is_matched_once_in_order():
    a, b, c = box(0, 0, 40, 20), box(3, 0, 40, 20), box(6, 0, 40, 20)
    counts = match_image([a, b], [False, False], page(c, a, a))
    assert (counts.matched, counts.detections) == (2, 3)
    assert match_image([b, a], [False, False], page(a)).matched == 1


def test_merged_and_split():
    """As ocrs-models counts: the boxes within a detection that holds several, the boxes that hold several detections."""
    words = [box(0, 0, 40, 10), box(50, 0, 40, 10), box(100, 0, 40, 10), box(0, 30, 90, 10), box(0, 60, 40, 10)]
    detections = [box(0, 0, 140, 10), box(0, 30, 40, 10), box(50, 30, 40, 10), box(0, 60, 40, 10)]
    got = filled((words, [False] * 5, detections)).compute()
    assert (got["merged"], got["split"]) == (3 / 5, 1 / 5)
    ignored = filled((words, [True, True, False, True, False], detections)).compute()
    assert (ignored["merged"], ignored["split"]) == (0, 0)


def test_recall_by_text_height():
    """Short side of the smallest rotated rectangle, so that upright text counts by its width."""
    truth = [box(0, 0, 50, 7), box(0, 20, 50, 15.9), box(0, 60, 50, 16), box(100, 0, 20, 90), box(200, 0, 200, 64)]
    got = filled((truth, [False] * 5, [truth[0], truth[3], truth[4]])).compute()
    heights = {key: value for key, value in got.items() if key.startswith("recall_h")}
    assert heights == {"recall_h_lt_8": 1.0, "recall_h_8_16": 0.0, "recall_h_16_32": 0.5, "recall_h_ge_64": 1.0}


def test_invalid_polygons_take_no_part():
    good = box(0, 0, 40, 20)
    bad = [
        good[[0, 2, 1, 3]],  # crosses itself
        np.repeat(good[:1], 4, axis=0),  # a point
        np.array([[0, 0], [10, 0], [20, 0], [30, 0]]),  # a line
        np.where(np.arange(8).reshape(4, 2) == 3, np.nan, good),
        np.where(np.arange(8).reshape(4, 2) == 3, np.inf, good),
        good[:2],
        np.zeros((0, 2)),
    ]
    for polygon in bad:
        counts = match_image([polygon, good], [False, False], page(polygon, good))
        assert (counts.boxes, counts.detections, counts.matched) == (1, 1, 1)
    repeated = np.concatenate([good, good[-1:], good[-1:]])
    assert match_image([repeated, good + 100], [False, False], page(good[::-1])).matched == 1


def test_a_choice_among_detections_is_as_if_the_others_were_not_there():
    rng = np.random.default_rng(0)
    truth = [box(*xy, 40, 12) for xy in rng.integers(0, 150, (25, 2)).tolist()]
    tags = (rng.random(25) < 0.2).tolist()
    detections = [polygon + rng.integers(-5, 6, 2) for polygon in truth + truth]
    comparison = compare(GroundTruth(truth, tags), page(*detections))
    for share in (0.0, 0.4, 1.0):
        keep = rng.random(50) < share
        chosen = page(*[polygon for polygon, stays in zip(detections, keep, strict=True) if stays])
        assert comparison.counts(keep) == match_image(truth, tags, chosen)


def outline(rng, kind, whole):
    """A random polygon: 0 rectangle, 1 uneven quadrilateral, 2 anything."""
    width, height, angle = rng.uniform(3, 60), rng.uniform(2, 25), rng.choice([0.0, rng.uniform(-1, 1)])
    points = (
        rng.normal(0, 0.5, (rng.integers(3, 9), 2)) if kind == 2 else box(-0.5, -0.5, 1, 1) + rng.normal(0, 0.1 * kind, (4, 2))
    )
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = points * [width, height] @ turn + rng.uniform(0, 100, 2)
    return np.round(points) if whole else points.astype(np.float32)


def plain_counts(truth, ignored, detections):
    """The protocol written down pair by pair."""
    gts = [(shapely.Polygon(p), i) for p, i in zip(truth, ignored, strict=True) if shapely.Polygon(p).is_valid]
    dets = [shapely.Polygon(p) for p in detections if shapely.Polygon(p).is_valid]
    cared = [d for d in dets if not any(i and d.intersection(g).area / d.area > 0.5 for g, i in gts)]
    taken = set()
    for gt, ignore in gts:
        hit = (n for n, d in enumerate(cared) if n not in taken and gt.intersection(d).area / gt.union(d).area > 0.5)
        if not ignore and (n := next(hit, None)) is not None:
            taken.add(n)
    return sum(not i for _, i in gts), len(cared), len(taken)


@pytest.mark.parametrize("seed", range(40))
def test_as_the_plain_computation(seed):
    rng = np.random.default_rng(seed)
    whole = bool(seed % 2)
    truth = [outline(rng, rng.integers(3), whole) for _ in range(12)]
    near = [g + rng.integers(-4, 5, 2) for g in truth] + [(g - g.min(0)) * [0.5, 1] + g.min(0) for g in truth]
    detections = [d for d in near if rng.random() < 0.6] + [outline(rng, rng.integers(3), whole) for _ in range(3)]
    ignored = (rng.random(12) < 0.25).tolist()
    counts = match_image(truth, ignored, page(*detections))
    assert (counts.boxes, counts.detections, counts.matched) == plain_counts(truth, ignored, detections)


def test_shared_areas_are_exact():
    rng = np.random.default_rng(1)
    quads = Shapes([outline(rng, 1, whole) for whole in (True, False) for _ in range(150)])
    pairs = overlapping(quads, quads, 0.5)
    assert quads.convex.sum() > 250
    assert len(pairs.first) > 3000
    one, two = quads.geometries(pairs.first), quads.geometries(pairs.second)
    wanted = shapely.area(shapely.intersection(one, two))
    assert np.abs(pairs.shared - wanted).max() < 1e-9
    assert np.abs(pairs.iou - wanted / shapely.area(shapely.union(one, two))).max() < 1e-9
    assert np.abs(pairs.of_first - wanted / shapely.area(one)).max() < 1e-9
    assert convex_shared_areas(np.zeros((0, 4, 2)), np.zeros((0, 4, 2))).shape == (0,)


def test_a_thousand_against_a_thousand_is_quick():
    rng = np.random.default_rng(2)
    truth = [box(x, y, 50, 20) for y in range(0, 1200, 30) for x in range(0, 1500, 60)]
    detections = page(*[polygon + rng.normal(0, 3, (4, 2)) for polygon in truth])
    assert len(truth) == 1000
    start = time.thread_time()
    assert match_image(truth, [False] * 1000, detections).matched > 900
    assert time.thread_time() - start < 1.0


def test_nothing_is_an_error_unless_paddle_exact():
    with pytest.raises(OcrError, match="nothing to evaluate"):
        DetMetric().compute()
    assert DetMetric(paddle_exact=True).compute()["hmean"] == 0.0
    empty = filled((np.zeros((0, 4, 2)), [], [])).compute()
    assert (empty["precision"], empty["recall"], empty["hmean"], empty["n"]) == (0.0, 0.0, 0.0, 1.0)


def test_boxes_of_a_rejected_sample_were_not_found():
    entries = [
        {"transcription": "a", "points": box(0, 0, 40, 10).tolist()},
        {"transcription": "###", "points": box(0, 20, 40, 10).tolist()},
        {"transcription": "b", "points": [[0, 0], [9, 0], [9, 9]]},
        {"transcription": "c", "points": "?"},
        {"transcription": "d"},
    ]
    metric = filled(([box(0, 0, 40, 10)], [False], [box(0, 0, 40, 10)]))
    metric.reject([rejected(json.dumps(entries)), rejected('[{"transcription": "cut')])
    got = metric.compute()
    assert (got["recall"], got["boxes"], got["n"], got["precision"]) == (1 / 3, 3, 3, 1.0)
    assert missed("{}") == Counts(images=1)


def rejected(label):
    return RejectedSample(SampleInfo(0, "train.txt", 1, "a.jpg", label), "unreadable image", "")


def test_ranks_together_are_one():
    a, b = box(0, 0, 40, 10), box(0, 20, 40, 30)
    images = [([a, b], [False, True], [a]), ([a, b], [False, False], [b, b]), ([b], [False], [])]
    whole, first, second = filled(*images), filled(images[0]), filled(*images[1:])
    first.merge(json.loads(json.dumps(second.state())))
    assert first.compute() == whole.compute()
    first.reset()
    with pytest.raises(OcrError):
        first.compute()


def test_mistakes():
    with pytest.raises(ValueError, match="main_indicator is 'acc'; accepted: hmean, precision, recall"):
        DetMetric(main_indicator="acc")
    with pytest.raises(ValueError, match="1 results for 2 samples"):
        DetMetric().update([page()], {"polys": [[], []], "ignore_tags": [[], []]})
    with pytest.raises(ValueError, match="1 polygons, but 2 ignore_tags"):
        match_image([box(0, 0, 9, 9)], [False, True], page())
    with pytest.raises(OcrError, match="batch entry 'ignore_tags'"):
        DetMetric().update([page()], {"polys": [[]]})
