"""Large and long pages, in tiles."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppocr_like.components import load_components
from ppocr_like.contracts import TextBox
from ppocr_like.pipeline import Detector
from ppocr_like.pipeline.ocr import OCR
from ppocr_like.pipeline.tiles import EDGE, OVERLAP, find_regions, put_together, tiles

load_components(["tests.ink_net"])
ROOT = Path(__file__).resolve().parents[2]


def box(left, top, right, bottom, score=0.9):
    return TextBox(np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float), score)


def frames(boxes):
    return sorted([round(v) for v in (*b.points.min(0), *b.points.max(0))] for b in boxes)


@pytest.mark.parametrize(("width", "height"), [(1000, 1400), (500, 2500), (3000, 800), (4000, 4000), (0, 0)])
def test_usual_pages_are_seen_whole(width, height):
    assert tiles(width, height) == [(0, 0, width, height)]


@given(st.integers(1, 9000), st.integers(1, 9000), st.one_of(st.none(), st.integers(64, 3000)))
@settings(deadline=None)
def test_tiles_cover_the_page_and_overlap(width, height, tile):
    found = tiles(width, height, tile)
    assert min(f[0] for f in found) == min(f[1] for f in found) == 0
    assert (max(f[2] for f in found), max(f[3] for f in found)) == (width, height)
    for low, high in ((0, 2), (1, 3)):
        spans = sorted({(f[low], f[high]) for f in found})
        for (_, end), (start, other_end) in pairwise(spans):
            assert end - start >= OVERLAP * (other_end - start) - 2


def test_a_region_of_two_tiles_stays_once():
    one, two = (0, 0, 1000, 1000), (0, 850, 1000, 1850)
    found = [(one, box(50, 900, 400, 930)), (two, box(52, 899, 401, 931)), (two, box(50, 1500, 300, 1530))]
    assert frames(put_together(found, 1000, 1850)) == [[50, 1500, 300, 1530], [52, 899, 401, 931]]


def test_the_cut_line_yields_to_the_whole_one():
    one, two = (0, 0, 1000, 1000), (0, 850, 1000, 1850)
    found = [(one, box(50, 985, 400, 1000)), (two, box(50, 985, 400, 1015))]
    assert frames(put_together(found, 1000, 1850)) == [[50, 985, 400, 1015]]


def test_halves_of_a_line_become_one():
    one, two, three = (0, 0, 1000, 500), (850, 0, 1850, 500), (1700, 0, 2700, 500)
    found = [(one, box(700, 100, 1000, 130)), (two, box(850, 101, 1850, 131)), (three, box(1700, 100, 2000, 130))]
    assert frames(put_together(found, 2700, 500)) == [[700, 100, 2000, 131]]
    down = [((0, 0, 500, 1000), box(100, 700, 130, 1000)), ((0, 850, 500, 1850), box(100, 850, 130, 1200))]
    assert frames(put_together(down, 500, 1850)) == [[100, 700, 130, 1200]]


def test_neighbours_within_a_tile_and_across_stay_two():
    one, two = (0, 0, 1000, 500), (850, 0, 1850, 500)
    words = [(one, box(700, 100, 980 - EDGE, 130)), (two, box(960, 100, 1200, 130))]  # neither ends at its tile's edge
    assert len(put_together(words, 1850, 500)) == 2
    assert len(put_together([(one, box(0, 0, 100, 30)), (one, box(10, 5, 90, 25))], 1850, 500)) == 2
    assert put_together([], 10, 10) == []


def strip(pages):
    """Pages of bars one below the other, and the bars."""
    images = [cv2.imread(str(path)) for path in pages.images[:2]]
    high = np.vstack([image for _ in range(10) for image in images])
    quads = [q + np.array([0, 240 * (2 * n + i)]) for n in range(10) for i in range(2) for q in pages.quads[i]]
    return high, quads


def test_a_strip_is_found_as_its_pages_are(ink_run, ink_bundle):
    high, quads = strip(ink_run)
    assert high.shape[0] > 4 * high.shape[1] and len(tiles(high.shape[1], high.shape[0])) > 5
    detector = Detector(ink_bundle)
    picture, boxes = find_regions(detector, high)
    assert picture is high or np.array_equal(picture, high)
    per_page = sum(len(page.boxes) for page in detector([str(path) for path in ink_run.images[:2]]))
    assert abs(len(boxes) - 10 * per_page) <= 0.1 * 10 * per_page
    bars = np.array([quad.mean(0) for quad in quads])
    assert all(np.abs(bars - box.points.mean(0)).sum(1).min() < 12 for box in boxes)


def test_tiles_of_a_wanted_size(ink_run, ink_bundle, tiny_bundle, tmp_path):
    large = str(ink_run.images[4])  # 900 x 1200
    ocr = OCR(ink_bundle, tiny_bundle, min_confidence=0.0, tile=640)
    page = ocr(large)
    whole = OCR(ink_bundle, tiny_bundle, min_confidence=0.0)(large)
    count = len(page.lines) + len(page.left_out)
    assert abs(count - len(whole.lines) - len(whole.left_out)) <= 2 and count > 5
    with pytest.raises(ValueError, match="tile 10"):
        OCR(ink_bundle, tiny_bundle, tile=10)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_odd_pages_have_each_their_outcome_and_memory_stays_bounded(ink_run, ink_bundle, tiny_bundle, tmp_path):
    """Truncated JPEG, empty file, text called .png, blank page, 20,000 px high scan, 2,000 words: in one call."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    page = cv2.imread(str(ink_run.images[0]))
    data = cv2.imencode(".jpg", page)[1].tobytes()
    (folder / "truncated.jpg").write_bytes(data[: len(data) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("no picture")
    cv2.imwrite(str(folder / "blank.png"), np.full((600, 400, 3), 255, np.uint8))
    high, _ = strip(ink_run)
    cv2.imwrite(str(folder / "high.png"), np.vstack([high] * 5)[:20000])
    words = np.full((2000, 2400, 3), 240, np.uint8)
    for y in range(10, 1990, 40):
        for x in range(10, 2390, 60):
            words[y : y + 16, x : x + 44] = 40
    cv2.imwrite(str(folder / "words.png"), words)
    program = (  # VmHWM: the peak of getrusage counts that of the process before its exec, pytest's own
        "import re, runpy, sys; sys.argv = sys.argv[1:]\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "finally: print('peak', int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)"
    )
    command = [sys.executable, "-c", program, "tools/infer.py", "--det", str(ink_bundle), "--rec", str(tiny_bundle)]
    command += [
        str(folder),
        "-o",
        str(out),
        "--format",
        "txt,json",
        "--min-confidence",
        "0",
        "--tile",
        "640",
        "--batch-size",
        "16",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    for name, reason in (("truncated.jpg", "cut short"), ("empty.png", "empty"), ("text.png", "no image format")):
        assert any(name in line and reason in line for line in done.stderr.splitlines()), name
    assert sorted(path.name for path in out.glob("*.txt")) == ["blank.txt", "high.txt", "words.txt"]
    assert (out / "blank.txt").read_text() == ""
    found = json.loads((out / "words.json").read_text())
    assert abs(len(found["lines"]) + len(found["left_out"]) - 2000) < 100
    assert int(done.stdout.rsplit("peak", 1)[1]) < 1500  # MB; the pictures together are 60
