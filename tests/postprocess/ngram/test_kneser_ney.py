"""Kneser-Ney: a case computed by hand, and probabilities that are some."""

import numpy as np
import pytest

from ppocr_like.postprocess.ngram.kneser_ney import FALL_BACK, discounts_of, estimate
from ppocr_like.postprocess.ngram.model import perplexity

LINES = ["the cat sat on the mat", "that hat", "a cat and a hat", "then the rat sat", "on the mat the rat ate", "e"]
LETTERS = sorted({letter for line in LINES for letter in line} | {"z"})  # z stands in no line
OWN = 3  # words before the labels


def numbers(lines):
    return [[LETTERS.index(letter) for letter in line] for line in lines]


def test_two_equal_lines_as_computed_by_hand():
    """Lines "ab", "ab", order 2. Counts of counts give no discounts, so they are 0.5, 1 and 1.5.

    Single words stand behind one other word each: (1 - 0.5) / 3 + 0.5 / 4. Pairs were counted twice: (2 - 1) / 2 + 1 / 2 * that.
    """
    made = estimate([[0, 1], [0, 1]], ["a", "b"], 2)
    assert [discount.values for discount in made.discounts] == [FALL_BACK, FALL_BACK]
    model = made.model
    single = 0.5 / 3 + 0.5 / 4
    start, (a, b) = model.start, (model.places["a"], model.places["b"])
    assert np.exp(model.step(start, a)[0]) == pytest.approx(0.5 + 0.5 * single)
    after_a = model.step(start, a)[1]
    assert np.exp(model.step(after_a, b)[0]) == pytest.approx(0.5 + 0.5 * single)
    assert np.exp(model.step(after_a, a)[0]) == pytest.approx(0.5 * single)
    assert np.exp(model.step(after_a, model.places["<unk>"])[0]) == pytest.approx(0.5 * 0.5 / 4)
    assert model.score([a, b]) == pytest.approx(3 * np.log(0.5 + 0.5 * single), abs=1e-5)


def test_discounts_follow_the_counts_of_counts():
    counts = np.repeat([1, 2, 3, 4, 9], [8, 4, 2, 1, 5])
    share = 8 / (8 + 2 * 4)
    found = discounts_of(counts)
    assert found.values == pytest.approx((1 - 2 * share * 4 / 8, 2 - 3 * share * 2 / 4, 3 - 4 * share * 1 / 2))
    assert not found.fallen_back
    assert discounts_of(np.array([1, 1, 2, 3])).fallen_back  # nothing was counted four times


@pytest.mark.parametrize("order", [2, 3, 6])
def test_probabilities_sum_to_one_after_everything(order):
    model = estimate(numbers(LINES), LETTERS, order).model
    assert model.order == order
    rng = np.random.default_rng(order)
    for _ in range(60):
        state = model.start
        for _ in range(int(rng.integers(0, 9))):  # what stands in the lines, and what does not
            first, last = model.begin[state], model.begin[state + 1]
            likely = model.words[first:last] if last > first and rng.random() < 0.8 else np.arange(OWN, len(model.tokens))
            state = model.step(state, int(rng.choice(likely)))[1]
        total = sum(np.exp(model.step(state, word)[0]) for word in range(len(model.tokens)) if model.tokens[word] != "<s>")
        assert total == pytest.approx(1.0, abs=1e-5)


def test_the_order_ends_where_the_lines_do():
    assert estimate([[0], [1]], ["a", "b"], 6).model.order == 3  # <s> a </s>


def test_more_context_tells_more_of_what_it_was_made_of():
    words = [[number + OWN for number in line] for line in numbers(LINES)]
    found = [perplexity(estimate(numbers(LINES), LETTERS, order).model, words) for order in (2, 3, 5)]
    assert found[0] > found[1] > found[2]


@pytest.mark.parametrize(("lines", "order", "said"), [([], 6, "no labels"), ([[]], 6, "no labels"), ([[0]], 9, "from 2 to 8")])
def test_what_cannot_be_counted_is_refused(lines, order, said):
    with pytest.raises(ValueError, match=said):
        estimate(lines, ["a"], order)
