"""labelme's files: one per image."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ppocr_like.documents.formats.labelme import Labelme
from ppocr_like.errors import DataError

from .helpers import contents, rectangle

SQUARE = rectangle(1, 2, 31, 22)


def shape(label: str, points: list, kind: str | None = "polygon", **more) -> dict:
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}, **more}


def write(path: Path, shapes: list, image: str = "a.jpg") -> Path:
    record = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": image, "imageData": "QUJD", "imageHeight": 9}
    path.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
    return path


def test_shapes(tmp_path: Path) -> None:
    shapes = [
        shape("Ünicode", SQUARE),
        shape("rectangle", [[31, 22], [1, 2]], "rectangle"),
        shape("old file", SQUARE, None),
        shape("point", [[3, 3]], "point"),
        shape("###", SQUARE),
        shape("hard", SQUARE, flags={"difficult": True, "other": False}),
        shape("long", [[0, 0], [10, 0], [20, 2], [20, 12], [10, 10], [0, 10]]),
        shape("flat", [[0, 0], [10, 0], [20, 0]]),
    ]
    write(tmp_path / "a.json", shapes)
    write(tmp_path / "b.json", [], "..\\images\\b.png")
    reader = Labelme(tmp_path)
    first, (second, _) = reader
    assert contents([first]) == [
        (
            "a.jpg",
            [
                ("Ünicode", False, SQUARE),
                ("rectangle", False, SQUARE),
                ("old file", False, SQUARE),
                ("###", True, SQUARE),
                ("hard", True, SQUARE),
                ("long", False, shapes[6]["points"]),
            ],
        )
    ]
    assert reader.left_out.counts == {"shape of type point": 1, "box without area": 1}
    assert "shape 4" in reader.left_out.first["shape of type point"]
    assert Path(second.source) == tmp_path / ".." / "images" / "b.png"
    assert [Path(page.source) for page, _ in Labelme(tmp_path, tmp_path / "x")] == [
        tmp_path / "x" / "a.jpg",
        tmp_path / "x" / "b.png",
    ]


def test_the_text_may_stand_in_the_description(tmp_path: Path) -> None:
    write(tmp_path / "a.json", [shape("word", SQUARE, description="what it says"), shape("word", SQUARE)])
    ((page, _),) = Labelme(tmp_path, text_from="description")
    assert [box.text for box in page.lines] == ["what it says", ""]
    with pytest.raises(ValueError, match="known"):
        Labelme(tmp_path, text_from="flags")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"shapes": []}', "has no 'imagePath'"),
        (b'{"imagePath": "a.jpg", "shapes": [{"label": "x", "points": [[1, 2, 3]]}]}', r"shape 1: points are \[\[1, 2, 3\]\]"),
        (b'{"imagePath": "a.jpg", "shapes": [{"label": "x"}]}', "shape 1: no 'points'"),
        (b'{"imagePath": "a.jpg",\n "shapes": [}', "b.json, line 2: is no valid JSON"),
        (b"[]", "not as labelme"),
        (b'{"imagePath": "\xff"}', "not UTF-8"),
    ],
)
def test_a_strange_file_is_named_or_counted(tmp_path: Path, text: bytes, message: str) -> None:
    write(tmp_path / "a.json", [shape("x", SQUARE)])
    (tmp_path / "b.json").write_bytes(text)
    with pytest.raises(DataError, match=message) as caught:
        list(Labelme(tmp_path))
    assert "b.json" in str(caught.value)
    reader = Labelme(tmp_path, skip_bad=True)
    assert len(list(reader)) == 1 and reader.left_out.counts == {"broken record": 1}


def test_folders_that_do_not_serve(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot list"):
        list(Labelme(tmp_path / "gone"))
    with pytest.raises(DataError, match=r"no \.json"):
        list(Labelme(tmp_path))


WINDOWS = ("C:\\Users\\me\\scans\\a.jpg", "D:/scans/a.jpg", "\\\\server\\share\\a.jpg")


@pytest.mark.parametrize("name", [*WINDOWS, "/home/me/a.jpg", "../gone/a.jpg"])
def test_a_path_of_another_machine_means_the_image_beside(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.jpg").write_bytes(b"picture")
    write(tmp_path / "a.json", [shape("x", SQUARE)], name)
    ((page, _),) = Labelme(tmp_path)
    assert Path(page.source) == tmp_path / "a.jpg"


def test_a_path_that_leads_to_an_image_is_followed(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for place in ("a.jpg", "images/a.jpg"):
        (tmp_path / place).write_bytes(b"picture")
    write(tmp_path / "a.json", [], "images\\a.jpg")
    ((page, _),) = Labelme(tmp_path)
    assert Path(page.source) == tmp_path / "images" / "a.jpg"
