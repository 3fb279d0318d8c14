"""EasyOCR's folder of crops with labels.csv."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppocr_like.convert.easyocr import EasyOcrCrops
from ppocr_like.errors import DataError
from tests.documents.formats.helpers import convert, picture


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
