"""LSVT, ArT, ReCTS, Total-Text and EasyOCR's CSV."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ppocr_like.data.convert.easyocr import EasyOcrCrops
from ppocr_like.documents.formats.icdar2019 import Icdar2019, ReCTS
from ppocr_like.documents.formats.total_text import TotalText
from ppocr_like.errors import DataError

from .helpers import contents, picture, rectangle

SQUARE = rectangle(1, 2, 31, 22)
ROOT = Path(__file__).parents[3]


def convert(*arguments: str, expect: int = 0) -> str:
    command = [sys.executable, str(ROOT / "tools" / "convert_data.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"})
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


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


def test_easyocr(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        picture(tmp_path / "all" / name)
    (tmp_path / "all" / "labels.csv").write_text(
        'filename,words\na.png,Ca, rpark\nb.png,"say ""hi"", you"\n\nc.png,NA\ngone.png,x\n', encoding="utf-8"
    )
    assert [(path.name, text) for path, text, _ in EasyOcrCrops(tmp_path / "all")] == [
        ("a.png", "Ca, rpark"),
        ("b.png", 'say "hi", you'),
        ("c.png", "NA"),
        ("gone.png", "x"),
    ]
    out = tmp_path / "train.txt"
    said = convert("easyocr", str(tmp_path / "all"), "--out", str(out))
    assert out.read_text(encoding="utf-8").splitlines()[0] == "all/a.png\tCa, rpark"
    assert "missing image" in said and "line 6" in said
    assert "give --task rec" in convert("easyocr", str(tmp_path / "all"), "--out", str(out), "--task", "det", "--force", expect=2)
    (tmp_path / "all" / "labels.csv").write_text("a.png,text\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"labels\.csv, line 1: .*header is filename,words"):
        list(EasyOcrCrops(tmp_path / "all"))
