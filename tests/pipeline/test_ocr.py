"""Whole pages: detection, crops, recognition, order; on ONNX Runtime and in PyTorch."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import ppocr_like
from ppocr_like.components import load_components
from ppocr_like.errors import ConfigError, DataError, WeightsError
from ppocr_like.pipeline import Detector, Recogniser
from ppocr_like.pipeline.ocr import OCR, with_long_lines
from ppocr_like.transforms.line_cut import cut_quad

load_components(["tests.ink_net"])
ROOT = Path(__file__).resolve().parents[2]
NO_TORCH = """
import sys
from ppocr_like import OCR
page = OCR(sys.argv[1], sys.argv[2], min_confidence=0.0)(sys.argv[3])
assert not [name for name in sys.modules if name.split(".")[0] in ("torch", "safetensors", "onnx")]
print(len(page.lines))
"""


@pytest.fixture(scope="module")
def ocr(ink_bundle, tiny_bundle):
    return OCR(ink_bundle, tiny_bundle, min_confidence=0.0)


def test_each_line_is_what_the_two_models_give_alone(ocr, ink_run, ink_bundle, tiny_bundle):
    path = str(ink_run.images[0])
    page = ocr(path)
    picture = cv2.imread(path)
    boxes = Detector(ink_bundle)([path])[0].boxes
    lines = [*page.lines, *page.left_out]
    assert len(lines) == len(boxes) > 3
    assert (page.source, page.width, page.height) == (path, picture.shape[1], picture.shape[0])
    expected = {}
    recogniser = with_long_lines(Recogniser(tiny_bundle))
    for box in boxes:
        (text,) = recogniser([cut_quad(picture, box.points).image])
        expected[tuple(np.asarray(box.points, float).ravel())] = (text.text, text.confidence, box.score)
    for line in lines:
        text, confidence, score = expected[tuple(line.points.ravel())]
        assert (line.text, line.score) == (text, score)
        assert line.confidence == pytest.approx(confidence, abs=1e-5)
    tops = [line.frame[1] for line in page.lines]
    assert tops == sorted(tops)  # the bars of these pages stand one below the other


def test_characters_stand_within_their_line(ocr, ink_run):
    found = 0
    for path in ink_run.images:
        for line in ocr(str(path)).lines:
            left, top, right, bottom = line.frame
            assert "".join(character.text for character in line.characters) == line.text
            for character in line.characters:
                x, y = character.points[:, 0], character.points[:, 1]
                assert left - 1 <= x.min() <= x.max() <= right + 1 and top - 1 <= y.min() <= y.max() <= bottom + 1
                found += 1
    assert found > 20


def test_torch_and_onnx_runtime_read_the_same(ocr, ink_run, tiny_run):
    other = OCR(ink_run.folder, tiny_run.folder, min_confidence=0.0)
    for path in ink_run.images:
        one, two = ocr(str(path)), other(str(path))
        assert [line.text for line in one.lines] == [line.text for line in two.lines]
        assert np.allclose([line.confidence for line in one.lines], [line.confidence for line in two.lines], atol=1e-3)
        assert all(np.allclose(a.points, b.points, atol=1) for a, b in zip(one.lines, two.lines, strict=True))


def test_the_filter_keeps_what_it_leaves_out(ink_bundle, tiny_bundle, ocr, ink_run):
    path = str(ink_run.images[4])
    everything = ocr(path)
    limit = float(np.median([line.confidence for line in everything.lines]))
    page = OCR(ocr.detector, ocr.recogniser, min_confidence=limit)(path)
    assert 0 < len(page.lines) < len(everything.lines)
    assert all(line.confidence >= limit for line in page.lines)
    assert len(page.lines) + len(page.left_out) == len(everything.lines) + len(everything.left_out)


def test_values_of_the_post_processing_other_than_the_detectors_own(ink_bundle, tiny_bundle, ocr, ink_run):
    path = str(ink_run.images[0])
    wide = OCR(ink_bundle, tiny_bundle, min_confidence=0.0, det_postprocess={"unclip_ratio": 1.5})
    boxes = Detector(ink_bundle).with_postprocess({"unclip_ratio": 1.5})([path])[0].boxes
    assert sorted(line.points.tolist() for line in wide(path).lines) == sorted(np.asarray(b.points).tolist() for b in boxes)
    areas = [sum(cv2.contourArea(line.points.astype(np.float32)) for line in reader(path).lines) for reader in (ocr, wide)]
    assert areas[1] > 1.1 * areas[0]
    with pytest.raises(ConfigError, match="unclip_ratio"):
        OCR(ink_bundle, tiny_bundle, det_postprocess={"unclip": 2})


def test_an_image_without_text_is_an_empty_page(ocr):
    page = ocr(np.full((100, 200, 3), 255, np.uint8))
    assert (page.lines, page.text, page.width, page.height) == ((), "", 200, 100)


def test_images_that_cannot_be_used(ocr, ink_run, tmp_path):
    bad = tmp_path / "text.png"
    bad.write_text("no picture")
    results = list(ocr.stream([str(bad), str(ink_run.images[0]), str(tmp_path / "none.png")]))
    assert [result.page is None for result in results] == [True, False, True]
    assert "text.png" in results[0].error and "none.png" in results[2].error
    with pytest.raises(DataError, match=r"text\.png"):
        ocr(str(bad))


def test_models_in_the_wrong_place(ink_bundle, tiny_bundle):
    with pytest.raises(WeightsError, match="a detector is needed"):
        OCR(tiny_bundle, tiny_bundle)
    with pytest.raises(WeightsError, match="a recogniser is needed"):
        OCR(ink_bundle, ink_bundle)
    with pytest.raises(ValueError, match="min_confidence 2"):
        OCR(ink_bundle, tiny_bundle, min_confidence=2)
    with pytest.raises(ValueError, match="order 'up'"):
        OCR(ink_bundle, tiny_bundle, order="up")


def test_a_long_line_gets_a_wide_canvas(tiny_bundle):
    recogniser = with_long_lines(Recogniser(tiny_bundle))
    height = recogniser.preprocess.image_shape[1]
    short, long = np.full((height, 60, 3), 200, np.uint8), np.full((height, 40 * height, 3), 200, np.uint8)
    widths = [reading.prepared.tensor.shape[2] for reading in recogniser.stream([short, long])]
    assert widths[0] < widths[1]


def test_without_torch(ink_bundle, tiny_bundle, ink_run):
    command = [sys.executable, "-c", NO_TORCH, str(ink_bundle), str(tiny_bundle), str(ink_run.images[0])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


def test_the_package_gives_ocr_and_names_what_it_lacks():
    assert ppocr_like.OCR is OCR
    with pytest.raises(AttributeError, match="no attribute 'ocr_like'"):
        _ = ppocr_like.ocr_like


def test_whatever_stands_for_an_image_is_read(ink_bundle, tiny_bundle, ink_run, tmp_path):
    ocr = OCR(ink_bundle, tiny_bundle, min_confidence=0.0)
    path = Path(ink_run.images[0])
    wanted = [line.text for line in ocr(str(path)).lines]
    image = Image.open(path)
    assert wanted
    for source in (path, path.read_bytes(), image, image.convert("RGBA"), np.asarray(image.convert("RGB"))[:, :, ::-1].copy()):
        assert [line.text for line in ocr(source).lines] == wanted
    pages = [image.convert("RGB"), image.convert("RGB")]
    pages[0].copy().save(tmp_path / "two.tif", save_all=True, append_images=[pages[1].copy()])
    with pytest.raises(DataError, match=r"2 pages.*OCR\.pages"):
        ocr(tmp_path / "two.tif")
    results = list(ocr.pages(tmp_path / "two.tif"))
    assert [[line.text for line in result.page.lines] for result in results] == [wanted, wanted]
    assert results[1].page.source.endswith("two.tif#2")
    with pytest.raises(DataError, match="several pages"):
        ocr((tmp_path / "two.tif").read_bytes())
    pages[0].save(tmp_path / "one.pdf", resolution=200)
    with pytest.raises(DataError, match="is a PDF"):
        ocr((tmp_path / "one.pdf").read_bytes())
    for wrong in (None, 7, [1]):
        with pytest.raises(DataError, match="give a path"):
            ocr(wrong)
    pytest.importorskip("pypdfium2")
    assert ocr(tmp_path / "one.pdf").lines
