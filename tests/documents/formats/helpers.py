"""Pages and files that the tests of readers and of the conversion make."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ppocr_like.documents.formats.reader import Reader
from ppocr_like.documents.page import Line, Page

ROOT = Path(__file__).parents[3]


def picture(path: Path, width: int = 200, height: int = 100, value: int = 200) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((height, width, 3), value, np.uint8)
    image[: height // 2, : width // 2] = (10, 60, 250)
    assert cv2.imwrite(str(path), image)
    return path


def rectangle(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def word(text: str, *corners: float, legible: bool = True, **more: Any) -> dict[str, Any]:
    return {"vertices": rectangle(*corners), "text": text, "legible": legible, "handwritten": False, "vertical": False, **more}


def hiertext_image(name: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    paragraphs = [{"vertices": rectangle(0, 0, 200, 100), "legible": True, "lines": lines}]
    return {"image_id": name, "image_width": 200, "image_height": 100, "paragraphs": paragraphs}


def write_gz(path: Path, value: Any, indent: int | None = None) -> Path:
    path.write_bytes(gzip.compress(json.dumps(value, indent=indent).encode()))
    return path


class Given(Reader):
    """A reader of pages that are there."""

    def __init__(self, pages: list[tuple[Page, str]]) -> None:
        super().__init__()
        self.pages = pages
        self.total = len(pages)

    def __iter__(self):
        yield from self.pages


def box(text: str, *corners: float, **more: Any) -> Line:
    return Line(np.array(rectangle(*corners), np.float64), text, **more)


def page(path: Path, lines: Sequence[Line], place: str) -> tuple[Page, str]:
    return Page(str(path), lines=tuple(lines)), place


def images(reader: Reader) -> list[str]:
    """Names of the images."""
    return [Path(page.source).name for page, _ in reader]


def rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def contents(pages: list[tuple[Page, str]]) -> list[tuple[str, list[tuple[str, bool, list]]]]:
    return [(Path(page.source).name, lines_of(page)) for page, _ in pages]


def lines_of(page: Page) -> list[tuple[str, bool, list]]:
    return [(line.text, line.ignored, line.points.tolist()) for line in page.lines]


def convert(*arguments: str, expect: int = 0) -> str:
    """What tools/convert_data.py says."""
    command = [sys.executable, str(ROOT / "tools" / "convert_data.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"})
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr
