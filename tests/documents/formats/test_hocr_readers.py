"""hOCR files in the hands of OCRmyPDF, which reads them to lay text under pages."""

from dataclasses import replace

import numpy as np
import pytest

from ppocr_like.documents import Character, Line, Page
from ppocr_like.documents.formats.hocr import write_hocr
from ppocr_like.documents.page import turned_points

WIDTH, HEIGHT = 600, 400
pytest.importorskip("ocrmypdf.hocrtransform", reason="needs ocrmypdf: pip install ocrmypdf")


def page_of(turned, slope=0.0):
    """Three lines of two words each, 20 px high, on a page that must be turned by so many degrees to be read."""
    back = (360 - turned) % 360
    upright = (WIDTH, HEIGHT) if turned % 180 == 0 else (HEIGHT, WIDTH)  # of the page as it is read

    def placed(left, top, right, bottom):
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)
        corners[:, 1] += slope * corners[:, 0]
        return np.roll(turned_points(corners, back, *upright), -(back // 90), axis=0)

    lines = []
    for row, text in enumerate(("first line", "second text", "third words")):
        top = 40 + 60 * row
        characters = [
            Character(c, np.roll(placed(30 + 12 * i, top, 42 + 12 * i, top + 20), turned // -90, axis=0), 0.9)
            for i, c in enumerate(text)
        ]
        lines.append(Line(placed(30, top, 30 + 12 * len(text), top + 20), text, 0.9, 0.9, tuple(characters), turned))
    return Page("p.png", WIDTH, HEIGHT, tuple(lines))


def parsed(page, tmp_path):
    from ocrmypdf.hocrtransform.hocr_parser import HocrParser

    path = tmp_path / "page.hocr"
    path.write_bytes(write_hocr(page, np.zeros((1, 1, 3), np.uint8)))
    return HocrParser(path).parse()


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_ocrmypdf_finds_lines_words_and_directions(turned, tmp_path):
    tree = parsed(page_of(turned), tmp_path)
    lines = [line for paragraph in tree.children for line in paragraph.children]
    assert [[word.text for word in line.children] for line in lines] == [
        ["first", "line"],
        ["second", "text"],
        ["third", "words"],
    ]
    assert [line.textangle or 0.0 for line in lines] == [(360 - turned) % 360] * 3
    assert [(line.baseline.slope, line.baseline.intercept) for line in lines] == [(0.0, -4.0)] * 3


def test_ocrmypdf_finds_the_dpi(tmp_path):
    assert parsed(replace(page_of(0), dpi=(150.0, 150.0), languages=("de",)), tmp_path).dpi == 150.0


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
@pytest.mark.parametrize("slope", [0.0, 0.05])
def test_ocrmypdf_lays_each_word_over_its_place(turned, slope, tmp_path):
    renderer = pytest.importorskip("ocrmypdf.fpdf_renderer", reason="needs ocrmypdf: pip install ocrmypdf")
    pdfium = pytest.importorskip("pypdfium2")
    from ocrmypdf.font import MultiFontManager

    page = page_of(turned, slope)
    pdf = tmp_path / "page.pdf"
    fonts = MultiFontManager()
    renderer.Fpdf2PdfRenderer(page=parsed(page, tmp_path), dpi=72, multi_font_manager=fonts).render(pdf)
    text = pdfium.PdfDocument(pdf)[0].get_textpage()
    everything = text.get_text_range()
    for line in page.lines:
        for word in line.words():
            left, bottom, right, top = text.get_charbox(everything.index(word.text))
            middle = np.array([(left + right) / 2, HEIGHT - (bottom + top) / 2])
            first = word.characters[0].points.mean(axis=0)
            assert np.abs(middle - first).max() < 14, (word.text, middle, first)  # within a character's size
