"""The order in which lines are read."""

import functools
import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppocr_like.documents.order import reading_order
from ppocr_like.documents.page import turned_points


def box(left, top, width, height=20):
    return np.array([[left, top], [left + width, top], [left + width, top + height], [left, top + height]], float)


def turned(points, degrees, about=(500, 500)):
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (points - about) @ turn + about


def indices(boxes, **options):
    return [place.index for place in reading_order(boxes, **options)]


def blocks(boxes, **options):
    return [place.block for place in reading_order(boxes, **options)]


def two_columns(rows=10, shift=0):
    """Title, two columns, footer: in reading order."""
    title = [box(100, 20, 800)]
    left = [box(50, 80 + 30 * row, 400) for row in range(rows)]
    right = [box(500, 80 + shift + 30 * row, 400) for row in range(rows)]
    return title + left + right + [box(50, 120 + 30 * rows, 850)]


@pytest.mark.parametrize("degrees", [0, -4, 3, 8])
@pytest.mark.parametrize("shift", [0, 7, 15])
def test_columns_are_read_one_after_the_other(degrees, shift):
    boxes = [turned(b, degrees) for b in two_columns(shift=shift)]
    mixed = np.random.default_rng(3).permutation(len(boxes))
    assert [int(mixed[i]) for i in indices([boxes[i] for i in mixed])] == list(range(len(boxes)))
    assert blocks(boxes) == [0] + [1] * 10 + [2] * 10 + [3]


def test_a_short_last_line_of_a_paragraph_stays_in_its_column():
    boxes = two_columns()
    boxes[10] = box(50, 350, 60)  # the left column's last line: two words beside the right one's full line
    assert indices(boxes) == list(range(len(boxes)))


def test_three_columns_with_a_heading_in_between():
    def columns(top):
        return [[box(50 + 310 * c, top + 30 * r, 280) for r in range(4)] for c in range(3)]

    upper, lower = columns(60), columns(260)
    boxes = [
        box(100, 20, 700),
        *functools.reduce(operator.iadd, upper, []),
        box(50, 210, 880),
        *functools.reduce(operator.iadd, lower, []),
    ]
    assert indices(boxes) == list(range(len(boxes)))


def test_prices_follow_their_articles():
    boxes = [b for row in range(12) for b in (box(40, 30 * row, 260), box(320, 30 * row + 3, 20), box(500, 30 * row - 2, 80))]
    assert indices(boxes) == list(range(36))
    assert set(blocks(boxes)) == {0}


def test_rows_knows_no_columns_and_none_changes_nothing():
    boxes = two_columns(3)
    assert indices(boxes, mode="rows") == [0, 1, 4, 2, 5, 3, 6, 7]
    assert indices(boxes[::-1], mode="none") == list(range(8))
    with pytest.raises(ValueError, match="auto, rows, none"):
        reading_order(boxes, "topdown")


def test_right_to_left():
    boxes = [b for row in range(4) for b in (box(500, 30 * row, 80), box(40, 30 * row, 300))]
    assert indices(boxes, right_to_left=True) == list(range(8))
    mirrored = [np.array([[1000 - x, y] for x, y in b])[[1, 0, 3, 2]] for b in two_columns()]
    assert indices(mirrored, right_to_left=True) == list(range(len(mirrored)))


def test_vertical_text_is_read_from_the_right():
    boxes = [box(900 - 40 * column, 50, 24, 600) for column in range(10)]
    assert indices(boxes) == list(range(10))


def test_a_skewed_row_stays_together():
    """At 6 degrees the right end of a row of 900 px hangs 94 px lower: three rows below its left end."""
    boxes = [turned(box(50 + 300 * column, 30 * row, 250), 6) for row in range(8) for column in range(3)]
    assert indices(boxes, mode="rows") == list(range(24))


def test_polygons_and_points_without_extent():
    arc = np.array([[0, 10], [50, 0], [100, 10], [100, 30], [50, 20], [0, 30]], float)
    assert indices([box(0, 60, 80), arc, np.full((4, 2), 5.0)])[-1] == 0
    assert reading_order([]) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(0, 500)] * 2, st.integers(0, 300), st.integers(0, 60)), max_size=40),
    st.sampled_from(["auto", "rows"]),
    st.booleans(),
)
def test_every_line_once_whatever_they_are(frames, mode, right_to_left):
    places = reading_order([box(*frame) for frame in frames], mode, right_to_left=right_to_left)
    assert sorted(place.index for place in places) == list(range(len(frames)))
    numbers = [place.block for place in places]
    assert numbers == sorted(numbers)


def test_two_thousand_lines_take_no_time():
    boxes = [box(x, y, 60) for y in range(0, 3000, 30) for x in range(0, 1400, 70)]
    assert indices(boxes) == list(range(len(boxes)))


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("skew", [0, 3])
@pytest.mark.parametrize("right_to_left", [False, True])
def test_a_turned_page_is_read_as_it_is_upright(degrees, skew, right_to_left):
    """Title, two columns, footer, a page number that is higher than wide; scanned in any of the four directions."""
    upright = [turned(b, skew) for b in [*two_columns(), box(480, 520, 12, 24)]]
    back = (360 - degrees) % 360
    scanned = [np.roll(turned_points(b, back, 1000, 1400), -(back // 90), axis=0) for b in upright]
    wanted = reading_order(upright, right_to_left=right_to_left, turned=0)
    assert reading_order(scanned, right_to_left=right_to_left, turned=degrees) == wanted
    assert [place.index for place in reading_order(scanned, turned=0)] != [place.index for place in wanted]
