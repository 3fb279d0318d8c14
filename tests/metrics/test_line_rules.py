"""What of a text counts, and where it stands in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppocr_like.metrics.line_rules import LineRules

RULES = [
    LineRules(ignore_space, is_filter, keeps_ends)
    for ignore_space in (True, False)
    for is_filter in (True, False)
    for keeps_ends in (True, False)
]


@pytest.mark.parametrize("rules", RULES, ids=str)
@settings(max_examples=25, deadline=None)
@given(text=st.text(st.sampled_from("aB1é\u0301 \tא"), max_size=8))
def test_places_are_those_of_what_is_compared(rules: LineRules, text: str) -> None:
    kept = "".join(text[place] for place in rules.places(text))
    assert (kept.lower() if rules.is_filter else kept) == rules.compared(text)


def test_told() -> None:
    assert "spaces too" in LineRules(ignore_space=False).told() and not LineRules(ignore_space=False).leaves_out
    assert LineRules().leaves_out and "ignore_space" in LineRules().told()
