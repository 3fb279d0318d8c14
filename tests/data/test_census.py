"""What a set's labels hold that cannot be used."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ppocr_like.charset import Charset
from ppocr_like.codec import Codec
from ppocr_like.data.base import Dataset
from ppocr_like.data.census import count_further, count_lines, count_pages
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.transforms.det_label import DetLabelEncode

from .helpers import Folder

QUAD = [[10, 5], [60, 6], [59, 25], [9, 24]]


def dataset(folder: Folder, *rows: str, delimiter: str = "\t", **more: object) -> SimpleDataSet:
    folder.image("a.png")
    file = folder.write("l.txt", "\n".join(rows) + "\n")
    return SimpleDataSet(str(folder.root), file, delimiter=delimiter, **more)  # type: ignore[arg-type]


def test_unknown_characters_are_counted_with_their_first_places(folder: Folder) -> None:
    rows = [f"a.png\t{text}" for text in ("abc", "a b", "", "c d", "é é é")]
    rows.insert(2, "")
    rows.append("no delimiter")
    census = count_lines(dataset(folder, *rows), Charset("abc"))
    assert (census.lines, census.characters) == (4, 3 + 3 + 3 + 5)
    assert {c: part.count for c, part in census.most_common()} == {" ": 4, "é": 3, "d": 1}
    assert census.unknown[" "].places[0].endswith("l.txt, line 2: 'a b'")
    assert census.unknown["é"].places == [f"{folder.root}/l.txt, line 6: 'é é é'"], "blank lines count"
    assert census.unknown_share == pytest.approx(8 / 14)
    assert json.loads(json.dumps(census.as_dict()))["unknown"][" "]["count"] == 4


def test_the_quick_way_reads_what_the_data_set_reads(folder: Folder) -> None:
    rows = ["a.png\tone", "a.png\t0.9\tlost", "a.png\tword\t32\t48", "", "a.png\tx\tb.png\ty", "  ", 'a.png\t"q"', "nothing"]
    for data in (dataset(folder, *rows), dataset(folder, *(row.replace("\t", ",") for row in rows), delimiter=",")):
        quick, slow = list(data.label_texts()), list(Dataset.label_texts(data))
        assert [t for piece in quick for t in piece.texts] == [t for piece in slow for t in piece.texts]
        assert [f for piece in quick for f in piece.further] == [f for piece in slow for f in piece.further]
    tabs = dataset(folder, *rows)
    assert count_further(tabs).count == 1 and "line 2: 'lost'" in count_further(tabs).places[0]


def test_files_that_are_never_drawn_are_not_counted(folder: Folder) -> None:
    folder.image("a.png")
    files = [folder.write("l.txt", "a.png\tabc\n"), folder.write("m.txt", "a.png\txyz\n")]
    data = SimpleDataSet(str(folder.root), files, ratio_list=[1.0, 0.0])
    assert count_lines(data, Charset("abc")).unknown == {}


def test_a_million_lines_take_seconds(folder: Folder) -> None:
    folder.image("a.png")
    row = "a.png\ta text of usual length for a line, Straße\n"
    data = SimpleDataSet(str(folder.root), folder.write("l.txt", row * 300_000))
    start = time.process_time()
    census = count_lines(data, Charset("abcdefghijklmnopqrstuvwxyz ,ß"))
    assert time.process_time() - start < 5
    assert {c: part.count for c, part in census.unknown.items()} == {"S": 300_000}


def pages(folder: Folder, *labels: object, **encode: bool) -> SimpleDataSet:
    rows = [f"a.png\t{label if isinstance(label, str) else json.dumps(label)}" for label in labels]
    return dataset(folder, *rows, transforms=[DetLabelEncode(**encode)])


def box(points: object, text: str = "x", **more: object) -> dict[str, object]:
    return {"transcription": text, "points": points, **more}


def test_boxes_that_cannot_be_used(folder: Folder) -> None:
    crossed = [QUAD[0], QUAD[1], QUAD[3], QUAD[2]]
    labels = [
        [box(QUAD), box(crossed), box(QUAD, "###"), box(QUAD, difficult=True)],
        [],
        [box([[1, 1], [50, 20]]), box([[1, 1], [9, 1], [20, 1], [30, 1]])],
        "no JSON",
    ]
    census = count_pages(pages(folder, *labels))
    assert (census.total, census.pages, census.empty, census.boxes) == (4, 3, 1, 6)
    assert (census.usable, census.ignored, census.unusable) == (1, 2, 3)
    assert {kind: part.count for kind, part in census.faults.items()} == {
        "a side that crosses or touches another": 1,
        "fewer than three different points": 1,
        "no area": 1,
    }
    first = census.faults["a side that crosses or touches another"].places[0]
    assert "line 1, box 2: [[10.0, 5.0]" in first
    assert count_pages(pages(folder, *labels, order_corners=True)).usable == 2


def test_of_many_pages_some_are_looked_at(folder: Folder, tmp_path: Path) -> None:
    census = count_pages(pages(folder, *([[box(QUAD)]] * 50)), most=10)
    assert (census.total, census.pages) == (50, 10)


def test_a_codec_knows_marks_within_its_entries_alone(folder: Folder) -> None:
    found = count_lines(dataset(folder, "a.png\tba\u0308", "a.png\tb\u0308x"), Codec({"a\u0308": [1], "b": [2]}))
    assert found.characters == 6 and {c: part.count for c, part in found.unknown.items()} == {"\u0308": 1, "x": 1}
    assert found.unknown["x"].places == [f"{folder.root}/l.txt, line 2: 'b\u0308x'"]
