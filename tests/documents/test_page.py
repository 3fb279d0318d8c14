"""Pages, lines, words."""

import json

import numpy as np

from ppocr_like.documents import Character, Line, Page


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
