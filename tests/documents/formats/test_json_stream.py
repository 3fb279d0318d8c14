"""The incremental JSON reader: equal to `json.loads` whatever the chunk, bounded in memory, exact about what is broken."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppocr_like.documents.formats import json_stream
from ppocr_like.documents.formats.json_stream import JsonStream
from ppocr_like.errors import DataError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def walk(stream: JsonStream) -> Any:
    """The value at the cursor, taken apart as far as it goes."""
    if stream.peek() == "{":
        return {key: walk(stream) for key in stream.members()}
    return [walk(stream) for _ in stream.items()] if stream.peek() == "[" else stream.value()


@given(value=VALUES, chunk=st.integers(1, 9), indent=st.none() | st.just(1), ascii_only=st.booleans())
@settings(max_examples=150, deadline=None)
def test_walking_gives_what_json_gives(tmp_path_factory, value, chunk, indent, ascii_only) -> None:
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(
        json.dumps({"v": value, "end": 1}, indent=indent, ensure_ascii=ascii_only), encoding="utf-8", errors="replace"
    )
    expected = json.loads(path.read_text(encoding="utf-8"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_CHUNK", chunk)
        with JsonStream(path) as stream:
            assert walk(stream) == expected and stream.peek() == ""
        with JsonStream(path) as stream:
            assert stream.value() == expected
        with JsonStream(path) as stream:  # skipping ends where the value ends
            got = {}
            for key in stream.members():
                got[key] = stream.skip() if key == "v" else stream.value()
            assert got == {"v": None, "end": 1}


def test_numbers_that_a_chunk_cuts_stay_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_text("[123456, -7.25e3, 8]")
    for chunk in range(1, 12):
        monkeypatch.setattr(json_stream, "_CHUNK", chunk)
        with JsonStream(path) as stream:
            assert [stream.value() for _ in stream.items()] == [123456, -7250.0, 8]


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    with JsonStream(path) as stream:
        assert stream.value() == {"a": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": [1, 2', "file ends"),
        ('{"a": [1, 2}', "comma or ] is expected, found '}'"),
        ('{"a": [1, nope, 2], "b": "' + "x" * 100 + '"}', "Expecting value, found 'nope, 2]"),
        ('{"a": [1, "no end', "Unterminated string"),
        ('{"a" [1]}', "colon"),
        ("{1: 2}", "key in quotes"),
        ("[1]", "an object is expected"),
        ("", "an object is expected, but the file ends"),
        ('{"a": [1] "b": 2}', "comma or } is expected"),
    ],
)
def test_broken_json_is_placed(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with JsonStream(path) as stream, pytest.raises(DataError) as caught:
        for _ in stream.members():
            stream.record = "record 7"
            for _ in stream.items():
                stream.value()
    assert message in str(caught.value) and str(path) in str(caught.value) and "character " in str(caught.value)


@pytest.mark.parametrize("text", ['{"a": {"b": [1, "]}"', '{"a": "x\\', '{"a": ["\\"]}'])
def test_skipping_to_a_cut_end_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with JsonStream(path) as stream, pytest.raises(DataError):
        for _ in stream.members():
            stream.skip()


def test_a_fault_early_in_a_large_file_is_found_early(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": [{"x": nope}, ' + ", ".join(['"' + "y" * 1000 + '"'] * 8000) + "]}")
    with JsonStream(path) as stream, pytest.raises(DataError, match="nope"):
        for _ in stream.members():
            for _ in stream.items():
                stream.value()
    assert stream.size > 8_000_000 and len(stream._buffer) < 3_000_000


def test_a_string_without_end_stops_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_LONGEST", 100_000)
    monkeypatch.setattr(json_stream, "_CHUNK", 4096)
    path = tmp_path / "a.json"
    path.write_text('["' + "x" * 1_000_000)
    with JsonStream(path) as stream, pytest.raises(DataError, match="string has no end"):
        for _ in stream.items():
            stream.value()


@pytest.mark.parametrize("keep", [0.5, 0.999])
def test_a_cut_gzip_file_is_told(tmp_path: Path, keep: float) -> None:
    data = gzip.compress(json.dumps({"a": [{"n": n, "text": str(n**7)} for n in range(20000)]}).encode())
    path = tmp_path / "a.json.gz"
    path.write_bytes(data[: int(len(data) * keep)])
    with JsonStream(path) as stream, pytest.raises(DataError, match="cut short") as caught:
        for _ in stream.members():
            for number in stream.items():
                stream.record = f"record {number + 1}"
                stream.value()
    assert "record " in str(caught.value)


def test_a_damaged_gzip_file_is_told(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(json.dumps(list(range(50000))).encode()))
    data[len(data) // 2] ^= 0xFF
    path = tmp_path / "a.gz"
    path.write_bytes(data)
    with JsonStream(path) as stream, pytest.raises(DataError, match=r"damaged|no valid JSON|not UTF-8"):
        for _ in stream.items():
            stream.value()
        stream.finish()


def test_not_utf8_and_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes('{"a": "é"}'.encode("latin-1"))
    with JsonStream(path) as stream, pytest.raises(DataError, match="not UTF-8"):
        stream.value()
    with pytest.raises(DataError, match="cannot be read"):
        JsonStream(tmp_path / "gone.json")


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """32 MB of JSON, of which the peak holds a few chunks only."""
    path = tmp_path / "a.json.gz"
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write('{"info": {"n": [1, 2]}, "annotations": [')
        file.write(", ".join([json.dumps({"image_id": "x" * 16000})] * 2000))
        file.write("]}")
    count = 0
    tracemalloc.start()
    with JsonStream(path) as stream:
        for key in stream.members():
            if key == "info":
                stream.skip()
                continue
            for _ in stream.items():
                stream.value()
                count += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 2000 and peak < 8_000_000
