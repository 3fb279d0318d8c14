"""LSVT, ArT, ReCTS and Total-Text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ppocr_like.documents.formats.icdar2019 import Icdar2019, ReCTS
from ppocr_like.documents.formats.total_text import TotalText
from ppocr_like.errors import DataError

from .helpers import contents, convert, picture, rectangle

SQUARE = rectangle(1, 2, 31, 22)


def box(text: str, points: object = SQUARE, **more: object) -> dict[str, object]:
    return {"transcription": text, "points": points, **more}


def test_lsvt_and_art(tmp_path: Path) -> None:
    for name in ("a/gt_0.jpg", "b/gt_1.png"):
        picture(tmp_path / "img" / name)
    curved = [[0, 0], [10, 0], [20, 2], [20, 12], [10, 10], [0, 10]]
    labels = {
        "gt_0": [box("招牌", illegibility=False), box("blurred", illegibility=True), box("###", illegibility=False)],
        "gt_1": [box("round", curved, language="Latin", illegibility=False)],
        "gt_2": [],
    }
    (tmp_path / "l.json").write_text(json.dumps(labels), encoding="utf-8")
    reader = Icdar2019(tmp_path / "l.json", tmp_path / "img")
    pages = list(reader)
    assert [Path(page.source) for page, _ in pages[:2]] == [tmp_path / "img/a/gt_0.jpg", tmp_path / "img/b/gt_1.png"]
    assert contents(pages) == [
        ("gt_0.jpg", [("招牌", False, SQUARE), ("blurred", True, SQUARE), ("###", True, SQUARE)]),
        ("gt_1.png", [("round", False, curved)]),
        ("gt_2.jpg", []),
    ]


def test_crops_of_art(tmp_path: Path) -> None:
    for name in ("gt_0_0.jpg", "gt_0_1.jpg", "gt_0_2.jpg"):
        picture(tmp_path / "img" / name)
    labels = {
        "gt_0_0": [{"transcription": "one", "language": "Latin", "illegibility": False}],
        "gt_0_1": [{"transcription": "###", "illegibility": True}],
        "gt_0_2": {"transcription": "two"},
    }
    (tmp_path / "l.json").write_text(json.dumps(labels), encoding="utf-8")
    out = tmp_path / "train.txt"
    arguments = ["art", str(tmp_path / "l.json"), "--images", str(tmp_path / "img"), "--out", str(out)]
    assert "--ready-crops" in convert(*arguments, expect=2), "boxes are asked for"
    convert(*arguments, "--task", "rec", "--ready-crops")
    assert out.read_text(encoding="utf-8") == "img/gt_0_0.jpg\tone\nimg/gt_0_2.jpg\ttwo\n"


def test_rects(tmp_path: Path) -> None:
    picture(tmp_path / "img" / "train_ReCTS_000001.jpg")
    flat = [1, 2, 31, 2, 31, 22, 1, 22]
    record = {"chars": [box("字", flat, ignore=0)], "lines": [box("字号", flat, ignore=0), box("###", flat, ignore=1)]}
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "train_ReCTS_000001.json").write_text(json.dumps(record), encoding="utf-8")
    lines = contents(list(ReCTS(tmp_path / "gt", tmp_path / "img")))
    assert lines == [("train_ReCTS_000001.jpg", [("字号", False, SQUARE), ("###", True, SQUARE)])]
    assert contents(list(ReCTS(tmp_path / "gt", tmp_path / "img", "char")))[0][1] == [("字", False, SQUARE)]
    (tmp_path / "gt" / "z.json").write_text(json.dumps({"lines": [{"transcription": "x"}]}), encoding="utf-8")
    with pytest.raises(DataError, match=r"z\.json: is not as ReCTS writes it: has no 'points'"):
        list(ReCTS(tmp_path / "gt", tmp_path / "img"))


def test_total_text(tmp_path: Path) -> None:
    picture(tmp_path / "img" / "img1.jpg")
    (tmp_path / "gt").mkdir()
    text = (
        "x: [[1 31 31  1]], y: [[ 2  2 22 22]], ornt: [u'c'], transcriptions: [u'ASRAMA']\n"
        "x: [[1 31\n 31 1]], y: [[2 2\n 22 22]], ornt: [u'h'], transcriptions: [u\"it's\"]\n"
        "x: [[1 31 31 1]], y: [[2 2 22 22]], ornt: [u'#'], transcriptions: [u'#']\n"
        "x: [[1 31 31 1]], y: [[2 2 22 22]], ornt: ['m'], transcriptions: ['caf\\u00e9, [x]']\n"
        "x: [[1 31 31 1]], y: [[2 2 22 22]], ornt: [], transcriptions: []\n"
    )
    (tmp_path / "gt" / "poly_gt_img1.txt").write_text(text, encoding="utf-8")
    ((page, _),) = TotalText(tmp_path / "gt", tmp_path / "img")
    assert Path(page.source) == tmp_path / "img" / "img1.jpg"
    assert [(b.text, b.ignored, b.points.tolist()) for b in page.lines] == [
        ("ASRAMA", False, SQUARE),
        ("it's", False, SQUARE),
        ("#", True, SQUARE),
        ("café, [x]", False, SQUARE),
        ("", False, SQUARE),
    ]
    text += "x: [[1 2 3]], y: [[1 2]], ornt: [], transcriptions: []"
    (tmp_path / "gt" / "poly_gt_img1.txt").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"line 8: .*3 numbers for x and 2 for y"):
        list(TotalText(tmp_path / "gt", tmp_path / "img"))
    reader = TotalText(tmp_path / "gt", tmp_path / "img", skip_bad=True)
    assert len(next(iter(reader))[0].lines) == 5 and reader.left_out.counts == {"broken record": 1}
