"""The way back: what a line says that stands on the page so, under every rule of the base direction."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_bidi import cases, needs_cases

from ppocr_like.text import Base, to_logical, to_visual

BASES: tuple[Base, ...] = ("letters", "first", "ltr", "rtl")
SHARES = {"letters": 0.95, "first": 0.7, "ltr": 0.9, "rtl": 0.9}  # of Unicode's cases that come back as they were
CONTROLS = frozenset(("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "BN", "B"))


def back(text: str, base: Base) -> str:
    return to_logical(to_visual(text, None, base).text, None, base).text


@pytest.mark.parametrize(
    ("base", "text", "shown"),
    [
        ("first", "abc אבג 12", "abc 12 גבא"),
        ("first", "אבג abc 12!", "!abc 12 גבא"),
        ("first", "12 אב", "בא 12"),  # a digit is not strong
        ("first", "12, (ab)", "12, (ab)"),
        ("ltr", "(אבג) abc!", "(גבא) abc!"),
        ("ltr", "12 אב", "12 בא"),
        ("ltr", "אב 12 גד!", "דג 12 בא!"),
        ("rtl", "abc!", "!abc"),
        ("rtl", "12, (ab)", "(ab) ,12"),
        ("rtl", "abc אבג!", "!גבא abc"),
        ("letters", "abc אבג!", "!גבא abc"),
        ("letters", "abc!", "abc!"),
        ("rtl", "", ""),
    ],
)
def test_the_base_direction_decides(base: Base, text: str, shown: str) -> None:
    assert to_visual(text, None, base).text == shown
    if (base, text) != ("first", "abc אבג 12"):  # "abc 12 אבג" looks the same
        assert to_logical(shown, None, base).text == text


def test_of_two_lines_that_look_the_same_most_letters_decide_and_a_told_base_direction_is_exact() -> None:
    shown = "abc הדגבא"
    assert to_visual("abc אבגדה", None, "first").text == to_visual("אבגדה abc", None, "first").text == shown
    assert to_logical(shown, None, "first").text == to_logical(shown, None, "rtl").text == "אבגדה abc"
    assert to_logical(shown, None, "ltr").text == "abc אבגדה"
    assert to_logical("abcdef בא", None, "first").text == "abcdef אב"


def check_unicodes_cases(step: int) -> dict[Base, tuple[int, int]]:
    """By base: texts of Unicode's cases without controls, and how many of them come back; each of the others came back as a text
    that stands on the page in the same way."""
    texts = {text for text, *_ in cases(step)}
    texts = {text for text in texts if not CONTROLS & set(map(unicodedata.bidirectional, text))}
    found: dict[Base, tuple[int, int]] = {}
    for base in BASES:
        exact = 0
        for text in texts:
            shown = to_visual(text, None, base).text
            read = to_logical(shown, None, base).text
            exact += read == text
            assert to_visual(read, None, base).text == shown, (base, ascii(text), ascii(read))
        found[base] = (len(texts), exact)
    return found


@needs_cases
def test_unicodes_cases_without_controls_come_back_or_look_the_same() -> None:
    for base, (count, exact) in check_unicodes_cases(701).items():
        assert count > 100 and exact > SHARES[base] * count


@needs_cases
@pytest.mark.slow
def test_all_of_unicodes_cases_without_controls_come_back_or_look_the_same() -> None:
    for base, (count, exact) in check_unicodes_cases(1).items():
        assert count > 45_000 and exact > SHARES[base] * count


def word(letters: str) -> st.SearchStrategy[str]:
    return st.text(alphabet=letters, min_size=1, max_size=5)


NUMBERS = st.sampled_from(["7", "12", "3.14", "1,000", "12:30", "50%", "$5", "10-20", "12/05/2020"])
LINE = st.lists(word("אבגדה") | word("ابتثج") | word("abcé") | NUMBERS | st.sampled_from("-!?&"), min_size=1, max_size=6)


@settings(max_examples=100)
@given(LINE.map(" ".join), st.sampled_from(BASES))
def test_what_is_read_stands_on_the_page_as_it_did(text: str, base: Base) -> None:
    shown = to_visual(text, None, base)
    read = to_logical(shown.text, None, base)
    assert to_visual(read.text, None, base).text == shown.text
    assert "".join(shown.text[place] for place in read.order).translate(UNTURNED) == read.text.translate(UNTURNED)


UNTURNED = str.maketrans(")]}>", "([{<")


@settings(max_examples=100)
@given(st.lists(word("אבגדה") | NUMBERS, min_size=1, max_size=6).map(" ".join) | LINE.map(lambda words: " ".join(words[:1])))
def test_lines_of_one_script_with_numbers_come_back(text: str) -> None:
    if any(unicodedata.bidirectional(character) in ("R", "AL", "L") for character in text):
        assert back(text, "first") == text


@settings(max_examples=100)
@given(st.text(alphabet=st.sampled_from("אبa1 ().,%-ָ\u200d\u200f\u202e\u2067\u2069٣é")), st.sampled_from(BASES))
def test_controls_are_characters_that_are_kept_wherever_they_stand(text: str, base: Base) -> None:
    for moved in (to_visual(text, "", base), to_logical(text, "", base)):
        assert sorted(moved.order) == list(range(len(text)))
        assert moved.text == "".join(text[place] for place in moved.order)
