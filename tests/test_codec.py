"""The codec: which entries stand for which classes, encoding, decoding, what is refused; behaviours that kraken's tests hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppocr_like.charset import Charset
from ppocr_like.codec import Codec, classes_from_metadata, codec_text, make_codec, read_codec
from ppocr_like.errors import DataError
from ppocr_like.postprocess.ctc import CTCLabelDecode

ONE_TO_ONE = {c: [n] for n, c in enumerate("ab1!", 1)}
MANY_TO_ONE = {"aaa": [1], "aa": [2], "a": [3], "b": [4]}
ONE_TO_MANY = {"a": [1, 1], "b": [1, 2], "c": [3], "\ufb03": [4, 4, 5]}
MANY_TO_MANY = {"aaa": [1, 10, 2], "aa": [1, 3], "ab": [4], "a": [2, 5], "b": [6]}


@pytest.mark.parametrize(
    ("mapping", "text", "classes"),
    [
        (ONE_TO_ONE, "a1b!", [1, 3, 2, 4]),
        (MANY_TO_ONE, "aaaaab", [1, 2, 4]),
        (MANY_TO_ONE, "aaaa", [1, 3]),
        (ONE_TO_MANY, "cab\ufb03", [3, 1, 1, 1, 2, 4, 4, 5]),
        (MANY_TO_MANY, "aaaab", [1, 10, 2, 4]),
        (MANY_TO_MANY, "aab", [1, 3, 6]),
    ],
)
def test_the_longest_entry_is_taken_and_all_can_be_read_again(
    mapping: dict[str, list[int]], text: str, classes: list[int]
) -> None:
    codec = Codec(mapping)
    assert codec.encode(text) == classes and codec.decode(classes).text == text
    assert codec.unknown(text) == []


def test_what_begins_no_entry_is_left_out_and_named() -> None:
    codec = Codec({"a\u0308": [1], "a": [2], "ch": [3]})
    assert codec.encode("xa\u0308cch") == [1, 3] and codec.unknown("xa\u0308cch\u0308") == ["x", "c", "\u0308"]
    assert not codec.by_character and Codec(ONE_TO_ONE).by_character


def test_classes_of_a_part_of_an_entry_say_nothing() -> None:
    codec = Codec(ONE_TO_MANY)
    assert codec.decode([4, 4]).text == "" and codec.decode([4, 4, 3, 5, 2, 1, 2]).text == "cb"
    assert codec.decode([0, 1, 0, 1, 3]).text == "ac"  # blanks between them do not matter


def test_places_are_those_of_the_first_and_the_last_class() -> None:
    codec = Codec({"ch": [1], "\ufb03": [2, 2, 3], "x": [4]})
    decoded = codec.decode([4, 2, 2, 3, 1])
    assert decoded.text == "x\ufb03ch"
    assert list(decoded.first) == [0, 1, 4, 4] and list(decoded.last) == [0, 3, 4, 4]


def test_ctc_lines_take_the_first_step_and_the_mean_confidence() -> None:
    codec = Codec({"ch": [1], "\ufb00": [2, 3]})
    steps = [(0, 0.9), (2, 0.5), (2, 0.6), (0, 0.9), (3, 0.7), (1, 0.9)]
    scores = np.zeros((1, len(steps), codec.num_classes), np.float32)
    for step, (number, value) in enumerate(steps):
        scores[0, step] = (1 - value) / (codec.num_classes - 1)
        scores[0, step, number] = value
    (line,) = CTCLabelDecode(charset=codec)(scores)
    assert line.text == "\ufb00ch" and line.columns == (1, 5, 5)
    assert line.confidences == pytest.approx((0.6, 0.9, 0.9)) and line.confidence == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({}, "a mapping of texts"),
        ({"a": [0]}, r"'a' \(U\+0061 LATIN SMALL LETTER A\) has the classes \[0\].*0 is the blank"),
        ({"a": []}, "a list of numbers from 1 on"),
        ({"a": ["1"]}, "a list of numbers"),
        ({"a": [True]}, "a list of numbers"),
        ({"a": [10**9]}, "a list of numbers"),
        ({"a": "1"}, "a list of numbers"),
        ({1: [1]}, "1 is no text; in YAML a digit needs quotation marks"),
        ({"": [1]}, "'' is no text"),
        ({"a": [1], "b": [2], "c": [1]}, r"'a' .* and 'c' .* both have the classes \[1\]"),
        ({"a": [1], "b": [1, 2]}, r"'a' .* and 'b' .* cannot be told apart: the second begins with the classes \[1\]"),
        ({"x": [3, 1], "a": [1], "b": [3, 1, 2], "c": [3, 2]}, r"'x' .* and 'b' .* begins with the classes \[3, 1\]"),
    ],
)
def test_what_is_no_codec_is_said_with_the_pair(mapping: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Codec(mapping)


def test_the_automatic_codec_is_the_code_points_in_their_order() -> None:
    codec = Codec.of_characters("b a\u0308ab")
    assert codec.mapping == {" ": (1,), "a": (2,), "b": (3,), "\u0308": (4,)}
    assert codec.encode("ab") == [2, 3] and codec.labels == ("blank", " ", "a", "b", "\u0308")


def test_classes_of_no_entry_are_allowed_and_said() -> None:
    codec = Codec({"a": [2], "b": [5]})
    assert codec.num_classes == 6 and codec.decode([1, 2, 3, 5]).text == "ab"
    assert codec.odd_entries(most=2) == ["codec: 3 classes belong to no entry and are never learned: 1, 3 and 1 more"]
    assert Codec(ONE_TO_MANY).odd_entries() == []


def test_right_to_left_lines_are_cut_as_they_stand_on_the_page() -> None:
    codec = make_codec({"\u0644\u0627": [1], "\u0644": [2], "\u0645": [3], "1": [4], "2": [5], "(": [6], ")": [7, 6]}, "auto")
    said = "\u0645\u0644\u0627(12)\u0644"
    assert codec.direction == "rtl"
    assert codec.encode(said) == [2, 6, 4, 5, 7, 6, 1, 3] and codec.decode(codec.encode(said)).text == said
    assert codec.unknown("\u0645x\u0627") == ["x", "\u0627"]
    assert make_codec({"a": [1]}, "auto").direction == "ltr" and codec.with_direction("ltr").encode(said)[0] == 3


def test_files_and_metadata(tmp_path: Path) -> None:
    path = tmp_path / "codec.json"
    codec = Codec(MANY_TO_MANY, "ltr")
    path.write_text(codec_text(codec.mapping), encoding="utf-8")
    assert read_codec(path) == codec.mapping
    again = classes_from_metadata(json.loads(json.dumps(codec.to_metadata())))
    assert again == codec and again.digest == codec.digest and hash(again) == hash(codec)
    assert codec.digest != Codec(ONE_TO_MANY).digest and codec != Charset("ab")
    assert classes_from_metadata(Charset("ab").to_metadata()) == Charset("ab")
    for text, message in (("[1]", "a mapping of texts"), ("{", "no codec"), ('{"a": 1.5}', "a list of numbers")):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=message):
            read_codec(path)
    with pytest.raises(DataError, match=r"none\.json: cannot read the codec .*set Global\.codec"):
        read_codec(tmp_path / "none.json")


def test_an_entry_that_stands_twice_in_a_file_is_refused(tmp_path: Path) -> None:
    """Of two equal keys JSON's readers keep the last without a word."""
    (tmp_path / "codec.json").write_text('{"a": [1], "b": [2], "a": [3]}', encoding="utf-8")
    with pytest.raises(DataError, match=r"no codec: has 'a' \(U\+0061 LATIN SMALL LETTER A\) twice"):
        read_codec(tmp_path / "codec.json")


KEYS = st.dictionaries(st.text(alphabet="abcé\u0308א", min_size=1, max_size=3), st.integers(0, 2), min_size=1, max_size=9)


@given(KEYS, st.text(alphabet="abcé\u0308א ", max_size=20))
def test_what_is_known_can_be_read_again(keys: dict[str, int], text: str) -> None:
    mapping = {entry: [*[1] * more, number + 2] for number, (entry, more) in enumerate(keys.items())}
    codec = Codec(mapping)
    assert classes_from_metadata(codec.to_metadata()) == codec
    read, unknown = codec.decode(codec.encode(text)).text, codec.unknown(text)
    assert sorted(read + "".join(unknown)) == sorted(text)
    if not unknown:
        assert read == text


@given(st.text(alphabet="אבab12 ()", max_size=16))
def test_right_to_left_characters_are_a_charset_s(text: str) -> None:
    codec = Codec.of_characters("אבab12 ()", "rtl")
    charset = Charset(sorted("אבab12 ()"), direction="rtl")
    assert codec.encode(text) == charset.encode(text) and codec.decode(codec.encode(text)) == charset.decode(charset.encode(text))
