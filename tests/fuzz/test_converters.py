"""Documents of other programs: every reader of `tools/convert_data.py`, up to the label files and crops that are written."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ppocr_like.convert.ppocrlabel import PPOCRLabel, RecGt
from ppocr_like.convert.target import Target
from ppocr_like.convert.write import convert_det, convert_rec, relabel
from ppocr_like.documents.formats.coco_text import CocoText
from ppocr_like.documents.formats.hiertext import HierText
from ppocr_like.documents.formats.icdar import Icdar
from ppocr_like.documents.formats.labelme import Labelme
from ppocr_like.documents.formats.reader import Reader
from tests.fuzz.material import Edit, as_json, both, edited, fuzz, garbled

BOX = [[4, 4], [40, 4], [40, 20], [4, 20]]
LABELME = {
    "version": "5.0",
    "imagePath": "a.png",
    "imageData": None,
    "shapes": [
        {"label": "one", "points": BOX, "shape_type": "polygon", "flags": {"difficult": False}},
        {"label": "two", "points": [[4, 30], [60, 44]], "shape_type": "rectangle", "flags": {}, "description": "x"},
    ],
}
COCO = {
    "imgs": {"1": {"id": 1, "file_name": "a.png", "set": "train"}, "2": {"id": 2, "file_name": "b.png", "set": "val"}},
    "anns": {
        "7": {"image_id": 1, "bbox": [4, 4, 36, 16], "utf8_string": "one", "legibility": "legible"},
        "8": {"image_id": 2, "mask": [4, 4, 40, 4, 40, 20, 4, 20], "attributes": {"transcription": "two"}},
    },
    "info": {"date": "x"},
}
WORDS = [{"vertices": BOX, "text": "one", "legible": True, "vertical": False}]
HIERTEXT = {
    "info": {},
    "annotations": [
        {
            "image_id": "a",
            "paragraphs": [{"vertices": BOX, "legible": True, "lines": [{"vertices": BOX, "text": "one", "words": WORDS}]}],
        },
        {"image_id": "b", "paragraphs": []},
    ],
}
BOXES = [{"transcription": "one", "points": BOX, "difficult": False}, {"transcription": "###", "points": BOX}]
ICDAR = b"4,4,40,4,40,20,4,20,one\r\n4,30,60,30,60,44,4,44,two, three\r\n4,50,60,50,60,60,4,60,###\r\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    for name in ("a", "b"):
        for ending in ("png", "jpg"):
            cv2.imwrite(str(folder / f"{name}.{ending}"), np.full((80, 100, 3), 200, np.uint8))
    return folder


def put(path: Path, tree: Any, edits: list[Edit], form: int) -> Path:
    """Half of them change values, half the text."""
    if form % 2:
        data = as_json(edited(tree, edits), ensure_ascii=form % 4 == 1).encode("utf-8", "surrogatepass")
    else:
        data = garbled(json.dumps(tree, indent=1 if form % 4 else None).encode(), edits)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)
    return path


def labelme(folder: Path, edits: list[Edit], form: int) -> Reader:
    return Labelme(put(folder / "labelme" / "a.json", LABELME, edits, form).parent, folder, skip_bad=form % 5 == 0)


def coco_text(folder: Path, edits: list[Edit], form: int) -> Reader:
    return CocoText(put(folder / "coco.json", COCO, edits, form), folder, skip_bad=form % 5 == 0)


def hiertext(folder: Path, edits: list[Edit], form: int) -> Reader:
    name = "hier.jsonl.gz" if form % 8 == 0 else "hier.jsonl"
    path = put(folder / name, HIERTEXT, edits, form)
    if form % 8 == 4:
        path.write_bytes(garbled(gzip.compress(path.read_bytes(), 1), edits))
    return HierText(path, folder, ("line", "word")[form // 16 % 2], coverage=form % 3 == 0, skip_bad=form % 5 == 0)


def ppocrlabel(folder: Path, edits: list[Edit], form: int) -> Reader:
    path = put(folder / "Label.txt", BOXES, edits, form)
    path.write_bytes(b"x/a.png\t" + path.read_bytes() + b"\nx/b.png\t[]\n")
    (folder / "fileState.txt").write_bytes(garbled(b"C:\\x\\a.png\t1\n/y/b.png\t1\n", edits if form % 7 == 0 else []))
    return PPOCRLabel(folder, confirmed=form % 3 == 0, skip_bad=form % 5 == 0)


def icdar(folder: Path, edits: list[Edit], form: int) -> Reader:
    (folder / "icdar").mkdir(exist_ok=True)
    (folder / "icdar" / "gt_a.txt").write_bytes(garbled(ICDAR, edits))
    form_of = ("auto", "quad", "ltrb", "polygon")[form // 8 % 4]
    return Icdar(folder / "icdar", folder, form_of, form % 3 // 2, ("utf-8", "cp1252")[form % 2], skip_bad=form % 5 == 0)


def converted(make: Callable[[Path, list[Edit], int], Reader], folder: Path, edits: list[Edit], form: int) -> None:
    target = Target(folder / "out" / "labels.txt", folder, crops=folder / "out" / "crops", overwrite=True)
    reader = make(folder, edits, form)
    if form % 16 < 12:
        convert_det(reader, target, keep_empty=form % 2 == 0, progress=False)
    else:
        convert_rec(reader, target, progress=False, threads=1)
    target.labels.read_text(encoding="utf-8")


def crops(folder: Path, edits: list[Edit], form: int) -> None:
    (folder / "rec_gt.txt").write_bytes(b"a.png\tone\n" + garbled(b"b.png\ttwo\n", edits))
    relabel(RecGt(folder), Target(folder / "out" / "crops.txt", folder, overwrite=True))


@both(600, 8_000)
@pytest.mark.parametrize("make", [labelme, coco_text, hiertext, ppocrlabel, icdar])
def test_documents(folder: Path, make: Callable[[Path, list[Edit], int], Reader], count: int) -> None:
    fuzz(partial(converted, make, folder), count)


@both(300, 3_000)
def test_crops(folder: Path, count: int) -> None:
    fuzz(partial(crops, folder), count)
