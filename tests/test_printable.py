"""Text from outside cannot steer a terminal."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppocr_like.printable import PrintableStream, message, one_line, printable

BIDI = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\x9b31mb", r"a\x9b31mb"),
        ("txt\u202eexe", r"txt\u202eexe"),
        ("a\rb", r"a\rb"),
        ("a\u2028b\u2066c", r"a\u2028b\u2066c"),
        ("\udcff.jpg", r"\udcff.jpg"),
        ("été שלום 漢字 😀 a\u200db", "été שלום 漢字 😀 a\u200db"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
    ],
)
def test_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_one_line_and_messages() -> None:
    assert one_line("a\nb\tc\x1b") == r"a\nb\tc\x1b"
    assert message("a\n[12:00:00] b\n  - c\n") == "a\n  [12:00:00] b\n  - c\n"


@given(st.text(st.characters(), max_size=40))
def test_nothing_that_steers_is_left(text: str) -> None:
    for shown, kept in ((printable(text), "\n\t"), (one_line(text), ""), (message(text), "\n\t")):
        left = [c for c in shown if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") or unicodedata.bidirectional(c) in BIDI]
        assert set(left) <= set(kept)
        shown.encode()
    assert printable(printable(text)) == printable(text)


def test_a_stream_shows_what_is_printed() -> None:
    below = io.StringIO()
    stream = PrintableStream(below)
    print("a\x1b[1m", "b", file=stream, flush=True)
    stream.writelines(["c\x07\n"])
    assert below.getvalue() == "a\\x1b[1m b\nc\\x07\n"
    assert not stream.isatty()
