"""The dictionaries under configs/dict follow from Unicode; PaddleOCR's keep every entry."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from ppocr_like.charset import Charset, read_dictionary

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "configs" / "dict"
CASES = os.environ.get("PPOCR_LIKE_CASES")
THEIRS = Path(CASES or "", "paddleocr", "dicts")

ASCII = range(0x21, 0x7F)
# Latin-1 Supplement and Latin Extended-A, the Romanian letters with comma, the capital sharp s, dashes and quotation marks,
# per mille, primes, single guillemets, euro, numero, trade mark.
LATIN = (
    *(range(0xA1, 0x180), range(0x218, 0x21C), range(0x1E9E, 0x1E9F), range(0x2010, 0x2028), range(0x2030, 0x2031)),
    *(range(0x2032, 0x2034), range(0x2039, 0x203B), range(0x20AC, 0x20AD), range(0x2116, 0x2117), range(0x2122, 0x2123)),
)
VISIBLE = "LNPS"  # letters, numbers, punctuation, symbols: no spaces, no formatting


def test_ocrs_is_the_space_ascii_and_the_euro_in_ocrs_models_order() -> None:
    entries = read_dictionary(FOLDER / "ocrs.txt")
    digits, letters = "0123456789", [chr(code) for code in ASCII if chr(code).isalpha()]
    signs = [chr(code) for code in ASCII if not chr(code).isalnum()]
    assert entries == [" ", *digits, *signs, "\u20ac", *letters] and len(entries) == 96


def test_ascii_is_the_printable_characters_but_the_space() -> None:
    assert read_dictionary(FOLDER / "ascii.txt") == [chr(code) for code in ASCII]


def test_latin_is_ascii_and_the_visible_characters_of_its_ranges() -> None:
    more = [chr(code) for codes in LATIN for code in codes if unicodedata.category(chr(code))[0] in VISIBLE]
    assert read_dictionary(FOLDER / "latin.txt") == [*(chr(code) for code in ASCII), *more]


@pytest.mark.parametrize("path", [FOLDER / "ascii.txt", FOLDER / "latin.txt"], ids=lambda path: path.name)
def test_nothing_stands_twice_and_every_text_of_the_example_lines_can_be_written(path: Path) -> None:
    charset = Charset.from_file(path, use_space_char=True)
    assert charset.duplicates == [] and charset.odd_entries() == []
    if path.stem == "latin":
        lines = (ROOT / "train_data" / "typewritten_fr" / "train.txt").read_text(encoding="utf-8").splitlines()
        assert {c for line in lines for c in charset.unknown(line.partition("\t")[2])} == set()


@pytest.mark.parametrize("first", ["\u3000", " ", "\t", "\u2028", "\x85", "\x0b", "\x1c", "\ufeff", "ch", "#"])
def test_an_entry_that_others_would_destroy_stands_in_the_first_line(first: str, tmp_path: Path) -> None:
    path = tmp_path / "dict.txt"
    path.write_bytes(f"{first}\na\n{first}b\n".encode())
    wanted = [first, "a", f"{first}b"]
    if first == "\ufeff":  # at the very start it is a byte-order mark, as in PaddleOCR's own reading of UTF-8 files by editors
        wanted[0] = ""
    charset = Charset.from_file(path)
    assert list(charset.entries) == wanted
    assert Charset.from_metadata(charset.to_metadata()) == charset
    assert charset.decode([1, 2, 3]).text == "".join(wanted)


def test_duplicates_are_said_once_with_paddleocr_s_rule() -> None:
    charset = Charset(["a", "b", "a", "c", "b"])
    assert charset.encode("ab") == [3, 5] and charset.decode([1, 2]).text == "ab"
    assert charset.odd_entries() == [
        "dictionary: 2 entries stand twice, only the last of each is trained: 'a' (lines 1, 3), 'b' (lines 2, 5)"
    ]


@pytest.mark.skipif(not CASES, reason="PPOCR_LIKE_CASES names no folder with PaddleOCR's dictionaries")
def test_paddleocr_s_dictionaries_keep_every_entry() -> None:
    """As many entries as its own reading has: a line each, cut of its line end alone."""
    paths = [path for path in sorted(THEIRS.rglob("*.txt")) if not path.parent.name.startswith(("kie", "layout"))]
    assert len(paths) > 60
    for path in paths:
        raw = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        lines = raw.split(b"\n")[: -1 if raw.endswith(b"\n") else None]
        assert [entry.encode() for entry in read_dictionary(path)] == [line.removesuffix(b"\r") for line in lines], path.name
    sizes = {"ppocr_keys_v1.txt": 6623, "ppocrv5_dict.txt": 18383, "ppocrv6_dict.txt": 18708, "ppocrv6_tiny_dict.txt": 6904}
    sizes |= {"ppocrv4_doc_dict.txt": 15629, "ic15_dict.txt": 36, "dict90.txt": 90}
    assert {path.name: len(read_dictionary(path)) for path in paths if path.name in sizes} == sizes
    twice = {
        path.name: len(Charset.from_file(path).duplicates)
        for path in paths
        if "v5_latin" in path.name or "v5_arabic" in path.name
    }
    assert twice["ppocrv5_latin_dict.txt"] == 64 and twice["ppocrv5_arabic_dict.txt"] == 31
