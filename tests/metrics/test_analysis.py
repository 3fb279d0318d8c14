"""Error analysis on known texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppocr_like.metrics.analysis import (
    Pair,
    Rate,
    by_character,
    by_length,
    by_script,
    confusions,
    edits,
    error_rate,
    script,
    worst,
)

PAIRS = [
    Pair("Strasse", "Straße", 0.9, "1.png"),
    Pair("l'été 1914", "l'ete 1914", 0.5, "2.png"),
    Pair("abc", "abc", 1.0, "3.png"),
    Pair("", "x", 0.3, "4.png"),
]


def test_confusions_name_both_sides():
    found = confusions(PAIRS)
    assert found[("é", "e")] == 2
    assert found[("", "x")] == 1
    assert sum(found.values()) == error_rate(PAIRS).errors == 5


def test_rates_by_character():
    rates = by_character(PAIRS)
    assert rates["é"] == Rate(2, 2)
    assert rates["s"].errors == 2 and rates["s"].count == 2
    assert rates[""] == Rate(0, 1)
    assert next(iter(rates)) in ("s", "é")


def test_rates_by_script_add_up_to_the_cer():
    rates = by_script([*PAIRS, Pair("你好 Αθ", "你 Αθ!")])
    assert rates["cjk"] == Rate(2, 1)
    assert rates["greek"] == Rate(2, 0)
    assert rates["digit"] == Rate(4, 0)
    assert rates["punctuation"].errors == 1
    assert sum(rates.values(), Rate()) == error_rate([*PAIRS, Pair("你好 Αθ", "你 Αθ!")])


def test_rates_by_length():
    rates = by_length([*PAIRS, Pair("a" * 41, "a" * 40), Pair("b" * 100, "b" * 100), Pair("c" * 10, "c" * 9)])
    assert rates == {"0": Rate(0, 1), "1-10": Rate(30, 5), "41-80": Rate(41, 1), "81+": Rate(100, 0)}


def test_worst_lines():
    assert [pair.path for pair in worst(PAIRS, 2)] == ["4.png", "1.png"]
    assert worst([Pair("ab", "xb", 0.2, "low"), Pair("ab", "ax", 0.9, "sure")], 5)[0].path == "sure"
    assert worst([PAIRS[2]], 3) == []


@pytest.mark.parametrize(
    ("character", "name"),
    [("a", "latin"), ("ſ", "latin"), ("か", "hiragana"), ("٣", "digit"), ("\u00a0", "space"), ("€", "symbol")],
)
def test_scripts(character, name):
    assert script(character) == name


@given(st.text(max_size=12), st.text(max_size=12))
def test_edits_are_as_many_as_the_distance(reference, prediction):
    pair = Pair(reference, prediction)
    assert len(edits(pair)) == pair.errors
    assert sum(by_script([pair]).values(), Rate()) == Rate(len(reference), pair.errors)
