"""The character set: dictionary files byte for byte, encoding, decoding, PaddleOCR's rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppocr_like.charset import BLANK, Charset, read_dictionary, untold_direction
from ppocr_like.errors import DataError
from ppocr_like.text import Direction


def file(folder: Path, data: bytes) -> Path:
    path = folder / "dict.txt"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "entries"),
    [
        (b"a\nb\nc\n", ["a", "b", "c"]),
        (b"a\nb\nc", ["a", "b", "c"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"\xef\xbb\xbfa\nb\n", ["a", "b"]),
        (b"a\n \nb\n", ["a", " ", "b"]),
        ("a\n\u3000\n\u2028\n\x85\n".encode(), ["a", "\u3000", "\u2028", "\x85"]),
        ("fi\n\ufb01\nA\u0300\n".encode(), ["fi", "\ufb01", "A\u0300"]),
        (b"\t\n", ["\t"]),
        (b"a\n\nb\n", ["a", "", "b"]),
    ],
)
def test_only_line_ends_are_cut(tmp_path: Path, data: bytes, entries: list[str]) -> None:
    assert read_dictionary(file(tmp_path, data)) == entries


def test_unusable_dictionaries_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.txt: cannot read the dictionary \(No such file"):
        read_dictionary(tmp_path / "none.txt")
    with pytest.raises(DataError, match="is empty"):
        read_dictionary(file(tmp_path, b""))
    with pytest.raises(DataError, match="is empty"):
        read_dictionary(file(tmp_path, b"\xef\xbb\xbf"))
    with pytest.raises(DataError, match=r"dict\.txt, line 2: not UTF-8"):
        read_dictionary(file(tmp_path, b"a\n\xe9\n"))


def test_classes_are_blank_entries_space() -> None:
    assert Charset("ab").labels == (BLANK, "a", "b")
    assert Charset("ab", use_space_char=True).labels == (BLANK, "a", "b", " ")
    assert Charset("ab", use_space_char=True).num_classes == 4


def test_without_a_file_it_is_paddleocr_s_36_classes_in_lower_case() -> None:
    charset = Charset.from_file(None, use_space_char=True)
    assert charset.num_classes == 37
    assert charset.encode("aB9!") == [11, 12, 10]
    assert charset.unknown("aB9! ") == ["!", " "]


def test_encode_leaves_unknown_characters_out_and_names_them() -> None:
    charset = Charset("abc")
    assert charset.encode("axbxc") == [1, 2, 3]
    assert charset.unknown("axbyc") == ["x", "y"]
    assert charset.encode("") == []


def test_of_duplicates_the_last_index_encodes_and_both_decode() -> None:
    charset = Charset("aba")
    assert charset.encode("a") == [3]
    assert charset.decode([1, 2, 3]).text == "aba"
    assert charset.duplicates == ["a"]
    assert Charset(["a", " "], use_space_char=True).encode(" ") == [3]
    assert Charset(["a", " "], use_space_char=True).duplicates == [" "]


def test_an_entry_called_blank_is_not_the_blank() -> None:
    charset = Charset([BLANK, "a"])
    assert charset.index(BLANK) == 1
    assert charset.decode([0, 1, 2]).text == f"{BLANK}a"


def test_decode_keeps_repeats_and_drops_blanks() -> None:
    assert Charset("ab").decode([1, 1, 0, 2]).text == "aab"


@pytest.mark.parametrize(
    ("entry", "auto"), [("\u0627", "rtl"), ("\u05d0", "rtl"), ("é", "ltr"), ("\u0661", "ltr"), ("ب\u0627", "rtl")]
)
@pytest.mark.parametrize("folder", ["arabic_and_french", "plain"])
def test_the_entries_decide_the_direction_and_never_the_path(tmp_path: Path, entry: str, auto: str, folder: str) -> None:
    path = tmp_path / folder / "arabic_dict.txt"
    path.parent.mkdir()
    path.write_text(f"a\n1\n{entry}\n", encoding="utf-8")
    assert Charset.from_file(path).direction == auto
    assert Charset.from_file(path, direction="paddle").direction == ("paddle" if auto == "rtl" else "ltr")
    assert Charset.from_file(path, direction="ltr").direction == "ltr"
    assert Charset.from_file(None).direction == "ltr"


def test_metadata_from_before_the_direction_was_kept_mean_what_they_did() -> None:
    old = {"entries": ["\u05d0"], "use_space_char": False, "lower": False}
    for right_to_left, direction in ((True, "paddle"), (False, "ltr")):
        charset = Charset.from_metadata({**old, "right_to_left": right_to_left})
        assert charset.direction == direction
        assert direction in untold_direction({**old, "right_to_left": right_to_left}, charset)
    assert not untold_direction({**old, "direction": "rtl"}, charset)
    assert not untold_direction({**old, "right_to_left": False}, Charset("ab"))
    with pytest.raises(ValueError, match="'up'; known: ltr, rtl, paddle"):
        Charset.from_metadata({**old, "direction": "up"})


def test_what_each_direction_means() -> None:
    said, shown = "אב 12, (גד)", "(דג) ,12 בא"  # in reading order, and as it stands on the page
    entries = sorted(set(said))
    rtl, ltr, paddle = (Charset(entries, direction=direction) for direction in ("rtl", "ltr", "paddle"))
    assert rtl.encode(said) == ltr.encode(shown) == paddle.encode(shown)
    assert rtl.decode(rtl.encode(said)).text == said == rtl.reference(said) == rtl.label(said)
    assert ltr.decode(ltr.encode(shown)).text == shown == ltr.reference(shown) == ltr.label(said)
    assert paddle.decode(paddle.encode(shown)).text == paddle.reference(shown) and paddle.label(said) == shown
    assert rtl.beside("אב", "גד") == "גדאב" and ltr.beside("אב", "גד") == paddle.beside("אב", "גד") == "אבגד"
    assert rtl.beside("Ab", "cd") == "Abcd"


def test_a_base_direction_that_a_file_tells_wins_over_those_that_are_found() -> None:
    said = "abc אב!"
    shown = {"ltr": "abc בא!", "rtl": "!בא abc"}
    entries = sorted(set(said))
    page = Charset(entries)
    for direction, alone in (("bidi", "ltr"), ("rtl", "rtl"), ("bidi_ltr", "ltr"), ("bidi_rtl", "rtl")):
        charset = Charset(entries, direction=direction)
        assert charset.moves and charset.encode(said) == page.encode(shown[alone])
        assert Charset.from_metadata(charset.to_metadata()) == charset
        for told in ("ltr", "rtl"):
            wanted = told if direction in ("bidi", "rtl") else alone
            indices = charset.encode(said, told)
            assert indices == page.encode(shown[wanted]), (direction, told)
            assert charset.decode(indices, told).text == said
    assert Charset(entries, direction="rtl").encode("abc!", "rtl") == page.encode("abc!")  # no right-to-left letter
    assert Charset(entries, direction="bidi").encode("abc!", "rtl") == page.encode("!abc")


def test_an_entry_of_several_letters_is_one_class_on_the_page() -> None:
    charset = Charset(["\u0644\u0627", "\u0645", "ab"], direction="rtl")
    assert charset.decode([1, 2]).text == "\u0645\u0644\u0627"  # lam and alef in their order
    assert charset.decode([3, 2]).text == "\u0645ab"


def test_labels_that_look_like_others_are_known() -> None:
    charset = Charset("אב12ab ", direction="rtl")
    assert charset.looks_alike("אב 12 ab") == "אב ab 12"
    assert charset.looks_alike("אב ab 12") is None and charset.looks_alike("12 אב") is None


@given(
    st.lists(st.text(min_size=1, max_size=2), min_size=1, max_size=8),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["ltr", "rtl", "paddle"]),
)
def test_metadata_gives_an_equal_set(entries: list[str], space: bool, lower: bool, direction: Direction) -> None:
    charset = Charset(entries, space, lower=lower, direction=direction)
    again = Charset.from_metadata(charset.to_metadata())
    assert again == charset
    assert hash(again) == hash(charset)
    assert again.digest == charset.digest


@given(st.text(alphabet="abc d", max_size=20))
def test_what_is_encoded_decodes_to_itself(text: str) -> None:
    charset = Charset("abcd", use_space_char=True)
    assert charset.decode(charset.encode(text)).text == text


def test_different_sets_differ() -> None:
    base = Charset("ab")
    for other in (Charset("ba"), Charset("ab", True), Charset("ab", lower=True), Charset(["ab"])):
        assert other != base
    assert Charset("ab").digest != Charset("ba").digest
    assert Charset("ab") != "ab"


def test_odd_entries_are_named_with_their_lines() -> None:
    charset = Charset(["a", "b", "a", " ", "ch", "", "a"], use_space_char=True)
    twice, long = charset.odd_entries()
    assert twice == (
        "dictionary: 2 entries stand twice, only the last of each is trained: "
        "'a' (lines 1, 3, 7), ' ' (line 4, and use_space_char appends it)"
    )
    assert long == "dictionary: 2 entries are not one character, so no label can hold them: 'ch' (line 5), '' (line 6)"
    assert charset.odd_entries(most=1)[1].endswith("'ch' (line 5) and 1 more")
    assert Charset("ab ", use_space_char=False).odd_entries() == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0\t0\n1\t1\na\t2\n", "columns, separated by tabs"),
        ("a \nb \nc  \n", "end or begin with blanks"),
        ("abcdefghij\n", "all characters stand on one line"),
        ("ab\ncd\n \n", "one character per line"),
    ],
)
def test_a_dictionary_of_which_no_entry_can_be_used_is_an_error(tmp_path, text, why):
    path = tmp_path / "dict.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=why) as caught:
        Charset.from_file(path, use_space_char=True)
    assert "dict.txt" in str(caught.value)
    path.write_text(text + "x\n", encoding="utf-8")
    assert Charset.from_file(path).index("x")
