"""The character set: dictionary files byte for byte, encoding, decoding, PaddleOCR's rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppocr_like.charset import BLANK, Charset, read_dictionary
from ppocr_like.errors import DataError


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
    assert charset.decode([1, 2, 3]) == "aba"
    assert charset.duplicates == ["a"]
    assert Charset(["a", " "], use_space_char=True).encode(" ") == [3]
    assert Charset(["a", " "], use_space_char=True).duplicates == [" "]


def test_an_entry_called_blank_is_not_the_blank() -> None:
    charset = Charset([BLANK, "a"])
    assert charset.index(BLANK) == 1
    assert charset.decode([0, 1, 2]) == f"{BLANK}a"


def test_decode_keeps_repeats_and_drops_blanks() -> None:
    assert Charset("ab").decode([1, 1, 0, 2]) == "aab"


def test_arabic_dictionaries_are_right_to_left(tmp_path: Path) -> None:
    path = tmp_path / "arabic_dict.txt"
    path.write_text("\u0627\n", encoding="utf-8")
    assert Charset.from_file(path).right_to_left
    assert not Charset.from_file(None).right_to_left


@given(st.lists(st.text(min_size=1, max_size=2), min_size=1, max_size=8), st.booleans(), st.booleans(), st.booleans())
def test_metadata_gives_an_equal_set(entries: list[str], space: bool, lower: bool, rtl: bool) -> None:
    charset = Charset(entries, space, lower=lower, right_to_left=rtl)
    again = Charset.from_metadata(charset.to_metadata())
    assert again == charset
    assert hash(again) == hash(charset)
    assert again.digest == charset.digest


@given(st.text(alphabet="abc d", max_size=20))
def test_what_is_encoded_decodes_to_itself(text: str) -> None:
    charset = Charset("abcd", use_space_char=True)
    assert charset.decode(charset.encode(text)) == text


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
