"""Dictionaries from label files."""

from collections import Counter
from pathlib import Path

import pytest

from ppocr_like.charset import Charset
from ppocr_like.errors import DataError
from ppocr_like.report.dictionary import count_characters, describe_character, write_dictionary

TRAIN_DATA = Path(__file__).parents[2] / "train_data"


def test_counts_over_files_with_bom_crlf_and_blank_lines(tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_bytes(b"\xef\xbb\xbfa.jpg\tab a\r\n\r\nb.jpg\tb\r\n")
    second.write_text('["c.jpg", "d.jpg"]\té\tnot text', encoding="utf-8")
    assert count_characters([first, second]) == {"a": 2, "b": 2, " ": 1, "é": 1}


def test_a_line_without_tab_is_named(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("a.jpg\tok\n\nb.jpg broken\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.txt, line 3: line without a delimiter"):
        count_characters([file])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.txt"):
        count_characters([tmp_path / "none.txt"])


def test_written_dictionary_reads_back(tmp_path):
    path = tmp_path / "dict.txt"
    # U+2028 and U+3000 are line ends or blanks to many readers.
    entries = write_dictionary(path, Counter({"b": 3, "a": 1, " ": 9, "\u2028": 2, "\u3000": 2, "ſ": 1}))
    assert entries == ["a", "b", "ſ", "\u2028", "\u3000"]
    assert list(Charset.from_file(path).entries) == entries


def test_min_count_leaves_out(tmp_path):
    assert write_dictionary(tmp_path / "d.txt", Counter({"b": 3, "a": 1}), min_count=2) == ["b"]
    with pytest.raises(DataError, match="nothing to write"):
        write_dictionary(tmp_path / "e.txt", Counter({"b": 3, " ": 9}), min_count=4)
    assert not (tmp_path / "e.txt").exists()


def test_an_existing_file_is_kept_unless_asked(tmp_path):
    path = tmp_path / "d.txt"
    path.write_text("mine\n", encoding="utf-8")
    with pytest.raises(DataError, match="exists already"):
        write_dictionary(path, Counter("a"))
    assert path.read_text(encoding="utf-8") == "mine\n"
    write_dictionary(path, Counter("a"), overwrite=True)
    assert path.read_text(encoding="utf-8") == "a\n"


def test_a_folder_that_is_not_there_is_made_and_one_that_cannot_be_is_said(tmp_path):
    write_dictionary(tmp_path / "none" / "d.txt", Counter("a"))
    assert (tmp_path / "none" / "d.txt").read_text() == "a\n"
    with pytest.raises(DataError, match="cannot write"):
        write_dictionary(tmp_path / "none" / "d.txt" / "e.txt", Counter("a"))


def test_the_shipped_dictionary_is_that_of_the_training_labels(tmp_path):
    counts = count_characters([TRAIN_DATA / name / "train.txt" for name in ("typewritten_fr", "fraktur_archiscribe")])
    write_dictionary(tmp_path / "d.txt", counts)
    assert (tmp_path / "d.txt").read_bytes() == (TRAIN_DATA / "dict.txt").read_bytes()


@pytest.mark.parametrize(
    ("character", "text"), [("é", "é U+00E9 LATIN SMALL LETTER E WITH ACUTE"), ("ͤ", "  U+0364 COMBINING LATIN SMALL LETTER E")]
)
def test_describe(character, text):
    assert describe_character(character) == text


def test_further_columns_are_told(tmp_path, caplog):
    (tmp_path / "a.txt").write_text("a.jpg\t0.9\tlost\nb.jpg\tx\t32\t48\n", encoding="utf-8")
    assert set(count_characters([tmp_path / "a.txt"])) == set("0.9x")
    assert "1 lines have further columns" in caplog.text and "line 1: 'lost'" in caplog.text
