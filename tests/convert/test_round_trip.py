"""The same pages in every format give the same label file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ppocr_like.convert.ppocrlabel import PPOCRLabel
from ppocr_like.convert.target import Target
from ppocr_like.convert.write import convert_det
from ppocr_like.documents.formats.coco_text import CocoText
from ppocr_like.documents.formats.hiertext import HierText
from ppocr_like.documents.formats.icdar import Icdar
from ppocr_like.documents.formats.labelme import Labelme
from ppocr_like.documents.formats.reader import Reader
from tests.documents.formats.helpers import picture, write_gz

Pages = dict[str, list[tuple[str, list[list[float]]]]]
PAGES: Pages = {
    "a": [("Grüße, Welt", [[10, 10], [90, 12], [89, 30], [9, 28]]), ("###", [[10, 50], [60, 50], [60, 70], [10, 70]])],
    "b": [
        ('1,000 "x"', [[5.5, 5], [50, 0], [100.5, 5], [100, 30], [50, 25], [5, 30]]),
        ("ſt ∑", [[0, 40], [9, 40], [9, 49], [0, 49]]),
    ],
}


def hiertext(folder: Path, pages: Pages) -> Reader:
    records = []
    for name, boxes in pages.items():
        lines = [
            {"vertices": points, "text": "" if text == "###" else text, "legible": text != "###", "words": []}
            for text, points in boxes
        ]
        records.append({"image_id": name, "paragraphs": [{"vertices": [], "legible": True, "lines": lines}]})
    return HierText(write_gz(folder / "gt.jsonl.gz", {"annotations": records}), folder)


def icdar(folder: Path, pages: Pages) -> Reader:
    for name, boxes in pages.items():
        rows = [",".join([*(f"{n:g}" for point in points for n in point), text]) for text, points in boxes]
        (folder / f"gt_{name}.txt").write_text("\r\n".join(rows), encoding="utf-8-sig", newline="")
    return Icdar(folder, form="polygon")


def coco_text(folder: Path, pages: Pages) -> Reader:
    anns: dict[str, Any] = {}
    for name, boxes in pages.items():
        for text, points in boxes:
            legibility = "illegible" if text == "###" else "legible"
            anns[str(len(anns))] = {
                "image_id": name,
                "mask": [n for point in points for n in point],
                "utf8_string": text,
                "legibility": legibility,
            }
    path = folder / "coco.json"
    path.write_text(json.dumps({"anns": anns, "imgs": {name: {"file_name": f"{name}.jpg"} for name in pages}}))
    return CocoText(path, folder)


def labelme(folder: Path, pages: Pages) -> Reader:
    for name, boxes in pages.items():
        shapes = [{"label": text, "points": points, "shape_type": "polygon"} for text, points in boxes]
        (folder / f"{name}.json").write_text(json.dumps({"imagePath": f"{name}.jpg", "shapes": shapes}))
    return Labelme(folder)


def ppocrlabel(folder: Path, pages: Pages) -> Reader:
    rows = []
    for name, boxes in pages.items():
        records = [
            {"transcription": "hard" if text == "###" else text, "points": points, "difficult": text == "###"}
            for text, points in boxes
        ]
        rows.append(f"{folder.name}/{name}.jpg\t{json.dumps(records, ensure_ascii=False)}")
    (folder / "Label.txt").write_text("\n".join(rows), encoding="utf-8")
    return PPOCRLabel(folder)


def expected(pages: Pages) -> str:
    rows = []
    for name, boxes in pages.items():
        records = [{"transcription": text, "points": points} for text, points in boxes]
        rows.append(f"{name}.jpg\t{json.dumps(records, ensure_ascii=False)}\n")
    return "".join(rows)


@pytest.mark.parametrize("make", [hiertext, icdar, coco_text, labelme, ppocrlabel])
def test_every_format_gives_the_same_labels(tmp_path: Path, make) -> None:
    for name in PAGES:
        picture(tmp_path / f"{name}.jpg")
    convert_det(make(tmp_path, PAGES), Target(tmp_path / "out.txt"), progress=False)
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == expected(PAGES)
    assert not make(tmp_path, PAGES).left_out.counts
    # What was written is PPOCRLabel's own layout, so that it can be read and written again.
    (tmp_path / "out.txt").rename(tmp_path / "Label.txt")
    convert_det(PPOCRLabel(tmp_path / "Label.txt"), Target(tmp_path / "again.txt"), progress=False)
    assert (tmp_path / "again.txt").read_text(encoding="utf-8") == expected(PAGES)


def test_the_shipped_pages_survive_labelme_and_back(tmp_path: Path) -> None:
    """Real outlines of 4 to 16 points."""
    labels = Path(__file__).parents[2] / "train_data" / "typed_pages" / "train.txt"
    if not labels.exists():
        pytest.skip("train_data/typed_pages is not there")
    pages: Pages = {}
    for line in labels.read_text(encoding="utf-8").splitlines()[:5]:
        name, boxes = line.split("\t")
        pages[Path(name).stem] = [(box["transcription"], box["points"]) for box in json.loads(boxes)]
        picture(tmp_path / f"{Path(name).stem}.jpg")
    convert_det(labelme(tmp_path, pages), Target(tmp_path / "out.txt"), progress=False)
    found = {}
    for line in (tmp_path / "out.txt").read_text(encoding="utf-8").splitlines():
        name, boxes = line.split("\t")
        found[Path(name).stem] = [(box["transcription"], box["points"]) for box in json.loads(boxes)]
    assert found == pages and len(pages) == 5
