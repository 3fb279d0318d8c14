"""Pages of archives as labels of a detector, and as crops of a recogniser."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Builder
from ppocr_like.config.recipe import load_recipe
from ppocr_like.convert.target import Target
from ppocr_like.convert.write import convert_det, convert_rec
from ppocr_like.convert.xml_pages import XMLPages
from ppocr_like.documents.page import Line, Page
from ppocr_like.errors import DataError
from tests.data.lines.pages import archive, drawn, page_of, with_lines, write_page, write_xml
from tests.documents.formats.helpers import rows

ROOT = Path(__file__).parents[2]


def boxes(file: Path, row: int = 0) -> list[dict]:
    return json.loads(rows(file)[row][1])


@pytest.mark.parametrize("named", ["all.txt", "*.xml", "", "p*.xml"])
def test_lists_patterns_and_folders_of_both_formats(named: str, tmp_path: Path) -> None:
    archive(tmp_path / "pages", 4, 3)
    made = convert_det(XMLPages(str(tmp_path / "pages" / named)), Target(tmp_path / "train.txt"), progress=False)
    assert (made.images, made.boxes, made.ignored, dict(made.left_out.counts)) == ([4], 12, 0, {})
    found = rows(tmp_path / "train.txt")
    assert [name for name, _ in found] == [f"pages/p{number}.png" for number in range(4)]
    outline = [[20, 22], [250, 22], [250, 46], [20, 46]]
    for number in range(4):
        assert boxes(tmp_path / "train.txt", number)[0] == {"transcription": f"p{number} line 0", "points": outline}


def test_crops_of_a_recogniser(tmp_path: Path) -> None:
    archive(tmp_path / "pages", 2, 3)
    target = Target(tmp_path / "rec.txt", crop_format=".png")
    convert_rec(XMLPages(tmp_path / "pages" / "all.txt"), target, progress=False)
    found = rows(tmp_path / "rec.txt")
    assert [text for _, text in found] == [f"p{page} line {line}" for page in range(2) for line in range(3)]
    page = cv2.imread(str(tmp_path / "pages" / "p0.png"))
    assert np.array_equal(cv2.imread(str(tmp_path / found[0][0])), page[22:46, 20:250])


def _one_line(folder: Path, line: Line, size: tuple[int, int] = (300, 200)) -> Path:
    """A page with this line alone."""
    folder.mkdir(exist_ok=True)
    page = with_lines(page_of(["x"], "p.png", size), line)
    assert cv2.imwrite(str(folder / "p.png"), drawn(page_of(["x"])))
    write_xml(folder / "p.xml", page)
    return folder / "p.xml"


def _turned(degrees: float) -> np.ndarray:
    """An outline that is turned around (150, 100), 100 px long and 20 px high, from the text's top left on."""
    turn = np.deg2rad(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.array([[-50, -14], [50, -14], [50, 6], [-50, 6]]) @ rotation.T + (150, 100)


@pytest.mark.parametrize("degrees", [0, 30, -20, 90, -90, 160])
def test_a_box_begins_at_the_texts_top_left_and_runs_along_its_baseline(degrees: float, tmp_path: Path) -> None:
    outline = _turned(degrees)
    top_left, top_right, bottom_right, bottom_left = outline
    baseline = np.array([top_left + 0.7 * (bottom_left - top_left), top_right + 0.7 * (bottom_right - top_right)])
    # Corners in another order, a point between two of them, and a notch, as programs draw them.
    ragged = np.array(
        [bottom_left, top_left, (top_left + top_right) / 2 + 0.1 * (bottom_left - top_left), top_right, bottom_right]
    )
    file = _one_line(tmp_path, Line(ragged, "x", id="l1", baseline=baseline))
    convert_det(XMLPages(file), Target(tmp_path / "train.txt"), progress=False)
    (box,) = boxes(tmp_path / "train.txt")
    assert np.allclose(box["points"], outline, atol=1.6)  # XML has whole px


def test_a_square_outline_keeps_its_baselines_way(tmp_path: Path) -> None:
    """Its smallest rectangle would stand on a corner."""
    diamond = np.array([[100, 60], [130, 90], [100, 120], [70, 90]])
    file = _one_line(tmp_path, Line(diamond, "7", id="l1", baseline=np.array([[75, 105], [125, 105]])))
    convert_det(XMLPages(file), Target(tmp_path / "train.txt"), progress=False)
    assert boxes(tmp_path / "train.txt")[0]["points"] == [[70, 60], [130, 60], [130, 120], [70, 120]]
    convert_det(XMLPages(file, shape="polygons"), Target(tmp_path / "polygons.txt"), progress=False)
    assert boxes(tmp_path / "polygons.txt")[0]["points"] == diamond.tolist()


def test_lines_with_baselines_alone_are_as_high_as_lines_are_apart(tmp_path: Path) -> None:
    page = page_of(["a", "b", "c"], "p.png")
    bare = [
        Line(np.concatenate([one.baseline, one.baseline[::-1]]), one.text, id=one.id, baseline=one.baseline) for one in page.lines
    ]
    assert cv2.imwrite(str(tmp_path / "p.png"), drawn(page))
    write_xml(tmp_path / "p.xml", with_lines(page, *bare))
    convert_det(XMLPages(tmp_path), Target(tmp_path / "train.txt"), progress=False)
    found = [np.array(box["points"]) for box in boxes(tmp_path / "train.txt")]
    assert [np.ptp(points, axis=0).tolist() for points in found] == [[230, 40]] * 3
    assert [points[0].tolist() for points in found] == [[20, 10], [20, 50], [20, 90]]


def test_coordinates_are_scaled_to_an_image_of_another_size(tmp_path: Path) -> None:
    outline = np.array([[40, 44], [500, 44], [500, 92], [40, 92]])
    file = _one_line(tmp_path, Line(outline, "x", id="l1"), size=(600, 400))
    made = convert_det(XMLPages(file), Target(tmp_path / "train.txt"), progress=False)
    assert boxes(tmp_path / "train.txt")[0]["points"] == [[20, 22], [250, 22], [250, 46], [20, 46]]
    assert "coordinates scaled" in made.text()


def test_what_has_no_place_is_counted_with_its_file_and_line(tmp_path: Path) -> None:
    page = page_of(["a", "b"], "p.png")
    off = Line(np.array([[400, 20], [500, 20], [500, 40], [400, 40]]), "off", id="l9")
    assert cv2.imwrite(str(tmp_path / "p.png"), drawn(page))
    write_xml(tmp_path / "p.xml", with_lines(page, *page.lines, off))
    write_page(tmp_path, "q", ["c"])
    (tmp_path / "q.png").unlink()
    (tmp_path / "list.txt").write_text("p.xml\nq.xml\ngone.xml\n")
    made = convert_det(XMLPages(tmp_path / "list.txt"), Target(tmp_path / "train.txt"), progress=False)
    assert (made.images, made.boxes) == ([1], 2)
    assert sum(made.left_out.counts.values()) == 3
    assert (
        "p.xml, line 3 (l9): line 32 (l9): it has neither" in made.text()
        and "q.xml: " in made.text()
        and "line 3: gone.xml" in made.text()
    )


def test_a_broken_page_stops_or_is_counted(tmp_path: Path) -> None:
    archive(tmp_path, 2)
    (tmp_path / "p1.xml").write_text("<PcGts>")
    with pytest.raises(DataError, match=r"p1\.xml.*--skip-bad"):
        convert_det(XMLPages(tmp_path / "all.txt"), Target(tmp_path / "train.txt"), progress=False)
    assert not (tmp_path / "train.txt").exists()
    made = convert_det(XMLPages(tmp_path / "all.txt", skip_bad=True), Target(tmp_path / "train.txt"), progress=False)
    assert made.images == [1] and made.left_out.counts == {"broken record": 1}


def test_images_in_another_folder(tmp_path: Path) -> None:
    archive(tmp_path / "xml", 2)
    (tmp_path / "scans").mkdir()
    for number in range(2):
        (tmp_path / "xml" / f"p{number}.png").rename(tmp_path / "scans" / f"p{number}.png")
    made = convert_det(XMLPages(tmp_path / "xml", tmp_path / "scans"), Target(tmp_path / "train.txt"), progress=False)
    assert made.images == [2] and rows(tmp_path / "train.txt")[0][0] == "scans/p0.png"
    (tmp_path / "scans" / "p1.png").rename(tmp_path / "xml" / "p1.png")  # where it was not asked for
    made = convert_det(XMLPages(tmp_path / "xml", tmp_path / "scans"), Target(tmp_path / "b.txt"), progress=False)
    assert made.images == [1] and made.left_out.counts == {"missing image": 1} and "p1.xml" in made.text()


def test_nothing_of_that_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file is called so"):
        XMLPages(tmp_path / "*.xml")
    with pytest.raises(ValueError, match="shape is 'circles'"):
        XMLPages(tmp_path, shape="circles")  # type: ignore[arg-type]


def test_the_tool_and_a_detectors_data_set(tmp_path: Path) -> None:
    """What it writes is what a detector's recipe trains on."""
    archive(tmp_path / "pages", 6)
    command = [
        sys.executable,
        "tools/convert_data.py",
        "xml",
        str(tmp_path / "pages" / "*.xml"),
        "--out",
        str(tmp_path / "train.txt"),
    ]
    done = subprocess.run([*command, "--val-share", "0.2"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "boxes: 18" in done.stdout, done.stderr
    load_components()
    places = [f"{section}.dataset.{key}" for section in ("Train", "Eval") for key in ("data_dir", "label_file_list")]
    values = [str(tmp_path), f"[{tmp_path / 'train.txt'}]", str(tmp_path), f"[{tmp_path / 'val.txt'}]"]
    recipe = load_recipe(ROOT / "configs" / "det" / "finetune.yml", [f"{k}={v}" for k, v in zip(places, values, strict=True)])
    data = Builder(recipe).dataset("Train")
    parts = [len(rows(tmp_path / name)) for name in ("train.txt", "val.txt")]
    assert sum(parts) == 6 and parts[1] > 0 and len(data) == parts[0]
    over = subprocess.run(
        [*command[:-1], str(tmp_path / "pages" / "p0.xml"), "--force"], cwd=ROOT, capture_output=True, text=True
    )
    assert over.returncode == 2 and "it is read, and would be replaced" in over.stderr
    assert (tmp_path / "pages" / "p0.xml").read_bytes().startswith(b"<?xml")


def test_pages_without_lines(tmp_path: Path) -> None:
    page = Page("p.png", 300, 200)
    assert cv2.imwrite(str(tmp_path / "p.png"), drawn(page_of(["x"])))
    write_xml(tmp_path / "p.xml", page)
    with pytest.raises(DataError, match="1 x image without boxes"):
        convert_det(XMLPages(tmp_path), Target(tmp_path / "train.txt"), progress=False)
    assert convert_det(XMLPages(tmp_path), Target(tmp_path / "train.txt"), keep_empty=True, progress=False).lines == [1]
