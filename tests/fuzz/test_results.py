"""Results of earlier calls that are read again: pages, lines, the list of what is done, and what is made of them."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppocr_like.documents import Character, Line, Page
from ppocr_like.documents.formats.table import FORMATS
from ppocr_like.documents.predictions import read_predictions
from ppocr_like.pipeline.inputs import find_images, read_list
from ppocr_like.pipeline.page_sources import find_pages
from ppocr_like.report.bad_cases import bad_cases_html, find_bad_cases
from ppocr_like.report.corrections import write_corrections
from tests.fuzz.material import Edit, as_json, both, edited, fuzz, garbled

BOX = np.array([[4, 4], [44, 4], [44, 20], [4, 20]], float)


def page_of(image: Path) -> Page:
    characters = tuple(Character(c, BOX / [4, 1] + [10 * i, 0], 0.9) for i, c in enumerate("ab c"))
    lines = (Line(BOX, "ab c", 0.7, 0.9, characters), Line(np.add(BOX, [0, 30]), "more", 0.9, turned=180, block=1))
    return Page(str(image), 100, 80, lines, (Line(np.add(BOX, [0, 50]), "", 0.1),))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    cv2.imwrite(str(folder / "a.png"), np.full((80, 100, 3), 200, np.uint8))
    return folder


def put(path: Path, tree: object, edits: list[Edit], form: int) -> None:
    if form % 2:
        path.write_text(as_json(edited(tree, edits)), encoding="utf-8")
    else:
        path.write_bytes(garbled(json.dumps(tree).encode(), edits))


def read_again(folder: Path, results: Path) -> None:
    """What `bad_cases` and `convert_data corrections` do."""
    pages = read_predictions(results)
    cases = find_bad_cases(pages, pages)
    bad_cases_html(cases, "x", 20).encode("utf-8")
    for page in pages:
        for name in set(FORMATS) - {"pdf"}:
            FORMATS[name].write(page, np.zeros((80, 100, 3), np.uint8))
    shutil.rmtree(folder / "corrected", ignore_errors=True)
    write_corrections(pages, str(folder / "corrected"))


def whole_pages(folder: Path, edits: list[Edit], form: int) -> None:
    results = folder / "pages"
    results.mkdir(exist_ok=True)
    rows = [{"settings": {}}, {"name": "a", "page": "a.png", "file": [1, 2], "written": ["a.txt", "a.json"]}]
    text = "\n".join(map(json.dumps, rows)).encode() + b"\n"
    if form % 4 == 0:
        text = garbled(text, edits)
    elif form % 4 == 1:
        text = (
            "\n".join(as_json(row) for row in edited(rows, edits)).encode() if isinstance(edited(rows, edits), list) else b"0\n"
        )
    (results / "pages.jsonl").write_bytes(text)
    put(results / "a.json", page_of(folder / "a.png").as_dict(), edits if form % 4 > 1 else [], form // 4)
    read_again(folder, results)


def lines_alone(folder: Path, edits: list[Edit], form: int) -> None:
    results = folder / "lines"
    results.mkdir(exist_ok=True)
    entry = {"image": str(folder / "a.png"), "width": 100, "height": 80, "text": "one", "confidence": 0.5}
    put(results / "predictions.json", [entry, {**entry, "text": ""}, {"image": "b.png", "error": "is gone"}], edits, form)
    read_again(folder, results)


def lists(folder: Path, edits: list[Edit], form: int) -> None:
    """`Global.infer_list`, and the names in it."""
    data = garbled(b"a.png\ta label\nb/c.tif\nscan.pdf\n", edits).replace(b"../", b"..?")  # or it walks through the machine
    (folder / "list.txt").write_bytes(data)
    find_pages(find_images(read_list(folder / "list.txt")))


@both(900, 10_000)
def test_whole_pages(folder: Path, count: int) -> None:
    fuzz(partial(whole_pages, folder), count)


@both(600, 6_000)
def test_lines_alone(folder: Path, count: int) -> None:
    fuzz(partial(lines_alone, folder), count)


@both(300, 3_000)
def test_lists(folder: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    fuzz(partial(lists, folder), count)
