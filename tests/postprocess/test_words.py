"""Words of a line and their places."""

import pytest

from ppocr_like.contracts import TextLine
from ppocr_like.postprocess.words import content_steps, group_words


def words(text):
    return [(word.text, word.kind) for word in group_words(TextLine(text, 1.0, tuple(range(len(text)))))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  ", []),
        ("l'eau d’une", ["l'eau", "d’une"]),
        ("state-of-the-art, 3.14.", ["state-of-the-art", "3.14"]),
        ("a.b v2.1", ["a", "b", "v2.1"]),
        ("- x", ["x"]),
        ("'abc'", ["abc'"]),
        ("слово и ещё", ["слово", "и", "ещё"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
    ],
)
def test_alphabetic_words(text, expected):
    assert words(text) == [(word, "en&num") for word in expected]


def test_kinds_part_words():
    assert words("你好abc世") == [("你好", "cn"), ("abc", "en&num"), ("世", "cn")]
    assert words("カナ12") == [("カナ", "cn"), ("12", "en&num")]


def test_columns_belong_to_the_characters():
    line = TextLine("ab cd", 1.0, (3, 5, 8, 9, 12), steps=20)
    assert [word.columns for word in group_words(line)] == [(3, 5), (9, 12)]


def test_content_steps_leave_out_the_padding():
    assert content_steps([TextLine("", 0.0, steps=40)] * 2, [3.0, 6.0], 6.0) == [20.0, 40.0]
