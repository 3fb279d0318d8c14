"""From the written order to the page and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont, features

from ppocr_like.draw.fonts import choose_font
from ppocr_like.text import (
    is_right_to_left,
    mostly_right_to_left,
    paddle_order,
    right_to_left_entries,
    to_logical,
    to_visual,
)

LINES = {  # as people write it: as it stands on the page
    "שלום": "םולש",
    "שלום עולם": "םלוע םולש",
    "דף 12": "12 ףד",
    "12 דפים": "םיפד 12",
    "עד 15.3.2020 בלבד": "דבלב 15.3.2020 דע",
    "50% הנחה": "החנה 50%",
    "(ראה עמ' 7)": "(7 'מע האר)",
    "גרסה Windows 11 חדשה": "השדח Windows 11 הסרג",
    "iPhone חדש": "שדח iPhone",
    "www.example.com :אתר": "רתא: www.example.com",
    "صفحة ١٢ من ٢٠": "٢٠ نم ١٢ ةحفص",
    "خصم 50%": "%50 مصخ",
    "«مرحبا» قال": "لاق «ابحرم»",
    "בָּרָא": "ארָבָּ",
}


@pytest.mark.parametrize("text", LINES)
def test_lines_as_people_know_them(text):
    shown = to_visual(text)
    assert shown.text == LINES[text]
    assert to_logical(LINES[text]).text == text
    assert sorted(shown.order) == list(range(len(text)))


@pytest.mark.parametrize("text", ["", "abc (1) - 12:30", "Grüße, 10 %", "日本語（一）", "\u2067abc\u2069"])
def test_other_lines_stay(text):
    assert to_visual(text).text == to_logical(text).text == text
    assert to_visual(text).order == tuple(range(len(text)))


def word(letters: str) -> st.SearchStrategy[str]:
    return st.text(alphabet=letters, min_size=1, max_size=5)


HEBREW, ARABIC = word("אבגדהוזחטיךםן"), word("ابتثجحخدذرز")
NUMBERS = st.sampled_from(["7", "12", "3.14", "1,000", "12:30", "50%", "$5", "10-20", "12/05/2020", "+972", "#7"])
SIGNS = st.sampled_from(["-", "–", ",", "!", "?", "&", "*", "/", "...", '"'])


WRAPPED = st.sampled_from(["{}", "{}", "{}", "({})", "{},", "{}."])


def lines(*words: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    wrapped = st.builds(lambda w, how: how.format(w), st.one_of(*words), WRAPPED)
    return st.lists(wrapped, min_size=1, max_size=6).map(" ".join)


@settings(max_examples=300)
@given(lines(HEBREW, HEBREW, NUMBERS) | lines(ARABIC, ARABIC, NUMBERS, word("٠١٢٣٤٥")))
def test_words_and_numbers_come_back(text):
    if is_right_to_left(text):
        assert to_logical(to_visual(text).text).text == text


@settings(max_examples=300)
@given(lines(HEBREW, ARABIC, NUMBERS, SIGNS, word("abcXYZé")))
def test_what_is_read_looks_like_the_page(text):
    shown = to_visual(text).text
    read = to_logical(shown)
    assert to_visual(read.text).text == shown
    assert len(read.text) == len(text) and sorted(read.order) == list(range(len(text)))


@settings(max_examples=300)
@given(st.text(alphabet=st.sampled_from("אبa1 ().,%-ָ\u200d\u200f\u202e\u2067\u2069٣é")))
def test_whatever_a_network_reads_keeps_all_its_characters(text):
    for moved in (to_visual(text, ""), to_logical(text, ""), paddle_order(text)):  # nothing is turned over
        assert sorted(moved.order) == list(range(len(text)))
        assert moved.text == "".join(text[place] for place in moved.order)
        assert moved.apply(list(text)) == list(moved.text)


def test_only_signs_that_are_known_are_turned_over():
    assert to_visual("(אב)", "()").text == "(בא)"
    assert to_visual("(אב)", "(").text == ")בא("  # the set has no ")" to put there


def test_paddles_rule_is_its_own_inverse():
    assert paddle_order("سلا12 ").text == "12 الس"
    for text in ("سلا12 ", "ab 12 ابحرم: 5%"):
        assert paddle_order(paddle_order(text).text).text == text


def test_what_scripts_there_are():
    assert right_to_left_entries(["a", "א", "1", "لا", "٣", "é"]) == ["א", "لا"]
    assert is_right_to_left("a א") and is_right_to_left("٣") and not is_right_to_left("é 1")
    assert mostly_right_to_left(["abc", "שלום"]) and not mostly_right_to_left(["abcd", "שלום", "12"])


@pytest.mark.skipif(not (features.check("raqm") and features.check("fribidi")), reason="Pillow without Raqm and FriBiDi")
@pytest.mark.parametrize("text", [text for text in LINES if "א" <= max(text) <= "ת" or "Windows" in text])
def test_the_page_is_what_a_layout_engine_draws(text):
    """Raqm and FriBiDi draw the written order as the basic layout draws the page's."""
    file = choose_font(text, None)
    if any(file.lacks(character) for character in text):
        pytest.skip("no font here has these letters")
    pictures = []
    for line, engine, direction in (
        (text, ImageFont.Layout.RAQM, "rtl"),
        (to_visual(text).text, ImageFont.Layout.BASIC, None),
    ):
        font = ImageFont.truetype(str(file.path), 32, layout_engine=engine)
        canvas = Image.new("L", (900, 80), 255)
        plain = ["-kern", "-liga"] if direction else None
        ImageDraw.Draw(canvas).text((10, 10), line, font=font, fill=0, direction=direction, features=plain)
        ink = np.asarray(canvas) < 128
        pictures.append(ink[:, np.flatnonzero(ink.any(axis=0))[0] :])
    width = min(picture.shape[1] for picture in pictures)
    one, other = (picture[:, :width] for picture in pictures)
    assert (one & other).sum() > 0.65 * max(one.sum(), other.sum())
