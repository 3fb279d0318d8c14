"""Pages judged by places and texts."""

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from ppocr_like.documents.page import Line
from ppocr_like.metrics.page_text import (
    FALSE,
    IGNORED,
    MERGED,
    MISSED,
    RIGHT,
    SPLIT,
    WRONG,
    Comparing,
    PageCounts,
    judge_page,
)


def box(left, top, width, height=20):
    return np.array([[left, top], [left + width, top], [left + width, top + height], [left, top + height]], float)


def lines(*found):
    return [Line(box(*frame), text, ignored=text == "###") for frame, text in found]


def test_every_kind_of_mistake_on_one_page():
    truth = lines(
        ((0, 0, 100), "right"),
        ((0, 40, 100), "wrong"),
        ((0, 80, 100), "missed"),
        ((0, 120, 100), "one"),
        ((110, 120, 100), "two"),
        ((0, 160, 200), "in pieces"),
        ((0, 200, 100), "###"),
    )
    found = lines(
        ((2, 1, 98), "right"),
        ((0, 40, 100), "wrung"),
        ((0, 120, 210), "one two"),
        ((0, 160, 90), "in"),
        ((95, 160, 95), "pieces"),
        ((0, 200, 60), "scribble"),
        ((500, 500, 60), "nothing"),
    )
    page = judge_page(truth, found)
    assert page.truth == (RIGHT, WRONG, MISSED, MERGED, MERGED, SPLIT, IGNORED)
    assert page.found == (RIGHT, WRONG, MERGED, SPLIT, SPLIT, IGNORED, FALSE)
    assert page.pairs == {0: 0, 1: 1}
    counts = page.counts
    assert (counts.lines, counts.found, counts.matched, counts.exact, counts.merged, counts.split) == (6, 6, 2, 1, 2, 1)
    assert counts.similarity == pytest.approx(1 + 0.8)
    wanted, got = "right wrong missed one two in pieces", "right wrung one two in pieces nothing"
    assert (counts.errors, counts.characters) == (Levenshtein.distance(wanted, got), len(wanted))
    numbers = counts.numbers()
    assert numbers["hmean"] == pytest.approx(2 / 6)
    assert numbers["hmean_exact"] == pytest.approx(1 / 6)
    assert numbers["hmean_text"] == pytest.approx(1.8 / 6)


def test_a_region_that_covers_one_and_a_half_lines_still_matches_the_one():
    """IoU decides first: a pair is a pair though its partner also covers another line."""
    page = judge_page(lines(((0, 0, 200), "long"), ((202, 0, 30), "x")), lines(((0, 0, 230), "long x")))
    assert page.truth == (WRONG, MERGED) and page.found == (WRONG,)


@pytest.mark.parametrize(("comparing", "exact"), [(Comparing(), 0), (Comparing(ignore_case=True), 0), (Comparing(True, True), 1)])
def test_how_texts_are_compared(comparing, exact):
    page = judge_page(lines(((0, 0, 100), "TOTAL  12")), lines(((0, 0, 100), "total12")), comparing)
    assert page.counts.exact == exact
    assert judge_page(lines(((0, 0, 9), "e\u0301")), lines(((0, 0, 9), "é"))).counts.exact == 1


def test_order_counts_for_the_page_text_only():
    truth = lines(((0, 0, 100), "first"), ((0, 40, 100), "second"))
    found = lines(((0, 40, 100), "second"), ((0, 0, 100), "first"))
    counts = judge_page(truth, found).counts
    assert counts.exact == 2 and counts.errors > 0


def test_empty_pages():
    nothing = []
    assert judge_page(nothing, nothing).counts == PageCounts(pages=1)
    assert judge_page(lines(((0, 0, 9), "abc")), nothing).counts.numbers()["cer"] == 1.0
    numbers = judge_page(nothing, lines(((0, 0, 9), "abc"))).counts.numbers()
    assert (numbers["cer"], numbers["hmean"]) == (3.0, 0.0)
    assert PageCounts().numbers()["hmean"] == 0.0


def test_counts_add_up():
    page = judge_page(lines(((0, 0, 100), "ab")), lines(((0, 0, 100), "ax"))).counts
    both = page + page
    assert both.numbers() == {**page.numbers(), "lines": 2.0, "n": 2.0}


def test_an_outline_that_crosses_itself_takes_no_part():
    bow = [Line(np.array([[0, 0], [100, 20], [100, 0], [0, 20]], float), "bow")]
    page = judge_page(bow, lines(((0, 0, 100), "bow")))
    assert page.truth == (IGNORED,) and page.found == (FALSE,)
