"""Pages, lines, words."""

import json

import numpy as np
import pytest

from ppocr_like.documents import Character, Line, Page
from ppocr_like.documents.page import there_and_back
from ppocr_like.outside import Malformed


def line(text, step=10.0, backwards=False, **options):
    """A line of characters `step` px wide from (0, 0) on, 20 px high."""
    marks = []
    for i, character in enumerate(text):
        left = (len(text) - 1 - i if backwards else i) * step
        marks.append(Character(character, np.array([[left, 0], [left + step, 0], [left + step, 20], [left, 20]]), 0.5 + 0.01 * i))
    width = step * len(text)
    return Line(np.array([[0, 0], [width, 0], [width, 20], [0, 20]], float), text, 0.9, 0.8, tuple(marks), **options)


def test_words_have_the_place_of_their_characters():
    words = line("ab  cde ").words()
    assert [word.text for word in words] == ["ab", "cde"]
    assert words[1].points.tolist() == [[40, 0], [70, 0], [70, 20], [40, 20]]
    assert np.isclose(words[1].confidence, np.mean([0.54, 0.55, 0.56]))


def test_words_of_a_line_from_the_right():
    words = line("אב גד", backwards=True).words()
    assert [word.text for word in words] == ["אב", "גד"]
    assert words[0].points.tolist() == [[30, 0], [50, 0], [50, 20], [30, 20]]
    assert words[1].points.tolist() == [[0, 0], [20, 0], [20, 20], [0, 20]]


def test_a_line_without_places_is_one_word():
    (word,) = Line(np.array([[0, 0], [9, 0], [9, 5], [0, 5]]), " a b ", 0.7).words()
    assert (word.text, word.confidence) == ("a b", 0.7)
    assert Line(np.zeros((4, 2)), " ").words() == []


def test_text_puts_an_empty_line_between_blocks():
    page = Page("p.png", 100, 100, (line("one"), line("two"), line("three", block=1)))
    assert page.text == "one\ntwo\n\nthree"
    assert Page("p.png", 1, 1).text == ""


def test_plain_data_and_back():
    page = Page("p.png", 100, 50, (line("a b", turned=90, block=1),), (line("?"),))
    tree = json.loads(json.dumps(page.as_dict()))
    again = Page.from_dict(tree)
    assert again.as_dict() == tree
    assert again.lines[0].turned == 90 and again.lines[0].block == 1 and again.left_out[0].text == "?"
    last = {"text": "b", "points": [[20, 0], [30, 0], [30, 20], [20, 20]], "confidence": 0.52}
    assert tree["lines"][0]["characters"][2] == last


FULL = {
    "id": "l1",
    "baseline": [[0, 15], [10, 16], [20, 15]],
    "tags": [["type", "heading"], ["type", "first"]],
    "language": "he",
    "base_dir": "rtl",
    "split": "validation",
    "regions": ["r1"],
    "ignored": True,
    "words": [{"text": "a b", "points": [[0, 0], [9, 0], [9, 9], [0, 9]], "confidence": 0.5}],
}
OF_REGION = {"tags": [["type", "x"]], "language": "de", "kind": "table", "inside": "r0", "base_dir": "ltr"}
REGION = {"id": "r1", "type": "paragraph", "outline": [[0, 0], [9, 0], [9, 9]], **OF_REGION}
ORDER = {"name": "by column", "ids": ["r1"], "level": "region", "total": False, "description": "as told"}


def test_what_a_recogniser_does_not_know_stands_nowhere_in_plain_data():
    keys = ["text", "confidence", "points", "score", "turned", "block", "characters"]
    assert list(line("ab").as_dict()) == keys
    tree = Page("p.png", 100, 50, (line("ab"),)).as_dict()
    assert list(tree) == ["image", "width", "height", "turned", "lines", "left_out"]


def test_what_is_known_of_lines_regions_and_orders_comes_back():
    tree = {**Page("p.png", 100, 50, (line("ab"),)).as_dict(), "regions": [REGION], "orders": [ORDER], "processing": ["a", "b"]}
    tree["lines"][0] |= FULL
    page = Page.from_dict(json.loads(json.dumps(tree)))
    assert page.as_dict() == tree
    one, region, order = page.lines[0], page.regions[0], page.orders[0]
    assert region.name == "paragraph" and (region.kind, region.inside) == ("table", "r0") and order.description == "as told"
    assert [word.text for word in one.words()] == ["a b"] and not one.words()[0].characters
    assert one.ignored and one.tags == (("type", "heading"), ("type", "first")) and one.regions == ("r1",)
    assert region.outline.shape == (3, 2) and (region.type, region.language) == ("paragraph", "de")
    assert (order.ids, order.level, order.total) == (("r1",), "region", False)
    assert page.processing == ("a", "b")


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("lines", "id", 3, "id is 3; a text is needed"),
        ("lines", "baseline", [[1, 2]], "a baseline has 1 points; two or more are needed"),
        ("lines", "tags", {"a": "b"}, "tags is {'a': 'b'}; a list of pairs [name, value] is needed"),
        ("lines", "tags", [["a", 1]], "tags is 1; a text is needed"),
        ("lines", "language", None, "language is None; a text is needed"),
        ("lines", "base_dir", "up", "base_dir is 'up'; possible are '', 'ltr', 'rtl'"),
        ("lines", "split", [], "split is []; possible are '', 'train', 'validation', 'test'"),
        ("lines", "regions", "r1", "regions is 'r1'; a list of texts is needed"),
        ("lines", "ignored", 1, "ignored is 1; true or false is needed"),
        ("regions", "outline", [[0, 0], [1, 1]], "a region has 2 points; three or more are needed"),
        ("lines", "words", [{**FULL["words"][0], "points": [[0, 0]]}], "a word has 1 corners; four are needed"),
        ("regions", "type", 1, "type is 1; a text is needed"),
        ("regions", "kind", 1, "kind is 1; a text is needed"),
        ("regions", "base_dir", "L", "base_dir is 'L'; possible are '', 'ltr', 'rtl'"),
        ("orders", "description", None, "description is None; a text is needed"),
        ("orders", "ids", [1], "ids is 1; a text is needed"),
        ("orders", "level", "word", "level is 'word'; possible are 'line', 'region'"),
        ("orders", "total", "yes", "total is 'yes'; true or false is needed"),
    ],
)
def test_other_types_are_malformed(part, key, value, message):
    tree = {"image": "p", "width": 9, "height": 9, "lines": [line("a").as_dict()], "regions": [REGION], "orders": [ORDER]}
    tree[part] = [{**tree[part][0], key: value}]
    with pytest.raises(Malformed) as error:
        Page.from_dict(tree)
    assert str(error.value) == message


def test_a_line_of_which_only_the_baseline_is_known_is_not_outlined():
    baseline = np.array([[0, 15], [10, 17], [20, 15]], float)
    known = Line(there_and_back(baseline), "a", baseline=baseline)
    assert not known.outlined and known.points.tolist() == [[0, 15], [10, 17], [20, 15], [10, 17], [0, 15]]
    assert not Line.from_dict(known.as_dict()).outlined
    assert line("ab").outlined and line("ab", baseline=baseline).outlined


def test_a_known_baseline_is_taken_and_another_one_guessed():
    assert line("ab").baseline_points().tolist() == [[0, 16], [20, 16]]
    known = np.array([[0, 15], [10, 17], [20, 15]])
    assert line("ab", baseline=known).baseline_points().tolist() == known.tolist()
