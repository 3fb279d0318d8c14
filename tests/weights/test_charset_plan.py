"""Dictionary surgery."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppocr_like.charset import Charset
from ppocr_like.codec import Codec
from ppocr_like.errors import WeightsError
from ppocr_like.text import normalised
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


@pytest.mark.parametrize(
    ("characters", "mapping", "dropped"),
    [
        ("acde", {"a": (1,), "c": (2,), "d": (3,), "e": (4,)}, ("b",)),
        ("abcde", {"a": (1,), "b": (2,), "c": (3,), "d": (4,), "e": (5,)}, ()),
        ("a", {"a": (1,)}, ("b",)),
    ],
)
def test_a_new_codec_is_the_training_alphabet_and_keeps_the_rows_of_what_was_known(characters, mapping, dropped):
    plan = resize_charset(Codec.of_characters("ab"), Codec.of_characters(characters), "new")
    assert plan.charset.mapping == mapping and plan.dropped == dropped
    assert plan.rows == (0, *({"a": 1, "b": 2}.get(character, FRESH) for character in characters))


def test_a_codec_takes_the_rows_of_a_dictionary_and_of_the_same_entries():
    plan = resize_charset(Charset("cba", use_space_char=True), Codec({" ": [1], "a": [2], "ch": [3], "ff": [4, 2]}), "new")
    assert plan.rows == (0, 4, 3, FRESH, FRESH)
    assert (plan.kept, plan.new, plan.dropped) == ((" ", "a"), ("ch", "ff"), ("c", "b"))
    assert resize_charset(Charset("ab"), Codec.of_characters("ab"), "fail").identical
    with pytest.raises(WeightsError, match=r"1 characters are in both, 1 new \(é\)"):
        resize_charset(Codec.of_characters("ab"), Codec.of_characters("aé"), "fail")
    plan = resize_charset(Codec({"ff": [3, 1], "x": [2]}), Codec({"ff": [1, 2], "y": [3]}), "new")
    assert plan.rows == (0, 3, 1, FRESH)


def test_union_of_codecs_appends_the_classes_of_new_entries():
    plan = resize_charset(Codec({"a": [1], "b": [3]}), Codec({"b": [1], "ch": [2], "dd": [4, 5], "e": [4, 2]}), "union")
    assert plan.charset.mapping == {"a": (1,), "b": (3,), "ch": (4,), "e": (5, 4), "dd": (5, 6)}
    assert plan.rows == (0, 1, 2, 3, FRESH, FRESH, FRESH) and plan.new == ("ch", "e", "dd")
    plan = resize_charset(Codec({"ab": [1], "c": [2]}), Charset("cd"), "union")
    assert plan.charset.encode("abdc") == [1, 3, 2]
    with pytest.raises(WeightsError, match=r"union: 'a' .* and 'c' .* both have the classes"):
        resize_charset(Codec({"a": [1], "x": [2, 1]}), Codec({"c": [2], "x": [1, 2]}), "union")


@pytest.mark.parametrize(
    ("form", "mode", "lengths"),
    [
        (None, "union", (1, 1, 1, 1, 1, 1)),
        (None, "new", (0, 0, 1, 1, 1, 1)),
        ("NFD", "union", (1, 1, 1, 2, 2, 2)),
        ("NFD", "new", (0, 0, 1, 2, 2, 2)),
    ],
)
def test_lengths_of_encodings_after_training_goes_on_with_other_texts(form, mode, lengths):
    """What kraken's tests of resizing ask of "1 9 x \u1ebd \u0168 \u00e3", of a network that was trained with NFD."""
    old = Codec.of_characters(normalised("19x \u1ebd", "NFD"))
    trained = [normalised(text, form) for text in ("\u1ebd \u0168", "x \u00e3")]
    plan = resize_charset(old, Codec.of_characters("".join(trained)), mode)
    asked = [normalised(text, form) for text in ["1", "9", "x", "ẽ", "Ũ", "ã"]]
    assert tuple(len(plan.charset.encode(text)) for text in asked) == lengths
    assert [len(old.encode(normalised(text, "NFD"))) for text in asked] == [1, 1, 1, 2, 1, 1]
    assert all(plan.charset.decode(plan.charset.encode(text)).text == text for text, n in zip(asked, lengths, strict=True) if n)
    kept = [key for key in old.keys if plan.charset.index(key) is not None]
    assert [plan.rows[plan.charset.index(key)] for key in kept] == [old.index(key) for key in kept]
