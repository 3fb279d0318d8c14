"""Why no image of a label file is found."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ppocr_like.data.missing import likely_reason
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data" / "img" / "deep").mkdir(parents=True)
    for name in ("img/a.jpg", "img/deep/b.png"):
        cv2.imwrite(str(tmp_path / "data" / name), np.zeros((8, 8, 3), np.uint8))
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (r"img\deep\b.png", "backslashes"),
        ("img\\a.jpg", "backslashes"),
        ('"img/a.jpg"', "quotes"),
        (" img/a.jpg ", "blanks"),
        ("img/a.JPG", "letter case"),
        ("Img/Deep/b.png", "letter case"),
        ("data/img/a.jpg", "data at the path's beginning is named by data_dir already"),
        ("/home/me/data/img/a.jpg", "of another machine"),
        ("C:\\Users\\me\\img\\a.jpg", "backslashes where this system has /, and C:/Users/me at the path's beginning"),
        ("/img/a.jpg", "begins with /"),
        ("img/a.png", "another ending"),
        ("img/a.jpg,Hello", "delimiter seems to be ','"),
        ("img/A.JPEG", "another ending"),
    ],
)
def test_likely_reasons(folder: Path, name: str, words: str) -> None:
    reason = likely_reason(str(folder), name)
    assert words in reason and " is there" in reason


def test_a_folder_too_deep_and_one_that_is_the_current(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "folder above data_dir" in likely_reason(str(folder / "img" / "deep"), "a.jpg")
    monkeypatch.chdir(folder.parent)
    assert "named by data_dir already" in likely_reason("data", "data/img/a.jpg")
    assert "current folder" in likely_reason("data/img/deep", "data/img/a.jpg")


def test_nothing_is_made_up(folder: Path) -> None:
    assert likely_reason(str(folder), "img/none.jpg") == ""


def test_the_reason_stands_in_the_error(folder: Path) -> None:
    labels = folder / "train.txt"
    labels.write_text("img\\a.jpg\tHello\nimg\\deep\\b.png\tyou\n", encoding="utf-8")
    data = SimpleDataSet(str(folder), str(labels))
    with pytest.raises(DataError, match=r"train\.txt, line 1: none of the images .*is there: the path has backslashes"):
        len(data)
