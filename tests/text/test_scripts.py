"""Scripts by Unicode's property, and names under which characters can be seen."""

from __future__ import annotations

import pytest

from ppocr_like.text.scripts import code_of, name_of, script_of, shown


@pytest.mark.parametrize(
    ("characters", "script"),
    [
        ("aéßſꝑﬁªⅫK", "Latin"),  # the last: the Kelvin sign
        ("αἄϗ", "Greek"),
        ("жѢꙊ", "Cyrillic"),
        ("אּבש", "Hebrew"),
        ("عیپﻻ", "Arabic"),
        ("漢々㐀", "Han"),
        (" 1.,-–€§·»µ\u00a0ー", "Common"),  # a name would make the micro sign and the long vowel mark something else
        ("\u0301\u0363\u20dd", "Inherited"),
        ("𐌰", "Gothic"),
        ("ܐ", "Syriac"),
        ("\ue42f\u0378", "Unknown"),
    ],
)
def test_scripts(characters: str, script: str) -> None:
    assert {script_of(character) for character in characters if script_of(character) != script} == set()


@pytest.mark.parametrize(
    ("character", "expected"),
    [
        ("", ""),
        ("a", "a"),
        ("ſ", "ſ"),
        (".", "."),
        (" ", "SPACE"),
        ("\u00a0", "NO-BREAK SPACE"),
        ("\u0301", "COMBINING ACUTE ACCENT"),
        ("\u00ad", "SOFT HYPHEN"),
        ("\u200f", "RIGHT-TO-LEFT MARK"),
        ("\x07", "U+0007"),
        ("\ue42f", "U+E42F"),
        ("\ud800", "U+D800"),
    ],
)
def test_shown(character: str, expected: str) -> None:
    assert shown(character) == expected


def test_names() -> None:
    assert name_of("ſ") == "LATIN SMALL LETTER LONG S" and name_of("") == "" and code_of("\U0001f0a1") == "U+1F0A1"
