"""RapidOCR's own models in our pipeline, beside RapidOCR itself (see test_rapidocr.py for its environment)."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppocr_like.pipeline import Detector, Recogniser
from ppocr_like.pipeline.ocr import OCR
from ppocr_like.pipeline.opening import open_model

PYTHON = os.environ.get("PPOCR_LIKE_RAPIDOCR_PYTHON")
pytestmark = pytest.mark.skipif(not PYTHON, reason="PPOCR_LIKE_RAPIDOCR_PYTHON is not set; `make test-rapidocr` sets it")
DATA = Path(__file__).parents[2] / "train_data"
DET, REC, CLS = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx", "ch_ppocr_mobile_v2.0_cls_mobile.onnx"

PROGRAM = """
import json, os, sys
os.environ["http_proxy"] = os.environ["https_proxy"] = "http://127.0.0.1:9"  # a download would fail
import numpy as np, rapidocr
from rapidocr.ch_ppocr_rec import TextRecInput
images = np.load(sys.argv[1])
images = [images[name] for name in images.files]
engine = rapidocr.RapidOCR(params={"Rec.rec_batch_num": 1, "Global.text_score": 0.0})
pages = []
for image in images:
    result = engine(image)
    crops = [np.ascontiguousarray(crop) for crop in engine.crop_text_regions(image, engine.text_det(image).boxes)]
    lines = engine.text_rec(TextRecInput(img=crops))
    directions = engine.text_cls(crops)
    np.savez(f"{sys.argv[2]}.crops{len(pages)}.npz", *crops)
    pages.append({"boxes": result.boxes.tolist(), "texts": list(result.txts), "lines": [list(lines.txts), [float(s) for s in lines.scores]],
                  "directions": [[label, float(score)] for label, score in directions.cls_res]})
models = os.path.join(os.path.dirname(rapidocr.__file__), "models")
json.dump({"models": models, "pages": pages}, open(sys.argv[2], "w"))
"""  # noqa: E501


def clear_page() -> np.ndarray:
    """Large printed letters: nothing that a px of padding would decide."""
    page = np.full((760, 900, 3), 250, np.uint8)
    for row, text in enumerate(["RECEIPT No 20451", "Total amount 318.90", "Thank you", "Monday 14 March"]):
        cv2.putText(page, text, (60, 140 + 150 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.8, (30, 25, 20), 4, cv2.LINE_AA)
    return page


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """(images, what RapidOCR says of them, its crops, its models' folder)."""
    folder = tmp_path_factory.mktemp("models")
    names = [line.split("\t")[0] for line in (DATA / "typed_pages" / "test.txt").read_text(encoding="utf-8").splitlines()[:2]]
    images = [clear_page(), *(cv2.imread(str(DATA / name)) for name in names)]
    np.savez(folder / "images.npz", *images)
    command = [PYTHON, "-c", PROGRAM, str(folder / "images.npz"), str(folder / "out.json")]
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env)
    assert done.returncode == 0, done.stderr
    said = json.loads((folder / "out.json").read_text())
    crops = []
    for number in range(len(images)):
        stored = np.load(folder / f"out.json.crops{number}.npz")
        crops.append([stored[name] for name in stored.files])
    return images, said["pages"], crops, Path(said["models"])


def exact(recogniser: Recogniser) -> Recogniser:
    """On canvases of int(48 w / h) px, as RapidOCR's, not of whole strides."""
    resize = {"RecResizeImg": {"image_shape": [3, 48, 320], "eval_mode": True}}
    spec = replace(recogniser.spec, bucket=None, transforms=[recogniser.spec.transforms[0], resize])
    return Recogniser.with_backend(spec, recogniser.backend, batch_size=1)


def test_the_same_boxes(both):
    images, pages, _, models = both
    detector = open_model(models / DET)
    assert isinstance(detector, Detector)
    for image, page, found in zip(images, pages, detector(images), strict=True):
        limit = [image.shape[1] - 1, image.shape[0] - 1]
        assert sorted(np.clip(box.points, 0, limit).tolist() for box in found.boxes) == sorted(page["boxes"])


def test_the_same_texts_on_the_same_canvas(both):
    _, pages, crops, models = both
    recogniser = exact(open_model(models / REC))
    for page, images in zip(pages, crops, strict=True):
        lines = recogniser(images)
        assert [line.text for line in lines] == page["lines"][0]
        assert np.allclose([line.confidence for line in lines], page["lines"][1], atol=1e-4)


def test_the_same_directions(both):
    _, pages, crops, models = both
    classifier = open_model(models / CLS)
    for page, images in zip(pages, crops, strict=True):
        found = classifier(images)
        assert [result.label for result in found] == [label for label, _ in page["directions"]]
        assert np.allclose([result.confidence for result in found], [score for _, score in page["directions"]], atol=1e-4)


def test_the_same_pages(both):
    """By themselves our canvases are up to 7 px wider, which on a worn page decides here and there between two letters."""
    images, pages, _, models = both
    ocr = OCR(models / DET, exact(open_model(models / REC)), models / CLS, min_confidence=0.0, order="none")
    usual = OCR(models / DET, models / REC, models / CLS, min_confidence=0.0, order="none")
    equal = 0
    for image, page in zip(images, pages, strict=True):
        read = ocr(image).lines
        texts = [text.strip() for text in page["texts"] if text.strip()]  # ours have no blanks at their ends
        assert sorted(line.text for line in read if line.text) == sorted(texts)
        equal += len({line.text for line in usual(image).lines} & set(texts))
    assert [line.text for line in usual(images[0]).lines] == [line.text for line in ocr(images[0]).lines]
    total = sum(len(page["texts"]) for page in pages)
    assert total > 20 and equal >= 0.7 * total
