"""Dictionary surgery."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppocr_like.charset import Charset
from ppocr_like.errors import WeightsError
from ppocr_like.weights import FRESH, resize_charset


def test_union_keeps_the_old_classes_where_they_were_although_the_space_was_last():
    old = Charset("abc", use_space_char=True)  # blank a b c space
    plan = resize_charset(old, Charset("cdé", use_space_char=True), "union")
    assert plan.charset.labels == ("blank", "a", "b", "c", " ", "d", "é")
    assert plan.charset.use_space_char is False
    assert plan.rows == (0, 1, 2, 3, 4, FRESH, FRESH)
    assert (plan.kept, plan.new, plan.dropped) == (("a", "b", "c", " "), ("d", "é"), ())
    text = "cab dé"
    assert plan.charset.decode(plan.charset.encode(text)).text == text
    assert plan.charset.encode("abc ") == old.encode("abc ")


def test_union_with_nothing_new_keeps_the_old_set_as_it_is():
    old = Charset("abcd", use_space_char=True)
    plan = resize_charset(old, Charset("ca", use_space_char=True), "union")
    assert plan.charset == old and plan.identical


def test_new_copies_rows_by_character():
    old = Charset("abc", use_space_char=True)
    new = Charset(" cxa")  # the space is an entry here
    plan = resize_charset(old, new, "new")
    assert plan.charset == new
    assert plan.rows == (0, 4, 3, FRESH, 1)
    assert (plan.kept, plan.new, plan.dropped) == ((" ", "c", "a"), ("x",), ("b",))


def test_duplicates_take_the_row_training_used():
    plan = resize_charset(Charset("aba"), Charset("ab"), "new")
    assert plan.rows == (0, 3, 2)
    plan = resize_charset(Charset("aba"), Charset("abc"), "union")
    assert plan.charset.labels == ("blank", "a", "b", "a", "c") and plan.rows == (0, 1, 2, 3, FRESH)


def test_an_entry_named_blank_is_not_the_blank():
    plan = resize_charset(Charset(["blank", "a"]), Charset(["a", "blank"]), "new")
    assert plan.rows == (0, 2, 1)


@pytest.mark.parametrize("mode", ["fail", "union", "new"])
def test_equal_classes_need_no_surgery(mode):
    plan = resize_charset(Charset("ab "), Charset("ab", use_space_char=True), mode)
    assert plan.identical and plan.kept == ("a", "b", " ")


def test_fail_counts_and_names_the_ways_out():
    with pytest.raises(WeightsError, match=r"2 characters are in both, 1 new \(é\), 1 of the weights missing \(c\).*union.*new"):
        resize_charset(Charset("abc"), Charset("abé"), "fail")
    with pytest.raises(WeightsError, match="another order"):
        resize_charset(Charset("abc"), Charset("cab"), "fail")
    with pytest.raises(WeightsError, match="'grow' is none of fail, union, new"):
        resize_charset(Charset("abc"), Charset("cab"), "grow")


ENTRIES = st.lists(st.sampled_from([*list("abcdef é"), "ch", "\u2028", "\u3000"]), min_size=1, max_size=9)


@given(ENTRIES, st.booleans(), ENTRIES, st.booleans(), st.sampled_from(["union", "new"]))
def test_every_row_stands_for_its_own_character(old, old_space, new, new_space, mode):
    old, new = Charset(old, old_space), Charset(new, new_space)
    plan = resize_charset(old, new, mode)
    assert len(plan.rows) == plan.charset.num_classes and plan.rows[0] == 0
    assert set(new.labels) <= set(plan.charset.labels)
    for label, row in zip(plan.charset.labels[1:], plan.rows[1:], strict=True):
        assert row == FRESH or old.labels[row] == label
        assert row != FRESH or old.index(label) is None
