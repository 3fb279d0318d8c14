"""Charts show every point where it belongs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ppocr_like.draw.charts import COLOURS, Series, line_chart, ticks


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.61, 0.83), (-3.0, 17.0), (5.0, 5.0), (1e-6, 3e-6), (0, 0)])
def test_ticks_enclose_the_values_and_are_few(low: float, high: float) -> None:
    marks = ticks(low, high)
    assert marks[0] <= low + 1e-12 and marks[-1] >= high - 1e-12
    assert 2 <= len(marks) <= 8
    assert np.allclose(np.diff(marks), marks[1] - marks[0])


def test_higher_values_stand_higher() -> None:
    picture = line_chart("t", "x", [Series("a", [(0, 0.2), (1, 0.8)]), Series("b", [(0, 0.5), (1, math.nan)])])
    assert picture.shape == (400, 640, 3) and picture.dtype == np.uint8
    rows, columns = np.nonzero((picture[:, :520] == COLOURS[0]).all(axis=2))
    left, right = rows[columns < 120].mean(), rows[columns > 480].mean()
    assert left > 300 > 100 > right
    assert (picture[:, :520] == COLOURS[1]).all(axis=2).any()


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        line_chart("empty", "x", [Series("a", [(0, math.nan)])])
