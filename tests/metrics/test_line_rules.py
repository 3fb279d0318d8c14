"""What of a text counts, and where it stands in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppocr_like.metrics.line_rules import LineRules

RULES = [
    LineRules(ignore_space, is_filter, keeps_ends, ignore_case)
    for ignore_space in (True, False)
    for is_filter in (True, False)
    for keeps_ends in (True, False)
    for ignore_case in (True, False)
]


@pytest.mark.parametrize("rules", RULES, ids=str)
@settings(max_examples=25, deadline=None)
@given(text=st.text(st.sampled_from("aB1éΣςİß\u0301 \tא"), max_size=8))
def test_places_are_those_of_what_is_compared(rules: LineRules, text: str) -> None:
    kept = "".join(text[place] for place in rules.places(text))
    got = rules.compared(text)
    assert len(got) == len(kept) and (got.casefold() == kept.casefold() if rules.is_filter or rules.ignore_case else got == kept)


@pytest.mark.parametrize(("one", "other"), [("Total RM", "TOTAL RM"), ("ΛΟΓΟΣ", "λογος"), ("ÉTÉ", "été"), ("İz", "İZ")])
def test_case_does_not_count_where_it_is_ignored(one: str, other: str) -> None:
    rules = LineRules(ignore_space=False, ignore_case=True)
    assert rules.compared(one) == rules.compared(other) and rules.words(one) == rules.words(other)
    assert LineRules(ignore_space=False).compared(one) != LineRules(ignore_space=False).compared(other)


def test_told() -> None:
    assert "case does not" in LineRules(ignore_case=True).told()
    assert "spaces too" in LineRules(ignore_space=False).told() and not LineRules(ignore_space=False).leaves_out
    assert LineRules().leaves_out and "ignore_space" in LineRules().told()
