"""pretrained/make_scenes.py: signs stand where a photo has no text, and each word's box is where its letters are."""

import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppocr_like.draw.fonts import choose_font

ROOT = Path(__file__).resolve().parents[1]
FONT = choose_font("EXIT1").path
OLD = {"transcription": "###", "points": [[200, 100], [300, 100], [300, 180], [200, 180]]}


pytestmark = pytest.mark.skipif(FONT is None, reason="no TrueType font is installed")


class _Texts:
    def scene(self) -> str:
        return "EXIT"


@pytest.fixture
def made(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "pretrained"))
    yield runpy.run_path(str(ROOT / "pretrained/make_scenes.py"))
    sys.modules.pop("make_lines", None)


@pytest.fixture
def photos(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((480, 640, 3), 120, np.uint8))
    (tmp_path / "train.txt").write_text(f"a.png\t{json.dumps([OLD])}\n", encoding="utf-8")
    return tmp_path / "train.txt"


def test_signs_keep_off_text_and_each_other(made, photos):
    (photo, boxes, free), *_ = made["read_photos"](photos)
    assert boxes == [OLD] and not free[100:180, 200:300].any() and free.mean() > 0.9
    rng, new, image = np.random.default_rng(0), [], photo.copy()
    for _ in range(30):
        new += made["_put_sign"](image, free, _Texts(), [str(FONT)], rng)
    assert len(new) > 8 and (image[100:180, 200:300] == 120).all()
    taken = np.zeros(image.shape[:2], np.uint8)
    for box in new:
        points = np.array(box["points"])
        assert box["transcription"] == "EXIT" and points.min() >= -3 and (points.max(axis=0) <= [643, 483]).all()
        one = cv2.fillPoly(np.zeros_like(taken), [points], 1)
        assert np.ptp(image[one > 0].astype(int), axis=0).max() > 40  # letters are in it
        assert (taken & one).sum() < 0.1 * one.sum()
        taken |= one


def test_a_photo_that_cannot_be_read_is_named(made, photos):
    (photos.parent / "a.png").write_bytes(b"no image")
    with pytest.raises(SystemExit, match=r"train\.txt, line 1: a\.png"):
        list(made["read_photos"](photos))
