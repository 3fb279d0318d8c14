"""The page on which post-processing is timed, and the table of where the time goes."""

import numpy as np

from ppocr_like.benchmark.postprocess import WORDS, figures, page_map, profiles, table


def test_the_page_has_its_words():
    page = page_map()
    assert page.shape == (1280, 960)
    assert page.dtype == np.float32
    assert 0 <= page.min() < page.max() <= 1
    assert (page == page_map()).all()
    quad, poly = profiles(rounds=1)
    assert (quad.boxes, poly.boxes) == (WORDS, WORDS)


def test_figures_and_table_tell_the_same():
    found = profiles(rounds=1, probabilities=page_map(12))
    plain = figures(found)
    assert plain["quad"]["boxes"] == plain["poly"]["boxes"] == 12
    assert all(value >= 0 for figure in plain.values() for value in figure.values())
    lines = table(found).splitlines()
    assert lines[0].split() == ["ms", "quad", "(12)", "poly", "(12)"]
    assert f"{plain['quad']['ms']:.2f}" in lines[-1]
    assert len(lines) == 2 + len(found[0].stages)
