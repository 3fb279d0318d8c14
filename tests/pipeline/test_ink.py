"""Print on which no line was found."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from ppocr_like.components import load_components
from ppocr_like.pipeline.infer import infer
from ppocr_like.pipeline.ink import letters, unread_print
from ppocr_like.pipeline.ocr import OCR
from ppocr_like.pipeline.read_pages import read_pages

load_components(["tests.ink_net"])

TEXT = (
    "A line of clear and larger print",
    "which a detector may overlook",
    "though everybody can read it",
    "from the other room",
)


def printed(size, ink=20, paper=245, noise=0):
    """A page of four lines in letters of so many px, and the outlines of its lines."""
    image = Image.new("L", (1000, 700), paper)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    outlines = []
    for row, text in enumerate(TEXT):
        left, top, right, bottom = draw.textbbox((40, 40 + 2 * size * row), text, font=font)
        draw.text((40, 40 + 2 * size * row), text, fill=ink, font=font)
        outlines.append(np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float))
    gray = np.asarray(image).astype(float) + np.random.default_rng(1).normal(0, noise, (700, 1000))
    return cv2.cvtColor(np.clip(gray, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR), outlines


@pytest.mark.parametrize("size", [14, 34, 64])
@pytest.mark.parametrize("look", [{}, {"ink": 90, "paper": 190, "noise": 8}])
def test_a_page_that_gives_far_less_than_it_holds_is_told_of(size, look):
    picture, outlines = printed(size, **look)
    note = unread_print(picture, outlines[:1])
    assert "look like letters" in note and "outside all 1 lines" in note and "--tile" in note
    assert "outside all 0 lines" in unread_print(picture, [])
    assert unread_print(picture, outlines) == unread_print(picture, outlines[:3]) == ""
    double = [*outlines, *outlines]  # outlines over one another do not cancel out
    assert unread_print(picture, double) == ""


def test_nothing_is_said_of_blank_pages_photographs_and_drawings():
    rng = np.random.default_rng(3)
    blank = np.full((900, 700, 3), 240, np.uint8)
    photograph = cv2.GaussianBlur(rng.integers(0, 255, (600, 800, 3)).astype(np.uint8), (0, 0), 6)
    photograph = cv2.normalize(photograph, None, 0, 255, cv2.NORM_MINMAX)
    grain = np.clip(rng.normal(200, 25, (600, 800, 3)), 0, 255).astype(np.uint8)
    drawing = blank.copy()
    for _ in range(40):
        start, end = (tuple(int(v) for v in rng.integers(0, 700, 2)) for _ in range(2))
        cv2.line(drawing, start, end, (0, 0, 0), 2)
    for picture in (blank, photograph, grain, drawing, np.zeros((1, 1, 3), np.uint8), np.zeros((3, 4000, 3), np.uint8)):
        assert unread_print(picture, []) == ""


def test_letters_are_told_in_px_of_the_page():
    picture, outlines = printed(40)
    large = cv2.resize(picture, (4000, 2800))
    found = letters(large)
    assert len(found) > 60
    assert found[:, 0].min() >= 4 * 40 - 8 and found[:, 3].max() <= 4 * outlines[-1][2, 1] + 8


def test_the_commands_say_it(ink_bundle, tiny_bundle, tmp_path):
    path = str(tmp_path / "page.png")
    cv2.imwrite(path, printed(34)[0])
    blind = {"box_thresh": 1.0}  # no region is ever so sure
    ocr = OCR(ink_bundle, tiny_bundle, det_postprocess=blind)
    (note,) = read_pages(ocr, [path], tmp_path / "out", kinds=["txt"], progress=False).notes
    assert note.startswith(f"{path}: ") and "look like letters" in note
    (alone,) = infer(ocr.detector, [path], tmp_path / "alone").notes
    assert alone == note
