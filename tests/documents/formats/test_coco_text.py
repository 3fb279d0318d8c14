"""JSON in the manner of COCO: COCO-Text, TextOCR, COCO."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ppocr_like.documents.formats.coco_text import CocoText
from ppocr_like.errors import DataError

from .helpers import contents, images, rectangle, write_gz

SQUARE = rectangle(1, 2, 31, 22)
FLAT = [n for point in SQUARE for n in point]


def coco_text() -> dict:
    anns = {
        "11": {"mask": FLAT, "bbox": [0, 0, 9, 9], "image_id": 7, "id": 11, "utf8_string": "try", "legibility": "legible"},
        "12": {"mask": FLAT, "image_id": 8, "id": 12, "legibility": "illegible"},
        "13": {"bbox": [1, 2, 30, 20], "image_id": 7, "id": 13, "utf8_string": "Grüße", "legibility": "legible"},
        "14": {"bbox": [1, 2, 30, 20], "image_id": 99, "id": 14, "utf8_string": "lost", "legibility": "legible"},
    }
    imgs = {
        "7": {"id": 7, "set": "train", "width": 40, "file_name": "seven.jpg", "height": 30},
        "8": {"id": 8, "set": "val", "width": 40, "file_name": "sub/eight.jpg", "height": 30},
        "9": {"id": 9, "set": "train", "width": 40, "file_name": "nine.jpg", "height": 30},
    }
    return {"cats": {}, "anns": anns, "imgs": imgs, "imgToAnns": {"7": [11, 13], "8": [12]}}


def test_coco_text(tmp_path: Path) -> None:
    reader = CocoText(write_gz(tmp_path / "a.json", coco_text()), tmp_path / "img")
    pages = list(reader)
    assert contents(pages) == [
        ("seven.jpg", [("try", False, SQUARE), ("Grüße", False, SQUARE)]),
        ("eight.jpg", [("", True, SQUARE)]),
        ("nine.jpg", []),
    ]
    assert Path(pages[1][0].source) == tmp_path / "img" / "sub" / "eight.jpg" and "image 8" in pages[1][1]
    assert reader.left_out.counts == {"annotation of an unknown image": 1}


def test_one_split(tmp_path: Path) -> None:
    reader = CocoText(write_gz(tmp_path / "a.json", coco_text()), tmp_path, split="train")
    assert images(reader) == ["seven.jpg", "nine.jpg"]
    assert reader.left_out.counts["image of another split"] == 1


def test_coco_and_its_kin(tmp_path: Path) -> None:
    more = {"image_id": 1, "bbox": [1, 2, 30, 20]}
    annotations = [
        {**more, "id": 1, "segmentation": [FLAT], "attributes": {"transcription": "in attributes"}},
        {**more, "id": 2, "segmentation": {"counts": [1, 2], "size": [3, 4]}, "iscrowd": 1},
        {**more, "id": 3, "segmentation": [], "text": "."},
        {**more, "id": 4, "points": SQUARE, "utf8_string": "points"},
        {**more, "id": 5, "segmentation": [[0, 0, 5, 0, 5, 5], [9, 9, 12, 9, 12, 12]], "caption": "two parts"},
    ]
    data = {"annotations": annotations, "images": [{"id": 1, "file_name": "a.jpg"}]}
    (tmp_path / "a.json").write_text(json.dumps(data))
    ((page, _),) = CocoText(tmp_path / "a.json", tmp_path, illegible_text=".")
    assert [(b.text, b.ignored, b.points.tolist()) for b in page.lines] == [
        ("in attributes", False, SQUARE),
        ("", True, SQUARE),
        (".", True, SQUARE),
        ("points", False, SQUARE),
        ("two parts", False, SQUARE),
    ]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: d["anns"]["12"].pop("image_id"), "anns 12: has no 'image_id'"),
        (lambda d: d["anns"]["13"].pop("bbox"), "anns 13: has no 'bbox'"),
        (lambda d: d["anns"]["12"].update(mask=[1, 2, 3, "x", 5, 6]), "anns 12: .*(no number|list of pairs)"),
        (lambda d: d["anns"].update({"12": 5}), "anns 12"),
        (lambda d: d["imgs"]["9"].pop("file_name"), "imgs 9: has no 'file_name'"),
    ],
)
def test_a_strange_record_is_named_or_counted(tmp_path: Path, spoil, message: str) -> None:
    data = coco_text()
    spoil(data)
    path = write_gz(tmp_path / "a.json", data)
    with pytest.raises(DataError, match=message):
        list(CocoText(path, tmp_path))
    reader = CocoText(path, tmp_path, skip_bad=True)
    assert len(list(reader)) >= 2 and reader.left_out.counts["broken record"] == 1


def test_another_json_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no images under imgs or images"):
        list(CocoText(write_gz(tmp_path / "a.json", {"annotations": []}), tmp_path))
    (tmp_path / "cut.json").write_text(json.dumps(coco_text())[:-100])
    with pytest.raises(DataError, match="no valid JSON"):
        list(CocoText(tmp_path / "cut.json", tmp_path, skip_bad=True))
    with pytest.raises(ValueError, match="known"):
        CocoText("a", "b", split="dev")
