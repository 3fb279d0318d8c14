"""Ratio sampling."""

from __future__ import annotations

import numpy as np
import pytest

from ppocr_like.data.sampling import draw_epoch, draw_file, occurrences


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.3])
def test_an_epoch_draws_the_rounded_share(ratio: float) -> None:
    drawn = draw_file(25, ratio, seed=3, epoch=2, number=0, train=True)
    assert len(drawn) == round(25 * ratio)
    counts = np.bincount(drawn, minlength=25)
    assert counts.min() >= int(ratio) and counts.max() <= int(np.ceil(ratio))


def test_draws_are_a_function_of_seed_and_epoch() -> None:
    def draw(seed: int, epoch: int) -> list[int]:
        return draw_epoch([100, 40], [0.3, 1.5], seed, epoch, True).tolist()

    assert draw(1, 5) == draw(1, 5)
    assert draw(1, 5) != draw(1, 6) and draw(1, 5) != draw(2, 5)


def test_files_of_equal_length_do_not_pick_equal_positions() -> None:
    first, second = np.split(draw_epoch([1000, 1000], [0.3, 0.3], 1, 0, True), 2)
    common = len(np.intersect1d(first, second - 1000))
    assert 50 < common < 130, "about 0.3 * 0.3 * 1000 positions fall together by chance"


def test_every_line_is_drawn_sooner_or_later() -> None:
    counts = sum(np.bincount(draw_file(200, 0.25, 1, epoch, 0, True), minlength=200) for epoch in range(200))
    assert counts.min() > 25 and counts.max() < 80  # 50 expected


def test_evaluation_takes_each_line_once_in_order_or_a_fixed_sample() -> None:
    assert draw_epoch([3, 2], [1.0, 4.0], 0, 7, False).tolist() == [0, 1, 2, 3, 4]
    some = draw_epoch([100], [0.2], 0, 1, False)
    assert len(some) == 20 and some.tolist() == draw_epoch([100], [0.2], 0, 9, False).tolist() == sorted(some.tolist())


def test_occurrences_number_the_draws_of_an_index() -> None:
    rng = np.random.default_rng(0)
    for high in (3, 50, 4000):
        indices = rng.integers(0, high, 500)
        seen: dict[int, int] = {}
        expected = []
        for index in indices.tolist():
            expected.append(seen.get(index, 0))
            seen[index] = expected[-1] + 1
        assert occurrences(indices).tolist() == expected
    assert occurrences(np.zeros(0, np.int64)).tolist() == []
