"""Small archives of drawn pages with their PAGE or ALTO XML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ppocr_like.documents import Line, Page, Region
from ppocr_like.documents.formats.table import FORMATS

WIDTH, HEIGHT = 300, 200
PAPER = (210, 225, 235)


def line(number: int, text: str, **more: object) -> Line:
    """The line `number` (from 0) of a drawn page."""
    base, left, right = 40 + 40 * number, 20, 250
    baseline = np.array([[left, base], [right, base]])
    points = np.array([[left, base - 18], [right, base - 18], [right, base + 6], [left, base + 6]])
    return Line(points, text, id=f"l{number + 1}", baseline=baseline, regions=("r1",), **more)  # type: ignore[arg-type]


def page_of(texts: Sequence[str], image: str = "", size: tuple[int, int] = (WIDTH, HEIGHT)) -> Page:
    """A page of lines in one region."""
    outline = np.array([[5, 5], [WIDTH - 5, 5], [WIDTH - 5, HEIGHT - 5], [5, HEIGHT - 5]])
    regions = (Region("r1", "text", outline),)
    return Page(image, *size, tuple(line(number, text) for number, text in enumerate(texts)), regions=regions)


def drawn(page: Page) -> np.ndarray:
    """(HEIGHT, WIDTH, 3) uint8: paper with grain and the lines' texts on it."""
    picture = np.full((HEIGHT, WIDTH, 3), PAPER, np.uint8)
    picture -= np.random.default_rng(len(page.text)).integers(0, 20, picture.shape, np.uint8)
    for one in page.lines:
        assert one.baseline is not None
        cv2.putText(picture, one.text, tuple(map(int, one.baseline[0])), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (20, 20, 40), 1)
    return picture


def write_xml(path: Path, page: Page, kind: str = "page") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(FORMATS[kind].write(page, np.zeros((1, 1, 3), np.uint8)))  # type: ignore[operator]


def write_page(folder: Path, stem: str, texts: Sequence[str], kind: str = "page", ending: str = ".png") -> Page:
    """`stem.xml` and its image in one folder."""
    page = page_of(texts, stem + ending)
    folder.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(folder / (stem + ending)), drawn(page))
    write_xml(folder / f"{stem}.xml", page, kind)
    return page


def archive(folder: Path, pages: int = 4, lines: int = 3) -> str:
    """The manifest of an archive of PAGE and ALTO files in turn."""
    for number in range(pages):
        texts = [f"p{number} line {row}" for row in range(lines)]
        write_page(folder, f"p{number}", texts, "page" if number % 2 == 0 else "alto")
    (folder / "all.txt").write_text("".join(f"p{number}.xml\n" for number in range(pages)))
    return str(folder / "all.txt")


def changed(path: Path, old: str, new: str) -> None:
    """Replaces a piece of a text file that must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text, text
    path.write_text(text.replace(old, new), encoding="utf-8")


def with_lines(page: Page, *lines: Line) -> Page:
    return replace(page, lines=lines)
