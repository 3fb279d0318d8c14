"""Characters that look like others: named where one thing is written in two ways, and not where a script has both."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from ppocr_like.doctor.alike import Alike, Looks

CASES = os.environ.get("PPOCR_LIKE_CASES")


def alike(*labels: str) -> list[Alike]:
    looks, characters = Looks(), Counter[str]()
    for number, label in enumerate(labels, 1):
        part = Looks()
        part.add(label, f"line {number}")
        looks.merge(part)
        characters.update(label)
    return looks.alike(characters)


@pytest.mark.parametrize(
    ("labels", "what", "counts", "place"),
    [
        (["l'an", "l'or", "l\u2019an"], "apostrophes within words", {"'": 2, "\u2019": 1}, 3),
        (["ver-", "a-b", "er\u2e17", "un\u00ac"], "hyphens of words", {"-": 2, "\u2e17": 1, "\u00ac": 1}, 4),
        (['"a"', "\u201ea\u201c"], "quotation marks", {'"': 2, "\u201c\u201d\u201e": 2}, 2),
        (["a b", "a\u00a0b c"], "blanks", {" ": 2, "\u00a0": 1}, 2),
        (["fine", "\ufb01ne", "off"], "ligatures", {"ff, fi, fl": 2, "\ufb01": 1}, 2),
        (["n\u00b0 3", "n\u00ba 3"], "small circles", {"\u00b0": 1, "\u00ba": 1}, 2),
        (["a...", "b\u2026"], "three dots", {"...": 1, "\u2026": 1}, 2),
        (["Stra\u00dfe", "Stra\u03b2e"], "sharp s and beta", {"\u00df": 1, "\u03b2": 1}, 2),
        (["i\u017ft ein", "ist", "i\u017ft"], "long s and s in one word", {"i\u017ft": 2, "ist": 1}, 2),
        (["fu\u0364r", "f\u00fcr", "f\u00fcr"], "e above and diaeresis in one word", {"f\u00fcr": 2, "fu\u0364r": 1}, 1),
        (["n\u014d", "n\u00f5"], "tilde, macron and line above in one word", {"n\u014d": 1, "n\u00f5": 1}, 2),
        (["\u0421ount", "Count"], "letters of two scripts in one word", {"\u0421ount": 1}, 1),
    ],
)
def test_what_is_written_in_two_ways_is_named(labels: list[str], what: str, counts: dict[str, int], place: int) -> None:
    found = {one.what: one for one in alike(*labels)}
    assert found[what] == Alike(what, counts, f"line {place}", by_code="scripts" in what)


def test_letters_above_stand_beside_those_they_may_be_taken_for() -> None:
    (one, two) = alike("\u00e4 e e", "a\u0364", "q\u0363 a")
    assert one.what == "letters above others" and one.place == "line 2"
    assert one.counts == {"e": 2, "a": 2, "\u0364": 1, "\u0363": 1, "\u00e4": 1}
    assert two.what.startswith("e above and diaeresis")


def test_characters_that_cannot_be_seen_are_named_alone() -> None:
    (one,) = alike("Ver\u00adein", "a\ufffd\ufffd", "\u200bb")
    assert one.what.startswith("characters that cannot be seen")
    assert one.counts == {"\ufffd": 2, "\u00ad": 1, "\u200b": 1} and one.place == "line 3"


@pytest.mark.parametrize(
    "labels",
    [
        ["da\u017f Haus", "i\u017ft es"],  # both kinds of s by the rule
        ["\u03c4\u1f78\u03bd Aias", "\u03bf o"],  # Greek beside Latin
        ["1914 \u2013 1918", "vor-", "12\u201313"],  # dash and hyphen
        ["l'an 'oui'", "les \u2019 seuls"],
        ["\u05d0\u200d\u05d1"],  # a joiner is part of the script
        ["\u201eja\u201c", "\u201cyes\u201d"],
        ["a", ""],
    ],
)
def test_what_a_script_has_is_no_alarm(labels: list[str]) -> None:
    assert alike(*labels) == []


@pytest.mark.skipif(not CASES, reason="PPOCR_LIKE_CASES names no folder with real sets")
def test_few_words_on_real_sets() -> None:
    """Sets that keep to one spelling have none, and the mixed ones have what is in them."""
    found = {}
    for name in ("registers_lectaurep", "handwriting_poilus", "letters_en_stanford", "fraktur_ocrd"):
        lines = (Path(str(CASES)) / "data" / "rec" / name / "train.txt").read_text(encoding="utf-8").splitlines()
        found[name] = [one.what for one in alike(*(line.split("\t", 1)[1] for line in lines))]
    assert found["registers_lectaurep"] == found["handwriting_poilus"] == found["letters_en_stanford"] == []
    assert found["fraktur_ocrd"] == ["letters above others", "e above and diaeresis in 2 words"]
