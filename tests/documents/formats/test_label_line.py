"""What a line of a label file means."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppocr_like.contracts import Rejected
from ppocr_like.documents.formats.label_line import CUT_TEXT, TWO_RECORDS, only_numbers, parse_line


def read(line: str, delimiter: str = "\t") -> tuple[list[str], str, tuple[str, ...]]:
    return tuple(parse_line(line.encode(), delimiter))  # type: ignore[return-value]


def test_names_and_text() -> None:
    assert read("a b.jpg\t text ") == (["a b.jpg"], " text ", ())
    assert read("a.jpg\t") == (["a.jpg"], "", ())
    assert read("a.jpg\ttext\t") == (["a.jpg"], "text", ()), "an empty field holds nothing"
    assert read('["a.jpg", "b\\té.jpg"]\ttext') == (["a.jpg", "b\té.jpg"], "text", ())
    assert read('a.jpg\t"in quotes"') == (["a.jpg"], '"in quotes"', ()), "behind a tab the text stays as it is"
    for plain in ("[1].jpg", "[a].jpg", "[]", "[1, 2]", '["a", 3]'):
        assert read(f"{plain}\tx") == ([plain], "x", ())


def test_further_columns_are_told() -> None:
    assert read("a.jpg\t0.98\tHello") == (["a.jpg"], "0.98", ("Hello",))
    assert read("a.jpg\tHello\t320\t48") == (["a.jpg"], "Hello", ("320", "48"))
    assert only_numbers(("320", "48.5", "1e-3", " 7 ")) and not only_numbers(("320", "Hello"))


@pytest.mark.parametrize(
    "line",
    [
        "a.jpg\tOneb.jpg\tTwo",
        "a.jpg\tOnefolder/b.JPEG\tTwo",
        'a.jpg\tOne["b.png", "c.png"]\tTwo',
        "a.jpg\tOne\tb.tif\tTwo",
        'a.jpg\t[{"transcription": "x", "points": []}]\tb.jpg\t[]',
        'a.jpg\t[]\t[{"transcription": "x"}]',
        'a.jpg\t[]\t[{"transcription": "cut',
        'a.jpg\t[{"transcription": "x", "points": []}]b.jpg\t[{"transcription": "y", "points": []}]',
    ],
)
def test_two_records_in_one_line(line: str) -> None:
    with pytest.raises(Rejected) as caught:
        read(line)
    assert caught.value.reason == TWO_RECORDS


def test_another_delimiter_asks_for_quotes() -> None:
    assert read("a.jpg,text", ",") == (["a.jpg"], "text", ())
    assert read('a.jpg,"Ca, ""r""park"', ",") == (["a.jpg"], 'Ca, "r"park', ())
    assert read('"a,b.jpg",text', ",") == (["a,b.jpg"], "text", ())
    assert read('["a.jpg", "b.jpg"],"x, y"', ",") == (["a.jpg", "b.jpg"], "x, y", ())
    assert read('a.jpg,say "hi"', ",") == (["a.jpg"], 'say "hi"', ())
    label = '[{"transcription": "a, b", "points": [[1, 2], [3, 4]]}]'
    assert read(f"a.jpg,{label}", ",") == (["a.jpg"], label, ()), "a detector's JSON may hold the delimiter"
    for line, delimiter in (("a.jpg,Ca, rpark", ","), ("a.jpg two words", " "), ("a||b||c", "||"), ('a.jpg,"x", y"', ",")):
        with pytest.raises(Rejected) as caught:
            read(line, delimiter)
        assert caught.value.reason == CUT_TEXT and "in quotes" in caught.value.detail


@given(st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"]), min_size=1), st.sampled_from(",;|"))
def test_what_the_csv_module_writes_is_read(text: str, delimiter: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow(["a.jpg", text])
    if not text.lstrip().startswith("[{"):
        assert read(out.getvalue(), delimiter) == (["a.jpg"], text, ())


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"a.jpg text", "line without a delimiter"),
        (b"\xff\xfe\t", "line not in UTF-8"),
        (b"\ttext", "line without an image path"),
    ],
)
def test_lines_that_cannot_be_used(raw: bytes, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse_line(raw, "\t")
    assert caught.value.reason == reason
