"""Lines of label files."""

from __future__ import annotations

import os
import pickle
import resource
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppocr_like.data.cache import load_array
from ppocr_like.data.label_index import LabelIndex
from ppocr_like.errors import DataError

from .helpers import Folder


def lines(index: LabelIndex) -> list[tuple[int, bytes]]:
    return [(index.line_number(n), index.read(n)) for n in range(len(index))]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_every_way_to_end_lines(folder: Folder, bom: bytes, end: bytes, last: bool) -> None:
    rows = [b"a.png\tone", b"", b"b.png\ttwo words", b"  ", b"c.png\t\xc3\xa9"]
    file = folder.write("l.txt", bom + end.join(rows) + (end if last else b""))
    assert lines(LabelIndex(file)) == [(1, rows[0]), (3, rows[2]), (5, rows[4])]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="ab\t é\u2028", max_size=12), min_size=1, max_size=30))
def test_it_finds_what_a_plain_reader_finds(tmp_path_factory: pytest.TempPathFactory, rows: list[str]) -> None:
    path = tmp_path_factory.mktemp("scan") / "l.txt"
    path.write_bytes("\n".join(rows).encode())
    expected = [(n, row.encode()) for n, row in enumerate(rows, 1) if row.encode().strip() or len(row.encode()) >= 8]
    if not expected:
        with pytest.raises(DataError):
            LabelIndex(path)
        return
    assert lines(LabelIndex(path)) == expected


def test_lines_longer_than_a_scanned_piece(folder: Folder) -> None:
    rows = [b"a\t" + b"x" * (1 << 24), b"b\ty", b"c\t" + b"z" * 100]
    assert [row for _, row in lines(LabelIndex(folder.write("l.txt", b"\n".join(rows))))] == rows


@pytest.mark.parametrize(
    ("content", "what"), [(b"", "empty"), (b"\n\r\n  \n", "no line"), ("a.png\tx".encode("utf-16"), "UTF-16")]
)
def test_a_file_without_lines_is_an_error(folder: Folder, content: bytes, what: str) -> None:
    file = folder.write("l.txt", content)
    with pytest.raises(DataError, match=what) as caught:
        LabelIndex(file)
    assert caught.value.file == file


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.txt: cannot read the label file"):
        LabelIndex(tmp_path / "gone.txt")


def test_the_cache_is_used_and_follows_the_file(folder: Folder, tmp_path: Path) -> None:
    cache = tmp_path / "run" / "cache"
    file = folder.write("l.txt", "a\tb\n\nc\td\n")
    first = LabelIndex(file, cache)
    (kept,) = cache.iterdir()
    stamp = kept.stat().st_mtime_ns
    again = LabelIndex(file, cache)
    assert lines(again) == lines(first) == [(1, b"a\tb"), (3, b"c\td")] and kept.stat().st_mtime_ns == stamp
    assert isinstance(again._table, np.memmap)
    folder.write("l.txt", "a\tb\nc\td\ne\tf\n")
    assert len(LabelIndex(file, cache)) == 3
    assert len(list(cache.iterdir())) == 1, "what the older state left is removed"
    assert os.listdir(folder.root) == ["l.txt"]


def test_a_damaged_cache_is_made_anew(folder: Folder, tmp_path: Path) -> None:
    file = folder.write("l.txt", "a\tb\n")
    LabelIndex(file, tmp_path)
    (kept,) = tmp_path.glob("*.npy")
    kept.write_bytes(kept.read_bytes()[:40])
    assert load_array(kept) is None
    assert lines(LabelIndex(file, tmp_path)) == [(1, b"a\tb")]


def test_a_cache_that_cannot_be_written_costs_a_warning(folder: Folder, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert len(LabelIndex(folder.write("l.txt", "a\tb\n"), blocked / "cache")) == 1
    assert "cannot write the cache file" in caplog.text


def test_a_file_changed_under_way_is_noticed(folder: Folder) -> None:
    file = folder.write("l.txt", "a\tb\nc\td\n")
    index = LabelIndex(file)
    folder.write("l.txt", "other\tlines that are longer\n")
    with pytest.raises(DataError, match="changed"):
        index.read(0)


@pytest.mark.parametrize("cached", [True, False])
def test_it_travels_to_a_spawned_worker(folder: Folder, tmp_path: Path, cached: bool) -> None:
    file = folder.write("l.txt", "\n".join(f"{n}.png\ttext" for n in range(5000)))
    index = LabelIndex(file, tmp_path if cached else None)
    index.read(0)
    packed = pickle.dumps(index)
    assert lines(pickle.loads(packed)) == lines(index)
    if cached:
        assert len(packed) < 2000


def test_a_million_lines_take_a_moment_and_no_list(folder: Folder, tmp_path: Path) -> None:
    row = b"some/folder/of/images/image_0001.jpg\ta text of usual length for a line\n"
    file = folder.write("l.txt", row * 1_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    index = LabelIndex(file, tmp_path / "cache")
    assert time.perf_counter() - start < 3
    assert index.read(999_999) == row[:-1] and index.line_number(999_999) == 1_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120_000  # KiB
