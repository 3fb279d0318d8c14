"""The bars of the benchmark's picture."""

import numpy as np
import pytest

from ppocr_like.draw.bars import NAMES, PAPER, Bar, Panel, bar_chart
from ppocr_like.draw.charts import COLOURS


def columns(picture, colour):
    """How many px of a row have this colour at most."""
    return int((picture == np.array(colour, np.uint8)).all(axis=2).sum(axis=1).max())


def test_lengths_are_in_proportion():
    picture = bar_chart("t", [Panel("p", "ms", [Bar("a", {"x": 10.0, "y": 5.0}), Bar("b", {"x": 20.0, "y": 0.0})])])
    first, second = columns(picture, COLOURS[0]), columns(picture, COLOURS[1])
    assert abs(first - 4 * second) <= 4  # the longest bar of each colour: 20 and 5
    assert picture.dtype == np.uint8 and picture.ndim == 3
    assert (picture[-1] == np.array(PAPER)).all()


def test_many_parts_long_names_marks_and_nothing():
    parts = {f"part {n}": 1.0 for n in range(12)}
    picture = bar_chart("t", [Panel("p", "s", [Bar("a very long name " * 5, parts, 11.0, 13.0)], (20.0, "wanted"))])
    assert columns(picture, COLOURS[0]) > 10
    assert (picture[:, : NAMES - 8] != 255).any()
    with pytest.raises(ValueError, match="nothing to draw"):
        bar_chart("t", [Panel("p", "s", [])])
