"""Where a line stands: its label file, its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppocr_like.contracts import Origin
from ppocr_like.data.base import page_of_image
from ppocr_like.data.simple import SimpleDataSet


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("img/letter241_07.jpg", "img/letter241"),
        ("img/EHRI-BF-19380421e-SK-02_01.jpg", "img/EHRI-BF-19380421e-SK-02"),
        ("img/book_0a3f9c2e.jpg", "img/book"),  # a digest, also one of letters alone
        ("img/book_abcdefab.jpg", "img/book"),
        ("letter241/line_07.png", "letter241/line"),
        ("0001/010001.bin.png", "0001"),
        ("07.png", "07"),
        ("page12_line3.png", "page12"),
        ("page12line3.nrm.png", "page12line"),
        ("v1_f31.r2.l3.png", "v1_f31.r2"),
        ("a.png", "a"),
        ("title.jpg", "title"),
        ("", ""),
    ],
)
def test_pages_of_line_images(path: str, page: str) -> None:
    assert page_of_image(path) == page


def test_each_line_has_its_label_file_and_page(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("p1_1.png\tx\np1_2.png\ty\n")
    (tmp_path / "b.txt").write_text("p2_1.png\tz\n")
    for name in ("p1_1", "p1_2", "p2_1"):
        (tmp_path / f"{name}.png").write_bytes(b"png")
    files = [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]
    dataset = SimpleDataSet(str(tmp_path), files, mode="eval")
    found = [dataset.origin(dataset.info(index)) for index in range(3)]
    pages = [str(tmp_path / name) for name in ("p1", "p1", "p2")]
    assert found == [Origin(file, page) for file, page in zip((files[0], files[0], files[1]), pages, strict=True)]
