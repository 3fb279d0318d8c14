"""YAML in and out: numbers as people write them, no duplicate keys, errors with their place."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppocr_like.config.yaml_io import dump, lookup, parse
from ppocr_like.errors import ConfigError


def value(text: str) -> object:
    return parse(f"x: {text}", "test")[0]["x"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1e-4", 0.0001),
        ("1E5", 100000.0),
        (".5e3", 500.0),
        ("1.e2", 100.0),
        ("-2.5E-3", -0.0025),
        ("+1e+2", 100.0),
        ("6.", 6.0),
        ("10", 10),
        ("-3", -3),
        ("010", 10),
        ("0x1f", 31),
        ("0o17", 15),
        ("1_000", 1000),
        (".inf", math.inf),
        ("-.inf", -math.inf),
    ],
)
def test_numbers(text: str, number: float) -> None:
    got = value(text)
    assert got == number
    assert type(got) is type(number)


@pytest.mark.parametrize("text", ["1:30", "2024-01-01", "1e", "e5", "1.2.3", "1e-4x", "'1e-4'", '"10"', "0x", "."])
def test_texts_that_are_no_numbers(text: str) -> None:
    assert value(text) == text.strip("'\"")


def test_not_a_number() -> None:
    assert math.isnan(value(".nan"))


@pytest.mark.parametrize(("text", "truth"), [("true", True), ("yes", True), ("on", True), ("False", False), ("off", False)])
def test_booleans_are_pyyaml_s(text: str, truth: bool) -> None:
    assert value(text) is truth


def test_duplicate_key_is_an_error_with_both_lines() -> None:
    with pytest.raises(ConfigError, match=r"line 3, column 3: the key 'a' stands twice \(first in line 2\)"):
        parse("top:\n  a: 1\n  a: 2\n", "test")


def test_duplicate_key_in_a_list_item() -> None:
    with pytest.raises(ConfigError, match="line 2, column 14"):
        parse("top:\n  - {b: 1,   b: 2}\n", "test")


def test_a_merge_key_may_be_overridden() -> None:
    tree, _ = parse("base: &b {p: 1, q: 2}\nuser:\n  <<: *b\n  q: 3\n", "test")
    assert tree["user"] == {"p": 1, "q": 3}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [1, 2\nb: 3\n", "line 2"),
        ("a: 1\n\tb: 2\n", "line 2, column 1"),
        ("a: *nowhere\n", "line 1, column 4"),
        ("a: !!python/object/apply:os.system [ls]\n", "line 1, column 4"),
        ("? [1, 2]\n: 3\n", "line 1"),
    ],
)
def test_errors_have_file_line_and_column(text: str, place: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text, "some.yml")
    assert str(error.value).startswith("some.yml: 1 problem")
    assert place in str(error.value)


def test_control_characters_are_reported() -> None:
    with pytest.raises(ConfigError, match="not YAML"):
        parse("a: \x01", "test")


def test_aliases_are_resolved_and_recorded() -> None:
    tree, aliases = parse("a: &n 5\nb:\n  - c: *n\n", "test")
    assert tree == {"a": 5, "b": [{"c": 5}]}
    assert [(x.owner, x.place, x.value) for x in aliases] == [("a", "b.0.c", 5)]


def test_aliased_mappings_are_copies() -> None:
    tree, _ = parse("a: &m {k: 1}\nb: *m\n", "test")
    tree["a"]["k"] = 2
    assert tree["b"] == {"k": 1}


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    with pytest.raises(ConfigError, match="aliases unfold"):
        parse("\n".join(lines), "test")


def test_an_alias_within_itself_is_refused() -> None:
    with pytest.raises(ConfigError, match="an alias that holds itself"):
        parse("a: &a [1, *a]\n", "test")


def test_an_empty_text_is_none() -> None:
    assert parse("# nothing\n", "test") == (None, [])


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12)
integers = st.integers(-(1 << 63), (1 << 63) - 1)
scalars = st.none() | st.booleans() | integers | st.floats(allow_nan=False) | texts
written = st.sampled_from(
    ["1e-4", "1E5", ".5e3", "010", "1:30", "2024-01-01", "yes", "null", "0x1f", "1_000", "~", "*a", "&b", "é "]
)
keys = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=8)
trees = st.recursive(
    scalars | written, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=12
)


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(st.dictionaries(keys, trees, max_size=4))
def test_what_is_dumped_reads_back_equal_in_value_and_type(tree: dict) -> None:
    again = parse(dump(tree), "test")[0]
    assert again == (tree or {})
    assert repr(again) == repr(tree)


def test_lookup() -> None:
    tree = {"a": [{"b": 1}, {"c": None}], "1": 2}
    assert lookup(tree, "a.0.b") == 1
    assert lookup(tree, "1") == 2
    assert lookup(tree, "a.2", "none") == "none"
    assert lookup(tree, "a.1.c", "none") is None
    assert lookup(tree, "a.0.b.x", "none") == "none"
    assert lookup(tree, "") == tree
