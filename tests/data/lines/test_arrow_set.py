"""ArrowDataSet: lines of kraken's compiled sets, chosen and divided as the lines of every set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ppocr_like.contracts import Rejected, Request
from ppocr_like.data.arrow_writer import ArrowLine
from ppocr_like.data.lines.arrow_set import ArrowDataSet
from ppocr_like.data.lines.lines import LeftOut
from ppocr_like.errors import ConfigError, DataError
from ppocr_like.transforms.decode import DecodeImage
from tests.data.arrow_lines import png, some_lines, write_arrow

pytest.importorskip("pyarrow")


def texts(dataset: ArrowDataSet) -> list[str]:
    found = [dataset.info(index).text for index in range(len(dataset))]
    assert [text for piece in dataset.label_texts() for text in piece.texts] == found
    return found


def test_lines_of_several_files_follow_each_other(tmp_path: Path) -> None:
    lines = some_lines(130)
    one, two = write_arrow(tmp_path / "one.arrow", lines[:120]), write_arrow(tmp_path / "two.arrow", lines[120:])
    (tmp_path / "list.txt").write_text("two.arrow\none.arrow\n")
    dataset = ArrowDataSet(str(tmp_path / "list.txt"), transforms=[DecodeImage("BGR")], mode="eval")
    assert texts(dataset) == [line.text for line in (*lines[120:], *lines[:120])]
    assert dataset.info(3).place == f"{two}, line 4" and dataset.info(12).place == f"{one}, line 3"
    sample = dataset.fetch(Request(12, 0))
    assert sample["image"].shape == (12, 22, 3) and sample["info"].text == "line 2 é"
    assert dataset.sizes(progress=False).tolist() == [[20 + n % 50, 12] for n in (*range(120, 130), *range(120))]


def test_lines_are_chosen_by_split_and_language(tmp_path: Path) -> None:
    path = write_arrow(tmp_path / "set.arrow", some_lines(40))
    assert texts(ArrowDataSet(files=path, split="validation")) == [f"line {n} é" for n in range(1, 40, 4)]
    latin = ArrowDataSet(files=path, only={"languages": ["lat"]})
    assert texts(latin) == [f"line {n} é" for n in range(0, 40, 2)]
    assert latin.left_out_counts() == {"in another language": 20}
    with pytest.raises(DataError, match="not one line is left to use: 40 of another line type"):
        len(ArrowDataSet(files=path, only={"line_types": ["heading"]}))


def test_a_partition_by_pages_needs_to_know_them(tmp_path: Path) -> None:
    told = write_arrow(tmp_path / "told.arrow", some_lines(90))
    parts = [ArrowDataSet(files=told, partition=0.7, mode=mode) for mode in ("train", "eval")]
    pages = [{int(text.split()[1]) // 30 for text in texts(part)} for part in parts]
    assert sorted(len(part) for part in parts) == [30, 60] and not pages[0] & pages[1]
    untold = write_arrow(tmp_path / "untold.arrow", [line._replace(page="") for line in some_lines(90)])
    with pytest.raises(ConfigError, match=r"untold\.arrow does not tell its lines' pages \(kraken's files do not\); give line"):
        len(ArrowDataSet(files=untold, partition=0.9))
    assert [one.origin(one.info(0)).page for one in (parts[0], ArrowDataSet(files=untold))] == ["folder/page0.xml", ""]
    by_line = [ArrowDataSet(files=untold, partition=0.9, partition_by="line", mode=mode) for mode in ("train", "eval")]
    assert [len(part) for part in by_line] == [81, 9] and not set(texts(by_line[0])) & set(texts(by_line[1]))


def test_lines_and_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    path = write_arrow(tmp_path / "set.arrow", [ArrowLine("a", png()), ArrowLine(" ", png()), ArrowLine("c", png())])
    data = Path(path).read_bytes()
    Path(path).write_bytes(data.replace(b"a c", b"a \xff"))
    (tmp_path / "cut.arrow").write_bytes(data[:300])
    dataset = ArrowDataSet(files=[str(tmp_path / "*.arrow")])
    assert texts(dataset) == ["a"] and "cut.arrow: is cut off" in dataset.notes()[0]
    assert [part._replace(detail="") for part in dataset.left_out()] == [
        LeftOut(str(tmp_path / "cut.arrow"), "", "file that cannot be read", "", 0),
        LeftOut(path, "2", "no text"),
        LeftOut(path, "3", "line not in UTF-8"),
    ]
    assert texts(ArrowDataSet(files=path, empty="keep")) == ["a", " "]
    with pytest.raises(DataError, match=r"cut\.arrow: is cut off"):
        len(ArrowDataSet(files=str(tmp_path / "cut.arrow")))


def test_an_image_that_does_not_decode_is_rejected_with_its_place(tmp_path: Path) -> None:
    path = write_arrow(tmp_path / "set.arrow", [ArrowLine("a", png()), ArrowLine("b", png()[:60])])
    dataset = ArrowDataSet(files=path, transforms=[DecodeImage("BGR")])
    assert isinstance(dataset.fetch(Request(0, 0))["image"], np.ndarray)
    with pytest.raises(Rejected, match="unreadable image"):
        dataset.fetch(Request(1, 0))
    assert dataset.request_info(Request(1, 0)).place == f"{path}, line 2"
