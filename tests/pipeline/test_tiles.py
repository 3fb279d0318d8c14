"""Large and long pages, in tiles."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppocr_like.components import load_components
from ppocr_like.documents.page import Line
from ppocr_like.errors import DataError
from ppocr_like.metrics.page_text import judge_page
from ppocr_like.pipeline import Detector
from ppocr_like.pipeline.ocr import OCR
from ppocr_like.pipeline.tiles import LEAST_TILE, find_boxes, join_maps, tile_side
from ppocr_like.postprocess.db import DBPostProcess

load_components(["tests.ink_net"])
ROOT = Path(__file__).resolve().parents[2]


class Words:
    """A detector without a network: a page's first channel tells the probability, the others which word a px belongs to. Of what
    it is shown it sees whole words alone, as a network may that meets half a word at the edge of its picture."""

    def __init__(self, page):
        self.sizes = np.bincount(self.words(page).ravel(), minlength=1 << 16)

    @staticmethod
    def words(page):
        return page[:, :, 1].astype(int) * 256 + page[:, :, 2]

    def probabilities(self, picture):
        words = self.words(picture)
        whole = np.bincount(words.ravel(), minlength=1 << 16) == self.sizes
        return np.where(whole[words], picture[:, :, 0] / np.float32(255), np.float32(0)).astype(np.float32)

    def in_map(self, probabilities, source, pieces=1):
        return DBPostProcess(box_thresh=0.4, max_candidates=1000 * pieces).read(probabilities, source)


def page_of_words(rng, width, height, slope):
    """Lines of words up to 90 px long, with gaps that are text too, but less surely; each gap belongs to the word before it."""
    page, word = np.zeros((height, width, 3), np.uint8), 0
    for top in range(int(rng.integers(10, 60)), height - 30, int(rng.integers(26, 60))):
        x, end = int(rng.integers(0, width // 2)), int(rng.integers(width // 2, width))
        thick, start = int(rng.integers(6, 14)), x
        while x < end:
            length, gap = int(rng.integers(8, 70)), int(rng.integers(3, 20))
            word += 1
            for left, right, value in ((x, x + length, 230), (x + length, x + length + gap, 110)):
                for column in range(left, min(right, end)):
                    y = top + round(slope * (column - start))
                    page[max(y, 0) : max(y + thick, 0), column] = value, word // 256, word % 256
            x += length + gap
    return page


@given(
    st.integers(0, 2**31), st.integers(300, 1500), st.integers(300, 900), st.integers(LEAST_TILE, 1300), st.floats(-0.12, 0.12)
)
@settings(deadline=None, max_examples=60)
def test_each_line_comes_out_once_and_whole(seed, width, height, tile, slope):
    page = page_of_words(np.random.default_rng(seed), width, height, slope)
    detector = Words(page)
    whole = detector.in_map(detector.probabilities(page), (width, height)).boxes
    if tile_side(width, height, tile) is None:
        return
    _, found = find_boxes(detector, page, tile)
    assert len(found) == len(whole)
    for one, other in zip(found, whole, strict=True):
        assert np.array_equal(one.points, other.points) and one.score == pytest.approx(other.score)


def test_a_line_of_a_strip_is_whole(ink_bundle):
    page = np.full((120, 4200, 3), 240, np.uint8)
    page[40:72, 60:4100] = 30
    _, boxes = find_boxes(Detector(ink_bundle), page)
    assert len(boxes) == 1
    assert boxes[0].points[:, 0].min() <= 62 and boxes[0].points[:, 0].max() >= 4098


def test_a_tile_that_shows_no_whole_words_is_refused(ink_run, ink_bundle, tiny_bundle):
    with pytest.raises(ValueError, match=f"tile {LEAST_TILE - 1}; at least {LEAST_TILE} px"):
        OCR(ink_bundle, tiny_bundle, tile=LEAST_TILE - 1)
    page = np.zeros((1300, 1300, 3), np.uint8)
    with pytest.raises(DataError, match="sees as 160 x 160 px"):
        find_boxes(resizing(ink_bundle, limit_side_len=160, limit_type="max"), page, 400)
    with pytest.raises(DataError, match="choose larger tiles"):
        find_boxes(resizing(ink_bundle, limit_side_len=4000, limit_type="min"), page, 300)


def resizing(bundle, **options):
    """The detector of a bundle with another DetResizeForTest."""
    detector = Detector(bundle)
    chain = [{"DetResizeForTest": options} if "DetResizeForTest" in step else step for step in detector.spec.transforms]
    return Detector.with_backend(replace(detector.spec, transforms=chain), detector.backend)


def test_no_number_in_a_tile_poisons_its_neighbours():
    one, two = np.full((300, 300), 0.5, np.float32), np.full((300, 300), np.nan, np.float32)
    joined = join_maps([((0, 0, 300, 300), one), ((150, 0, 450, 300), two)], 450, 300)
    assert joined.shape == (300, 450) and not np.isnan(joined).any() and (joined[:, :250] == 0.5).all()


@pytest.mark.slow
def test_typed_pages_in_five_sizes_of_tiles():
    """Lines of real pages stand where they stand in the map of the whole page, seen at the same scale."""
    from ppocr_like.pipeline.opening import open_model

    detector = open_model(ROOT / "pretrained" / "db_mv3.safetensors")
    for name in ("9200519_ark__12148_btv1b525035811.jpg", "FRAN_0150_0160_L-medium.jpg"):
        page = cv2.imread(str(ROOT / "train_data/typed_pages/img" / name))
        whole = [box for box in find_boxes(detector, page)[1] if np.ptp(box.points[:, 0]) > 40]  # no ditto marks
        for tile in (256, 320, 480, 640, 800):
            found = [box for box in find_boxes(detector, page, tile)[1] if np.ptp(box.points[:, 0]) > 40]
            sides = [[Line(box.points) for box in boxes] for boxes in (whole, found)]
            counts = judge_page(*sides).counts
            assert counts.merged == counts.split == 0, (name, tile)
            assert counts.matched >= 0.95 * counts.lines, (name, tile)
            assert counts.found - counts.matched <= 2, (name, tile)  # words at the threshold, which come and go


def strip(pages):
    """Pages of bars one below the other, and the bars."""
    images = [cv2.imread(str(path)) for path in pages.images[:2]]
    high = np.vstack([image for _ in range(10) for image in images])
    quads = [q + np.array([0, 240 * (2 * n + i)]) for n in range(10) for i in range(2) for q in pages.quads[i]]
    return high, quads


def test_a_strip_is_found_as_its_pages_are(ink_run, ink_bundle):
    high, quads = strip(ink_run)
    assert high.shape[0] > 4 * high.shape[1] and tile_side(high.shape[1], high.shape[0]) == 750
    detector = Detector(ink_bundle)
    picture, boxes = find_boxes(detector, high)
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


@pytest.mark.thorough
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
