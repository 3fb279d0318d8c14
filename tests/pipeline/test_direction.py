"""How lines stand: by themselves, and as the page does."""

import numpy as np
import pytest

from ppocr_like.pipeline.direction import ways_to_read
from ppocr_like.transforms.line_cut import cut_quad

PAGE = np.zeros((600, 600, 3), np.uint8)
WIDE, TALL, CHARACTER, NARROW = (200, 20), (20, 200), (20, 22), (12, 24)  # px, width and height


def turns(sizes, words=None):
    """Degrees of each way in which lines of these sizes are to be read."""
    crops = [cut_quad(PAGE, np.array([[0, 0], [w, 0], [w, h], [0, h]], float)) for w, h in sizes]
    return [[way.turned for way in ways] for ways in ways_to_read(crops, words or [None] * len(crops))]


def test_lines_whose_shape_tells():
    assert turns([WIDE, WIDE, TALL]) == [[0], [0], [90]]
    assert turns([TALL, TALL, WIDE]) == [[90], [90], [0]]
    assert turns([]) == []


@pytest.mark.parametrize(("sizes", "ways"), [([WIDE, WIDE], [0, 90]), ([TALL, TALL], [90, 0])])
def test_lines_whose_shape_does_not_tell_are_read_as_the_page_stands_too(sizes, ways):
    lone = turns([*sizes, NARROW])[-1]  # as high as a letter "l" on an upright page, as two characters on one turned
    assert lone == ([90] if ways[0] == 90 else [90, 0])
    square = turns([*sizes, CHARACTER])[-1]
    assert square == ([0, 90] if ways[0] == 90 else [0])


def test_a_sure_word_wins_and_the_unsure_follow_the_page():
    assert turns([WIDE] * 4, [True, True, True, None]) == [[180]] * 4
    assert turns([WIDE] * 4, [True, True, True, False]) == [[180], [180], [180], [0]]
    assert turns([WIDE] * 4, [True, None, None, None]) == [[180], [0], [0], [0]]  # one line does not turn a page
    assert turns([TALL] * 3 + [CHARACTER], [True, True, None, None]) == [[270], [270], [270], [0, 270]]
