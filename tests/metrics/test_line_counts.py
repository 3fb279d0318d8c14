"""Counts of lines, and how pages differ."""

from __future__ import annotations

import numpy as np
import pytest

from ppocr_like.metrics.line_counts import LineCounts, page_spread


def page(errors: int, characters: int, word_errors: int = 0, words: int = 1) -> LineCounts:
    return LineCounts(1, 0, characters, errors, 0, 0, errors, words, word_errors)


def test_rates_and_accuracies() -> None:
    counts = LineCounts(2, 1, 4, 6, 4, 1, 1, 2, 3)
    assert (counts.cer, counts.wer) == (1.5, 1.5)
    assert counts.numbers()["accuracy"] == -0.5 and counts.numbers()["word_accuracy"] == -0.5
    assert LineCounts().numbers()["cer"] is None and LineCounts().numbers()["accuracy"] is None
    assert LineCounts(1, 0, 0, 3, 3).cer == 3.0  # as the metric: errors where nothing stands
    counts.add(LineCounts(1, 1, 6, 0, 0, 0, 0, 2, 0))
    assert counts == LineCounts(3, 2, 10, 6, 4, 1, 1, 4, 3)


def test_pooled_and_mean_of_pages() -> None:
    spread = page_spread([page(1, 10, 1, 2), page(30, 100, 2, 20), page(2, 0)])
    assert spread["mean_cer"] == pytest.approx((0.1 + 0.3) / 2)  # a page without characters has no rate
    assert spread["mean_wer"] == pytest.approx((0.5 + 0.1 + 0) / 3)
    assert spread["count"] == 3 and "3 pages are few" in spread["note"]


def test_interval_over_pages() -> None:
    rng = np.random.default_rng(3)
    rates = rng.uniform(0.02, 0.18, 40)
    pages = [page(round(1000 * rate), 1000) for rate in rates]
    spread = page_spread(pages)
    low, high = spread["interval"]["cer"]
    error = rates.std() / np.sqrt(len(rates))  # what statistics expect of the mean of pages of equal length
    assert low == pytest.approx(rates.mean() - 1.96 * error, abs=0.004)
    assert high == pytest.approx(rates.mean() + 1.96 * error, abs=0.004)
    assert spread["interval"]["mean_cer"] == pytest.approx(spread["interval"]["cer"])
    assert (spread["interval"]["draws"], spread["interval"]["seed"], spread["note"]) == (1000, 0, "")
    assert page_spread(pages) == spread
    assert page_spread([page(1, 10)] * 30)["interval"]["cer"] == [0.1, 0.1]


@pytest.mark.parametrize(("pages", "told"), [([], "not known"), ([page(1, 10)], "one page only")])
def test_no_interval_says_why(pages: list[LineCounts], told: str) -> None:
    spread = page_spread(pages)
    assert spread["interval"] is None and told in spread["note"]


def test_pages_of_nothing() -> None:
    spread = page_spread([page(0, 0, 0, 0), page(0, 0, 0, 0)])
    assert spread["mean_cer"] is None and "cer" not in spread["interval"]
