"""What is written about a page, read back by other programs' eyes."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from ppocr_like.documents import Character, Line, Page
from ppocr_like.documents.formats.table import FORMATS

PICTURE = np.full((300, 400, 3), 255, np.uint8)
PAGE = "{http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15}"
ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"
XHTML = "{http://www.w3.org/1999/xhtml}"


def line(text, left, top, **options):
    """10 px a character, 20 px high."""
    marks = []
    for i, character in enumerate(text):
        x = left + 10 * i
        marks.append(Character(character, np.array([[x, top], [x + 10, top], [x + 10, top + 20], [x, top + 20]]), 0.9))
    right = left + 10 * len(text)
    points = np.array([[left, top], [right, top], [right, top + 20], [left, top + 20]], float)
    return Line(points, text, 0.87654, 0.8, tuple(marks), **options)


VERTICAL = Line(np.array([[350, 40], [370, 40], [370, 240], [350, 240]], float), "down", 0.7, turned=90, block=2)
LINES = (line("Ein <Wort> & mehr", 20, 30), line('b\x07"l', 20, 60), line("second", 200, 30, block=1), VERTICAL)


@pytest.fixture
def page():
    return Page('/scans/a "b";c.png', 400, 300, LINES, (line("left out", 0, 200),))


def written(name, page):
    return FORMATS[name].write(page, PICTURE)


def test_text_and_json(page):
    assert written("txt", page).decode() == 'Ein <Wort> & mehr\nb\x07"l\n\nsecond\n\ndown\n'
    assert Page.from_dict(json.loads(written("json", page))).as_dict() == page.as_dict()
    assert written("txt", Page("x", 1, 1)) == b""


def test_page_xml(page):
    root = ElementTree.fromstring(written("page", page))
    regions = root.findall(f".//{PAGE}TextRegion")
    order = [ref.get("regionRef") for ref in root.iter(f"{PAGE}RegionRefIndexed")]
    assert order == [region.get("id") for region in regions] and len(order) == 3
    lines = root.findall(f".//{PAGE}TextLine")
    assert [one.find(f"{PAGE}TextEquiv/{PAGE}Unicode").text for one in lines] == [
        "Ein <Wort> & mehr",
        'b\ufffd"l',
        "second",
        "down",
    ]
    assert lines[0].find(f"{PAGE}TextEquiv").get("conf") == "0.8765"
    assert lines[0].find(f"{PAGE}Coords").get("points") == "20,30 190,30 190,50 20,50"
    assert lines[0].find(f"{PAGE}Baseline").get("points") == "20,46 190,46"
    words = lines[0].findall(f"{PAGE}Word")
    assert [word.find(f"{PAGE}TextEquiv/{PAGE}Unicode").text for word in words] == ["Ein", "<Wort>", "&", "mehr"]
    assert words[1].find(f"{PAGE}Coords").get("points") == "60,30 120,30 120,50 60,50"
    assert lines[3].find(f"{PAGE}Baseline").get("points") == "354,40 354,240"  # its letters stand to the left, text runs down
    sheet = root.find(f"{PAGE}Page")
    assert (sheet.get("imageFilename"), sheet.get("imageWidth")) == ('a "b";c.png', "400")


def test_alto(page):
    root = ElementTree.fromstring(written("alto", page))
    assert [block.get("ID") for block in root.iter(f"{ALTO}TextBlock")] == ["b1", "b2", "b3"]
    first = root.find(f".//{ALTO}TextLine")
    assert (first.get("HPOS"), first.get("VPOS"), first.get("WIDTH"), first.get("HEIGHT")) == ("20", "30", "170", "20")
    assert [child.tag.removeprefix(ALTO) for child in first] == [
        "Shape",
        "String",
        "SP",
        "String",
        "SP",
        "String",
        "SP",
        "String",
    ]
    strings = first.findall(f"{ALTO}String")
    assert [string.get("CONTENT") for string in strings] == ["Ein", "<Wort>", "&", "mehr"]
    assert "".join(glyph.get("CONTENT") for glyph in strings[1].iter(f"{ALTO}Glyph")) == "<Wort>"
    names = [element.get("ID") for element in root.iter() if element.get("ID")]
    assert len(names) == len(set(names))


def test_hocr(page):
    data = written("hocr", page).decode()
    root = ElementTree.fromstring(data.split("\n", 2)[2])
    sheet = root.find(f".//{XHTML}div[@class='ocr_page']")
    assert sheet.get("title") == 'image "/scans/a %22b%22%3Bc.png"; bbox 0 0 400 300; ppageno 0'
    lines = root.findall(f".//{XHTML}span[@class='ocr_line']")
    assert lines[0].get("title") == "bbox 20 30 190 50; baseline 0.0000 -4; x_wconf 88"
    assert lines[3].get("title") == "bbox 350 40 370 240; textangle 270; baseline 0.0000 -4; x_wconf 70"
    assert [word.text for word in lines[0]] == ["Ein", "<Wort>", "&", "mehr"]


def test_dpi_and_languages_are_named_where_they_are_known(page):
    unknown = written("hocr", page).decode()
    assert "scan_res" not in unknown and "ocr-langs" not in unknown and "LANG" not in written("alto", page).decode()
    known = replace(page, dpi=(203.9, 98.0), languages=("de", "la"))
    root = ElementTree.fromstring(written("hocr", known).decode().split("\n", 2)[2])
    assert root.find(f".//{XHTML}div[@class='ocr_page']").get("title").endswith("; ppageno 0; scan_res 204 98")
    assert root.find(f".//{XHTML}meta[@name='ocr-langs']").get("content") == "de la"
    assert "LANG" not in written("alto", known).decode()  # which of the two is not known
    blocks = ElementTree.fromstring(written("alto", replace(known, languages=("de",)))).iter(f"{ALTO}TextBlock")
    assert [block.get("LANG") for block in blocks] == ["de"] * 3
    again = Page.from_dict(json.loads(written("json", known)))
    assert (again.dpi, again.languages) == (known.dpi, known.languages)


def test_a_slanted_baseline():
    slanted = Line(np.array([[0, 0], [100, 10], [98, 30], [-2, 20]], float), "x", 1.0)
    root = ElementTree.fromstring(written("hocr", Page("p", 400, 300, (slanted,))).decode().split("\n", 2)[2])
    title = root.find(f".//{XHTML}span[@class='ocr_line']").get("title")
    assert "baseline 0.1000 -14" in title  # at the left of the box (x 0) the line is at 16.2, the box ends at 30


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_page_and_points_outside_it(name):
    if name == "pdf":
        pytest.importorskip("pypdf")
    outside = Line(np.array([[-5.4, -3], [420, 0], [420, 30], [0, 30]]), "x", 1.7)
    for page in (Page("p.png", 400, 300), Page("p.png", 400, 300, (outside,))):
        data = written(name, page)
        if name in ("page", "alto"):
            text = data.decode()
            ElementTree.fromstring(text)
            assert '"-' not in text and "420" not in text and "1.7" not in text


def test_the_text_of_a_pdf_is_found_where_it_was_read(page):
    pytest.importorskip("pypdf")
    pdfium = pytest.importorskip("pypdfium2")
    greek = Line(np.array([[20, 250], [140, 250], [140, 270], [20, 270]], float), "ἀρχὴ 日本 ſ", 0.9)
    picture = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 255, PICTURE.shape).astype(np.uint8), (0, 0), 8) * 3
    data = FORMATS["pdf"].write(Page("p.png", 400, 300, (*LINES, greek)), picture)
    document = pdfium.PdfDocument(data)
    (sheet,) = document
    width, height = sheet.get_size()
    assert width / height == pytest.approx(4 / 3, rel=1e-3)
    text = sheet.get_textpage()
    everything = text.get_text_range()
    for wanted in ("Ein <Wort> & mehr", "second", "ἀρχὴ 日本 ſ"):
        assert wanted in everything
    start = everything.index("<Wort>")
    scale = width / 400
    left, bottom, right, top = (value / scale for value in text.get_charbox(start))
    assert abs(left - 60) < 12 and right < 90 and 300 - 52 < bottom < top < 300 - 28
    shown = sheet.render(scale=1 / scale).to_numpy()[:, :, :3]
    assert np.abs(cv2.resize(shown, (400, 300)).astype(float) - picture).mean() < 12  # the picture, and nothing over it


def test_pdf_without_its_library(page, monkeypatch):
    import sys

    from ppocr_like.errors import OcrError

    monkeypatch.setitem(sys.modules, "pypdf", None)
    with pytest.raises(OcrError, match="pip install pypdf"):
        written("pdf", page)


def test_a_known_baseline_of_several_points_is_written():
    known = replace(LINES[0], baseline=np.array([[20, 45], [60, 47], [180, 45.4]]))
    page = Page("p.png", 400, 300, (known,))
    (element,) = ElementTree.fromstring(written("page", page)).iter(f"{PAGE}Baseline")
    assert element.get("points") == "20,45 60,47 180,45"
    (element,) = ElementTree.fromstring(written("alto", page)).iter(f"{ALTO}TextLine")
    assert element.get("BASELINE") == "20,45 60,47 180,45"
    assert b"baseline 0.0025 -5" in written("hocr", page)
