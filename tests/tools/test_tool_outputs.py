"""No tool writes over what it reads: refused before the work, with what to do; the inputs stay as they are."""

import importlib.util
import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppocr_like.errors import DataError, OcrError

ROOT = Path(__file__).resolve().parents[2]


def call(monkeypatch, tool, *arguments):
    spec = importlib.util.spec_from_file_location(f"tool_{tool}", ROOT / "tools" / f"{tool}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "argv", [f"{tool}.py", *map(str, arguments)])
    return module.main()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "img").mkdir()
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / "img" / name), np.full((40, 90, 3), 200, np.uint8))
    (tmp_path / "train.txt").write_text("img/a.png\tabc\nimg/b.png\tdef\n")
    box = [{"transcription": "abc", "points": [[2, 2], [60, 2], [60, 30], [2, 30]]}]
    (tmp_path / "img" / "Label.txt").write_text(f"img/a.png\t{json.dumps(box)}\n")
    return tmp_path


def state(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_make_dict(monkeypatch, folder):
    os.link(folder / "train.txt", folder / "dict.txt")
    before = state(folder)
    for out in ("train.txt", "dict.txt", "Train.TXT", "img/../train.txt"):
        with pytest.raises(DataError, match=r"read.*--out"):
            call(monkeypatch, "make_dict", folder / "train.txt", "--out", folder / out, "--force")
    assert state(folder) == before
    call(monkeypatch, "make_dict", folder / "train.txt", "--out", folder / "new" / "dict.txt")


def test_convert_data(monkeypatch, folder):
    pages = folder / "img"
    before = state(folder)
    with pytest.raises(DataError, match=r"read.*--out"):
        call(monkeypatch, "convert_data", "ppocrlabel", pages, "--out", pages / "Label.txt", "--force")
    with pytest.raises(DataError, match=r"no crops.*--crops"):
        call(monkeypatch, "convert_data", "ppocrlabel", pages, "--task", "rec", "--out", folder / "rec.txt", "--crops", pages)
    assert state(folder) == before
    for _ in range(2):  # again into its own crops
        arguments = ("ppocrlabel", pages, "--task", "rec", "--out", folder / "rec.txt", "--force")
        call(monkeypatch, "convert_data", *arguments)
    (folder / "gt").mkdir()
    (folder / "gt" / "a.txt").write_text("1,1,50,1,50,20,1,20,abc\n")
    with pytest.raises(DataError, match=r"read.*--out"):
        call(monkeypatch, "convert_data", "icdar", folder / "gt", "--images", pages, "--out", folder / "gt" / "a.txt", "--force")


def test_pack(monkeypatch, folder):
    (folder / "left_out.tsv").write_text((folder / "train.txt").read_text())
    before = state(folder)
    with pytest.raises(DataError, match=r"read.*--out"):
        call(monkeypatch, "pack", folder / "left_out.tsv", "--data-dir", folder, "--out", folder)
    assert state(folder) == before
    (folder / "lmdb").mkdir()
    (folder / "lmdb" / "data.mdb").symlink_to(folder / "train.txt")
    with pytest.raises(OcrError, match=r"symbolic link|is read"):
        call(monkeypatch, "pack", folder / "train.txt", "--data-dir", folder, "--out", folder / "lmdb")
    assert (folder / "train.txt").read_text() == before[str(folder / "train.txt")].decode()


def test_synth(monkeypatch, folder):
    (folder / "labels.txt").write_text("a text\n")
    fonts = next(Path("/usr/share/fonts").rglob("*.ttf"), folder / "none.ttf")
    before = state(folder)
    with pytest.raises(DataError, match=r"read.*--out"):
        call(monkeypatch, "synth", "--corpus", folder / "labels.txt", "--fonts", fonts, "--out", folder, "--count", 1)
    with pytest.raises(DataError, match="folder of backgrounds"):
        arguments = ("--corpus", folder / "train.txt", "--fonts", fonts, "--backgrounds", folder / "img")
        call(monkeypatch, "synth", *arguments, "--out", folder / "img" / "lines", "--count", 1)
    made = [path for path in state(folder) if path not in before]
    assert not made


def test_bad_cases_and_corrections(monkeypatch, folder):
    read = folder / "read"
    read.mkdir()
    entry = {"image": str(folder / "img" / "a.png"), "width": 90, "height": 40, "text": "abc", "confidence": 0.4}
    (read / "predictions.json").write_text(json.dumps([entry]))
    before = state(folder)
    (folder / "page.html").symlink_to(folder / "img" / "a.png")
    for out in (read / "predictions.json", folder / "img" / "a.png", folder / "page.html"):
        with pytest.raises(DataError, match=r"read.*--out"):
            call(monkeypatch, "bad_cases", read, "--out", out)
    with pytest.raises(DataError, match=r"read.*--out"):
        call(monkeypatch, "convert_data", "--from-predictions", read, "--out", folder / "img", "--force")
    (folder / "page.html").unlink()
    assert state(folder) == before
    call(monkeypatch, "bad_cases", read, "--out", folder / "not" / "yet" / "bad.html")
    assert "abc" in (folder / "not" / "yet" / "bad.html").read_text()


RECIPE = "Global: {epoch_num: 1, character_dict_path: %s}\nEval: {dataset: {data_dir: %s, label_file_list: [%s]}}\n"


def test_reports(monkeypatch, folder):
    (folder / "dict.txt").write_text("a\nb\n")
    (folder / "r.yml").write_text(RECIPE % (folder / "dict.txt", folder, folder / "train.txt"))
    before = state(folder)
    for out in ("r.yml", "dict.txt", "train.txt", "img/a.png"):
        with pytest.raises(DataError, match=r"read.*--report"):
            call(monkeypatch, "eval", "-c", folder / "r.yml", "--report", folder / out)
        with pytest.raises(DataError, match=r"read.*--json"):
            call(monkeypatch, "benchmark", "-c", folder / "r.yml", "--json", folder / out)
        with pytest.raises(DataError, match=r"read.*--json"):
            call(monkeypatch, "benchmark", "-c", folder / "r.yml", "--picture", folder / out)
    assert state(folder) == before
