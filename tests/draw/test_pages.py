"""Pages with boxes, scores and probabilities drawn on them."""

import cv2
import numpy as np
import pytest

from ppocr_like.contracts import TextBox
from ppocr_like.draw.pages import LONGEST, SHORTEST, draw_map, draw_page, page_scale


def box(left: float, top: float, right: float, bottom: float, score: float) -> TextBox:
    return TextBox(np.array([[left, top], [right, top], [right, bottom], [left, bottom]]), score)


def saturation(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)[:, :, 1]


@pytest.mark.parametrize(
    ("size", "longest"), [((4000, 3000), LONGEST), ((1500, 700), 1500), ((700, 500), SHORTEST), ((200, 100), 400), ((1, 1), 2)]
)
def test_pictures_are_of_a_size_to_look_at(size, longest):
    picture = draw_page(np.full((size[1], size[0], 3), 255, np.uint8), [])
    assert max(picture.shape[:2]) == longest and picture.dtype == np.uint8
    assert max(picture.shape[:2]) == max(1, round(max(size) * page_scale(*size)))


@pytest.mark.parametrize(("score", "channel"), [(0.95, 0), (0.3, 2)])
def test_boxes_are_drawn_where_they_are_thinly_and_by_their_score(score, channel):
    """Blue when sure, red when not; the text under them stays as it is."""
    page = np.full((1200, 900, 3), 250, np.uint8)
    page[420:440, 220:480] = 20
    picture = draw_page(page, [box(200, 400, 500, 460, score)])
    assert picture.shape == page.shape and (page[420:440, 220:480] == picture[420:440, 220:480]).all()
    edge = picture[460, 350].astype(int)
    assert edge.argmax() == channel and edge.max() - edge.min() > 100
    assert (saturation(picture)[470:, :] < 30).all() and (np.abs(saturation(picture)[430, 205:215].astype(int)) < 30).all()


def test_a_score_stands_right_of_its_box_and_within_the_picture():
    page = np.full((600, 1100, 3), 255, np.uint8)
    picture = draw_page(page, [box(300, 300, 600, 340, 0.87)])
    figures = (picture[300:340, 604:640] < 200).any(axis=2)
    assert len(np.flatnonzero(figures.any(axis=1))) >= 8, "figures of 8 px or more"
    assert (picture[:, 640:] == 255).all() and (picture[:297] == 255).all()
    for place in ((0, 0, 40, 9), (1090, 590, 1100, 600), (-30, -20, 20, 8)):
        assert draw_page(page, [box(*place, 0.5)]).shape == page.shape


def test_scores_hide_no_neighbours():
    """Words of a line, and lines one below the other: the free side is taken."""
    page = np.full((1000, 1000, 3), 255, np.uint8)
    words = [box(100 + 120 * i, 500, 215 + 120 * i, 540, 0.9) for i in range(6)]
    picture = draw_page(page, words)
    for left in range(105, 700, 120):
        assert (picture[505:536, left : left + 100] == 255).all()
    lines = [box(100, 100 + 22 * i, 990, 120 + 22 * i, 0.9) for i in range(10)]
    picture = draw_page(page, lines)
    assert all((picture[105 + 22 * i : 116 + 22 * i, 110:960] == 255).all() for i in range(10))
    assert all((picture[102 + 22 * i : 119 + 22 * i, 60:97] != 255).any() for i in range(10)), "left of them"


def test_polygons_and_degenerate_boxes_can_be_drawn():
    page = np.full((1000, 1000, 3), 255, np.uint8)
    polygon = TextBox(np.array([[100, 100], [200, 80], [300, 100], [300, 140], [200, 120], [100, 140]], np.int32), 0.9)
    point = TextBox(np.zeros((4, 2)), 1.0)
    picture = draw_page(page, [polygon, point])
    assert (picture[80:141, 100:301] != 255).any() and (page == 255).all(), "the page itself is not drawn on"


def test_the_map_colours_what_is_likely_only():
    page = np.full((400, 1000, 3), 255, np.uint8)
    page[100:120, 100:300] = 0
    values = np.zeros((100, 250), np.float32)
    values[50:75, 125:200] = 1.0
    picture = draw_map(page, values)
    colour = saturation(picture)
    assert (colour[:180] == 0).all() and colour[240:280, 540:760].min() > 100
    assert picture[110, 200].max() < 80, "the page is seen through it"
    assert picture[260, 600].argmax() == 2, "certain is red"
    values[:] = np.nan
    assert (saturation(draw_map(page, values)) == 0).all()
