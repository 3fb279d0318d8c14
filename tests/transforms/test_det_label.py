"""DetLabelEncode."""

import json

import numpy as np
import pytest

from ppocr_like.contracts import Rejected
from ppocr_like.transforms.det_label import DetLabelEncode

from .pages import rng

QUAD = [[10, 5], [60, 6], [59, 25], [9, 24]]


def encode(label):
    text = label if isinstance(label, str) else json.dumps(label)
    return DetLabelEncode()({"label": text}, rng())


def box(text="abc", points=QUAD, **more):
    return {"transcription": text, "points": points, **more}


def test_polygons_texts_and_marks():
    out = encode([box(), box("###"), box("*"), box(""), box("**"), box(7)])
    assert out["polys"].dtype == np.float32
    assert out["polys"].tolist() == [[[10, 5], [60, 6], [59, 25], [9, 24]]] * 6
    assert out["texts"] == ["abc", "###", "*", "", "**", 7]
    assert out["ignore_tags"].tolist() == [False, True, True, False, False, False]
    assert out["ignore_tags"].dtype == np.bool_


def test_shorter_polygons_repeat_their_last_point():
    curved = [[10, 5], [30, 2], [60, 6], [59, 25], [30, 22], [9, 24]]
    out = encode([box(points=curved), box(), box(points=QUAD[:3])])
    assert out["polys"].tolist() == [curved, [*QUAD, QUAD[3], QUAD[3]], [*QUAD[:3], QUAD[2], QUAD[2], QUAD[2]]]


def test_numbers_in_quotes_and_other_keys():
    out = encode([box(points=[["1", "2.5"], ["3", "4"], ["5", "6"]], difficult=True)])
    assert out["polys"].tolist() == [[[1, 2.5], [3, 4], [5, 6]]]


@pytest.mark.parametrize("strange", ["NaN", "Infinity", "1e40"])
def test_a_coordinate_that_is_no_finite_number_is_ignored(strange):
    first = f'{{"transcription": "a", "points": [[{strange}, 5], [60, 6], [59, 25]]}}'
    out = encode(f'[{first}, {{"transcription": "b", "points": [[1, 1], [5, 1], [5, 5]]}}]')
    assert out["ignore_tags"].tolist() == [True, False]
    assert np.isfinite(out["polys"][1]).all()


@pytest.mark.parametrize(
    ("label", "reason", "detail"),
    [
        ('[{"transcription": "bad json"', "broken label", "no valid JSON"),
        ("", "broken label", "no valid JSON"),
        ("[" * 100_000, "broken label", "nested deeper than"),
        (box(), "broken label", "a list of boxes is needed, not dict"),
        ("7", "broken label", "not int"),
        ([box(), 5], "broken label", "box 2 is no mapping"),
        ([{"transcription": "a"}], "broken label", "box 1 has no points"),
        ([box(), {"points": QUAD}], "broken label", "box 2 has no transcription"),
        ([box(points=[])], "broken label", "box 1: points must be a list of"),
        ([box(points=None)], "broken label", "box 1: points"),
        ([box(points=[["a", 2], [3, 4], [5, 6]])], "broken label", "box 1: points are no numbers"),
        ([box(points=[[1, 2], [3]])], "broken label", "box 1: points are no numbers"),
        ([box(points=[[1, 2, 3], [4, 5, 6]])], "broken label", "shape (2, 3)"),
        ([box(points=[1, 2, 3, 4])], "broken label", "shape (4,)"),
        ([box(), box(points=[[10**400, 2], [3, 4], [5, 6]])], "broken label", "more than 40 digits"),
        ([box(), box(points=[[1, 2], [3, 4], "ab"])], "broken label", "box 2: points are no numbers"),
    ],
)
def test_rejections(label, reason, detail):
    with pytest.raises(Rejected) as caught:
        encode(label)
    assert caught.value.reason == reason
    assert detail in caught.value.detail


def test_an_empty_list_is_a_page_without_text():
    out = encode("[]")
    assert out["polys"].shape == (0, 4, 2) and out["texts"] == [] and out["ignore_tags"].shape == (0,)
    with pytest.raises(Rejected, match="no boxes"):
        DetLabelEncode(paddle_exact=True)({"label": "[]"}, rng())


def test_difficult_boxes_are_ignored_as_everywhere():
    label = json.dumps([box(difficult=True), box(difficult=False), box(difficult=1), box(difficult=None)])
    assert encode(label)["ignore_tags"].tolist() == [True, False, True, False]
    exact = DetLabelEncode(paddle_exact=True)({"label": label}, rng())
    assert not exact["ignore_tags"].any(), "PaddleOCR does not read it"


@pytest.mark.parametrize("order", [[0, 1, 3, 2], [0, 2, 1, 3], [2, 0, 1, 3], [1, 2, 0, 3]])
def test_corners_of_a_bow_tie_are_put_in_order(order):
    crossed = [QUAD[n] for n in order]
    curved = [[10, 5], [30, 2], [60, 6], [59, 25], [30, 22], [9, 24]]
    label = json.dumps([box(points=crossed), box(points=curved), box()])
    out = DetLabelEncode(order_corners=True)({"label": label}, rng())["polys"]
    first = out[0, :4].tolist()
    start = QUAD.index(first[0])
    assert first == [QUAD[(start + n) % 4] for n in range(4)], "clockwise from its first corner"
    assert (out[0, 4:] == out[0, 3]).all() and out[1].tolist() == curved and out[2, :4].tolist() == QUAD
    assert encode(label)["polys"][0, :4].tolist() == crossed, "only where it is asked for"
