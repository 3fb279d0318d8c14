"""What data are, from where their images are named, and which part of them is held back."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ppocr_like.components import load_components
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.errors import DataError
from ppocr_like.finetune.given import HELD_BACK, Given, divide, look_at

BOXES = '[{"transcription": "a", "points": [[0, 0], [9, 0], [9, 9], [0, 9]]}]'


def labels(folder: Path, names: list[str], text: str = "abc", file: str = "train.txt") -> Path:
    image = cv2.imencode(".png", np.full((8, 20), 255, np.uint8))[1].tobytes()
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(image)
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}\t{text}\n" for name in names), encoding="utf-8")
    return path


def data_set(given: Given) -> SimpleDataSet:
    load_components()
    return SimpleDataSet(given.folder, list(given.files))


@pytest.mark.parametrize(("text", "kind", "task"), [("abc", "lines", "rec"), (BOXES, "boxes", "det"), ("[]", "boxes", "det")])
def test_label_files_tell_their_task(text: str, kind: str, task: str, tmp_path: Path) -> None:
    given = look_at([str(labels(tmp_path, ["a.png", "b.png"], text))])
    assert (given.kind, given.task, given.folder) == (kind, task, str(tmp_path))


def test_a_text_in_brackets_is_a_text(tmp_path: Path) -> None:
    assert look_at([str(labels(tmp_path, ["a.png", "b.png"], "[sic] a"))]).kind == "lines"


def test_a_label_file_may_have_brackets_in_its_name(tmp_path: Path) -> None:
    assert look_at([str(labels(tmp_path / "set [1]", ["a.png"]))]).kind == "lines"


def test_images_may_be_named_from_a_folder_above(tmp_path: Path) -> None:
    labels(tmp_path, ["set/img/a.png"])
    path = tmp_path / "set" / "lists" / "train.txt"
    path.parent.mkdir()
    path.write_text("img/a.png\tabc\n", encoding="utf-8")
    assert look_at([str(path)]).folder == str(tmp_path / "set")


def test_lists_and_patterns_of_xml(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<PcGts/>", encoding="utf-8")
    (tmp_path / "pages.txt").write_text("a.xml\n", encoding="utf-8")
    given = look_at([str(tmp_path / "pages.txt"), str(tmp_path / "*.xml")])
    assert (given.kind, given.files, given.patterns) == ("xml", (str(tmp_path / "pages.txt"),), (str(tmp_path / "*.xml"),))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file|cannot be read|No such file"),
        (b"", "an empty file"),
        (b"\n\n", "an empty file"),
        (b"a.png abc\nb.png def\n", r"has neither tabs nor paths that are there: .* its first line is 'a.png abc'"),
        (b"none.png\tabc\n", r"not one of its first images is found \(none.png\)"),
        (b"\xff\xfe\x00a\t\x00", "is no text in UTF-8"),
    ],
)
def test_what_cannot_be_used(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        look_at([str(path)])


def test_several_kinds_and_folders(tmp_path: Path) -> None:
    lines = labels(tmp_path / "a", ["a.png"])
    pages = labels(tmp_path / "a", ["a.png"], BOXES, "pages.txt")
    other = labels(tmp_path / "b", ["b.png"])
    with pytest.raises(DataError, match=r"data of several kinds cannot be one set: .*lines with texts.*pages with boxes"):
        look_at([str(lines), str(pages)])
    with pytest.raises(DataError, match="the label files' images are named from several folders"):
        look_at([str(lines), str(other)])
    with pytest.raises(DataError, match="no data given"):
        look_at([])
    with pytest.raises(DataError, match="is a folder; name its label files"):
        look_at([str(tmp_path)])
    with pytest.raises(DataError, match="no file of that name"):
        look_at([str(tmp_path / "*.xml")])


@pytest.mark.parametrize(
    ("names", "unit"),
    [
        ([f"img/page{page}_{line}.png" for page in range(20) for line in range(5)], "pages"),
        ([f"img/w{writer}/{line:04}.png" for writer in range(20) for line in range(5)], "pages"),
        ([f"img/page{page}_{line}.png" for page in range(12) for line in range(1 + page)], "pages"),
    ],
)
def test_whole_pages_are_held_back(names: list[str], unit: str, tmp_path: Path) -> None:
    dataset = data_set(look_at([str(labels(tmp_path, names))]))
    division = divide(dataset, "lines")
    sides = [{dataset.page_of(dataset.info(int(i))) for i in part} for part in (division.train, division.held_back)]
    assert not sides[0] & sides[1] and unit in division.said
    assert sorted([*division.train, *division.held_back]) == list(range(len(names)))
    assert HELD_BACK / 2 < len(division.held_back) / len(names) < 3 * HELD_BACK


def test_lines_are_held_back_where_names_show_no_pages(tmp_path: Path) -> None:
    dataset = data_set(look_at([str(labels(tmp_path, [f"{n}.png" for n in range(100)]))]))
    division = divide(dataset, "lines")
    assert len(division.held_back) == 10 and len(division.train) == 90 and "names show no pages" in division.said
    again = divide(data_set(look_at([str(tmp_path / "train.txt")])), "lines")
    assert np.array_equal(again.held_back, division.held_back)


def test_of_ten_lines_none_is_held_back(tmp_path: Path) -> None:
    division = divide(data_set(look_at([str(labels(tmp_path, [f"{n}.png" for n in range(10)]))])), "lines")
    assert len(division.train) == len(division.held_back) == 10
    assert division.said.startswith("10 lines are too few to hold some back: all are trained on")


def test_pages_with_boxes(tmp_path: Path) -> None:
    dataset = data_set(look_at([str(labels(tmp_path, [f"{n}.png" for n in range(40)], BOXES))]))
    division = divide(dataset, "boxes")
    assert len(division.held_back) == 4 and "held back: 4 pages" in division.said
    few = data_set(look_at([str(labels(tmp_path, ["1.png"], BOXES, "one.txt"))]))
    assert divide(few, "boxes").said.startswith("1 pages are too few")
