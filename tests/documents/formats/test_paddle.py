"""PaddleOCR's label of a page. What makes a label broken is tested with DetLabelEncode."""

import json

import numpy as np
import pytest

from ppocr_like.documents.formats.paddle import read_boxes, read_label, readable_lines
from ppocr_like.outside import FARTHEST, Malformed

QUAD = [[10, 5], [60, 6], [59, 25], [9, 24]]


def box(text="abc", points=QUAD, **more):
    return {"transcription": text, "points": points, **more}


def test_lines_have_outline_text_and_mark():
    lines = read_label(json.dumps([box(), box("###"), box("*"), box("x", QUAD[:3], difficult=True), box(7, difficult=False)]))
    assert [line.text for line in lines] == ["abc", "###", "*", "x", "7"]
    assert [line.ignored for line in lines] == [False, True, True, True, False]
    assert [len(line.points) for line in lines] == [4, 4, 4, 3, 4]
    assert lines[0].points.dtype == np.float64 and lines[3].points.tolist() == QUAD[:3]
    assert read_label("[]") == []


def test_points_stand_as_they_are_written():
    far = 10 * FARTHEST
    for others in ([], [box(points=QUAD[:3])]):
        first, *_ = read_label(json.dumps([box(points=[[0.1, float("nan")], [far, "2.5"], [3, 4], [5, 6]]), *others]))
        assert np.array_equal(first.points, [[0.1, np.nan], [far, 2.5], [3, 4], [5, 6]], equal_nan=True)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("[", "the label is no valid JSON"),
        ("{}", "a list of boxes is needed, not dict"),
        (json.dumps([box(), 5]), "box 2 is no mapping"),
        (json.dumps([{"points": QUAD}]), "box 1 has no transcription"),
        (json.dumps([box(points=[1, 2, 3, 4])]), r"box 1: points must be a list of \[x, y\], not an array of shape \(4,\)"),
        (json.dumps([box(), box(points=[["a", 2]])]), "box 2: points are no numbers"),
    ],
)
def test_a_broken_label_is_malformed_and_looked_at_all_the_same(label, message):
    with pytest.raises(Malformed, match=f"^{message}"):
        read_label(label)
    assert all(line.points.shape == (4, 2) or line.points.tolist() == [[1, 2], [3, 4]] for line in readable_lines(label))


def test_what_can_be_read_of_a_broken_label():
    whole = [box(), {"points": QUAD}, box(points=[1, 2, 3, 4, 5, 6]), box("###")]
    broken = [5, box(points=None), box(points=[[1, 2, 3]]), box(points=[[float("inf"), 1], [2, 2]]), box(points=[[1e9, 0]])]
    lines = readable_lines(json.dumps([*broken, *whole]))
    assert [line.text for line in lines] == ["abc", "", "abc", "###"]
    assert [line.ignored for line in lines] == [False, False, False, True]
    assert lines[2].points.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert readable_lines("no JSON") == readable_lines("{}") == []


def test_boxes_are_given_as_they_are_written():
    assert read_boxes('[{"transcription": 7}, 5]') == [{"transcription": 7}, 5]
