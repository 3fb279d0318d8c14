"""PPOCRLabel's Label.txt, fileState.txt and rec_gt.txt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ppocr_like.convert.ppocrlabel import PPOCRLabel, RecGt
from ppocr_like.errors import DataError
from tests.documents.formats.helpers import contents, images, picture, rectangle

SQUARE = rectangle(1, 2, 31, 22)


def record(text: str, difficult: bool = False, points: list | None = None) -> dict:
    return {"transcription": text, "points": points or SQUARE, "difficult": difficult}


def write(folder: Path, rows: dict[str, list]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "Label.txt"
    lines = (f"{name}\t{json.dumps(boxes, ensure_ascii=False)}" for name, boxes in rows.items())
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_boxes_and_difficult_ones(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    picture(folder / "a.jpg")
    path = write(folder, {"pages/a.jpg": [record("Text, é"), record("hard", True), record("###")], "pages\\b.jpg": []})
    for source in (folder, path):
        pages = list(PPOCRLabel(source))
        assert contents(pages) == [
            ("a.jpg", [("Text, é", False, SQUARE), ("hard", True, SQUARE), ("###", True, SQUARE)]),
            ("b.jpg", []),
        ]
        assert Path(pages[0][0].source) == folder / "a.jpg"


def test_the_folder_may_have_another_name_by_now(tmp_path: Path) -> None:
    picture(tmp_path / "renamed" / "a.jpg")
    ((page, _),) = PPOCRLabel(write(tmp_path / "renamed", {"pages/a.jpg": []}))
    assert Path(page.source).is_file()


def test_only_confirmed_images(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    write(folder, {"pages/a.jpg": [], "pages/b.jpg": [], "pages/c.jpg": []})
    (folder / "fileState.txt").write_text(
        "C:\\Users\\me\\pages\\a.jpg\t1\n/home/me/pages/b.jpg\t1\n/x/c.jpg\t0\n", encoding="utf-8"
    )
    reader = PPOCRLabel(folder, confirmed=True)
    assert images(reader) == ["a.jpg", "b.jpg"]
    assert reader.left_out.counts == {"image not confirmed in fileState.txt": 1}
    (folder / "fileState.txt").unlink()
    with pytest.raises(DataError, match="--confirmed"):
        PPOCRLabel(folder, confirmed=True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'pages/b.jpg\t[{"transcription": "x", "points": [[1, 2], [3', "no valid JSON"),
        (b"pages/b.jpg", "without a delimiter"),
        (b'pages/b.jpg\t{"a": 1}', "list of boxes"),
        (b'pages/b.jpg\t[{"transcription": "x"}]', "box 1 has no points"),
        (b'pages/b.jpg\t[{"points": [[1, 2], [3, null], [4, 5]]}]', "(no number|list of pairs)"),
        (b'pages/b.jpg\t["\xff"]', "UTF-8"),
    ],
)
def test_a_broken_line_is_named_or_counted(tmp_path: Path, line: bytes, message: str) -> None:
    path = write(tmp_path / "pages", {"pages/a.jpg": []})
    path.write_bytes(path.read_bytes() + b"\n" + line + b"\npages/c.jpg\t[]\n")
    with pytest.raises(DataError, match=message) as caught:
        list(PPOCRLabel(path))
    assert f"{path}, line 3" in str(caught.value)
    reader = PPOCRLabel(path, skip_bad=True)
    assert images(reader) == ["a.jpg", "c.jpg"] and reader.left_out.counts == {"broken record": 1}


def test_crops_that_are_there_already(tmp_path: Path) -> None:
    (tmp_path / "rec_gt.txt").write_text("crop_img/a_crop_0.jpg\tAb c\ncrop_img\\b.jpg\t\n", encoding="utf-8")
    rows = [(path, text, place.rsplit(", ", 1)[1]) for path, text, place in RecGt(tmp_path)]
    assert rows == [
        (tmp_path / "crop_img" / "a_crop_0.jpg", "Ab c", "line 1"),
        (tmp_path / "crop_img" / "b.jpg", "", "line 2"),
    ]
    (tmp_path / "rec_gt.txt").write_bytes(b"a.jpg\tx\nb.jpg\n")
    with pytest.raises(DataError, match="line 2"):
        list(RecGt(tmp_path))
