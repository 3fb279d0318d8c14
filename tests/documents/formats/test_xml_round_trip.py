"""What ALTO and PAGE XML hold of a page comes back; and the files are as their schemas ask.

`PPOCR_LIKE_SCHEMAS` names a folder with `alto-4-3.xsd` (its import of xlink beside it) and `pagecontent.xsd` of 2019-07-15, where
files are judged by them too; `PPOCR_LIKE_CASES` one with pages of archives.
"""

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from ppocr_like.documents import Character, Line, Order, Page, Region, Word
from ppocr_like.documents.formats.table import FORMATS
from ppocr_like.documents.page import there_and_back
from ppocr_like.documents.xml_page import read_page

PICTURE = np.zeros((1, 1, 3), np.uint8)
CASES, SCHEMAS = os.environ.get("PPOCR_LIKE_CASES"), os.environ.get("PPOCR_LIKE_SCHEMAS")
SUFFIX = {"alto": "alto-4-3.xsd", "page": "pagecontent.xsd"}


def box(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def character(text, left, top, confidence=0.5):
    return Character(text, box(left, top, left + 10, top + 20), confidence)


FLAT = np.array([[20, 130], [60, 131], [90, 130]], float)
LINES = (
    Line(
        box(10, 10, 90, 30),
        "plain  text ",
        0.5,
        id="l1",
        baseline=np.array([[10, 25], [90, 26]]),
        language="deu",
        base_dir="ltr",
        regions=("r1",),
    ),
    Line(
        np.array([[10, 40], [50, 38], [90, 40], [90, 60], [10, 60]], float),
        "ab c",
        0.5,
        characters=tuple(character(text, 10 + 10 * n, 40) for n, text in enumerate("ab c")),
        id="l2",
        tags=(("type", "heading: {a};\\u"), ("type", "second"), ("hand", "A {x} & <B>"), ("language", "deu")),
        language="grc",
        base_dir="rtl",
        split="validation",
        regions=("r1",),
    ),
    Line(
        box(10, 70, 90, 90),
        "two words",
        0.75,
        id="l3",
        marked=(Word("two", box(10, 70, 40, 90), 0.75), Word("words", box(50, 70, 90, 90), 0.75)),
        regions=("t", "c"),
        block=1,
    ),
    Line(box(10, 100, 90, 120), "", id="loose", block=2),
    Line(there_and_back(FLAT), "only a baseline", id="l4", baseline=FLAT, language="deu", regions=("m",), block=3),
)
REGIONS = (
    Region("r1", "paragraph", box(5, 5, 95, 65), (("colour", "red"), ("type", "more")), "deu", base_dir="ltr"),
    Region("t", "", box(5, 66, 95, 95), kind="table"),
    Region("c", "cell zone", box(6, 67, 94, 94), (("cell", "rowIndex:1;columnIndex:2"),), inside="t"),
    Region("m", "MarginTextZone:1", box(5, 125, 95, 150), language="grc"),
    Region("s", "", np.array([[5, 160], [95, 160], [95, 162]], float), kind="separator"),
    Region("i", "portrait", box(5, 170, 95, 190), kind="image"),
    Region("o", "", box(5, 191, 95, 195), kind="custom"),
)
ORDERS = (
    Order("main", ("m", "r1", "t"), "region", description="as it is read"),
    Order("lines", ("l4", "l1"), "line"),
    Order("part", ("l2",), "line", total=False),
)
PAGE = Page("scan.png", 100, 200, LINES, regions=REGIONS, orders=ORDERS, languages=("deu", "grc"), dpi=(300, 150))
TRANSKRIBUS = (
    Order("line_transkribus", ("l4", "l2", "l1", "l3"), "line", total=False, description="marks of Transkribus"),
    Order("region_transkribus", ("m", "r1", "t", "c"), "region", total=False, description="marks of Transkribus"),
)


def written(name, page, folder):
    file = folder / f"page{FORMATS[name].suffix}"
    file.write_bytes(FORMATS[name].write(page, PICTURE))
    return file


def again(name, page, folder):
    if name == "json":
        return Page.from_dict(json.loads(FORMATS["json"].write(page, PICTURE)))
    found = read_page(written(name, page, folder))
    return replace(found, source=Path(found.source).name)


def test_nothing_is_lost(tmp_path):
    tree = PAGE.as_dict()
    assert again("json", PAGE, tmp_path).as_dict() == tree
    assert again("page", PAGE, tmp_path).as_dict() == tree
    assert again("alto", replace(PAGE, dpi=None), tmp_path).as_dict() == replace(PAGE, dpi=None).as_dict()


def test_what_a_page_says_of_all_its_lines(tmp_path):
    page = replace(PAGE, languages=("deu", "lat"), base_dir="rtl")
    found = again("page", page, tmp_path)
    assert (found.languages, found.base_dir) == (page.languages, "rtl")
    assert (found.lines[2].language, found.lines[2].tags, found.lines[2].base_dir) == ("deu", (("language", "lat"),), "rtl")


def test_of_words_and_a_text_that_differ_alto_holds_the_text(tmp_path):
    page = replace(PAGE, lines=(replace(LINES[2], text="another text"),), orders=())
    assert again("page", page, tmp_path).lines[0].as_dict() == page.lines[0].as_dict() | {"block": 0}
    assert again("alto", page, tmp_path).lines[0].text == "another text"


def test_marks_of_transkribus(tmp_path):
    page = replace(PAGE, orders=TRANSKRIBUS)
    for name in ("page", "alto"):
        assert [order.as_dict() for order in again(name, page, tmp_path).orders] == [order.as_dict() for order in TRANSKRIBUS]
    places = again("page", replace(PAGE, orders=TRANSKRIBUS[:1]), tmp_path).orders
    assert [order.ids for order in places] == [("l4", "l2", "l1", "l3"), ("m", "r1", "t", "c")]


@pytest.mark.parametrize("name", ["alto", "page"])
def test_a_page_without_regions_gets_those_of_its_blocks(name, tmp_path):
    lines = tuple(replace(line, regions=(), baseline=None) for line in LINES[:3])
    found = again(name, Page("scan.png", 100, 200, lines), tmp_path)
    assert [len(line.regions) for line in found.lines] == [1, 1, 1] and len(found.regions) == 2
    assert all(line.baseline is not None for line in found.lines)  # guessed, as programs that read results expect
    assert again(name, found, tmp_path).as_dict() == found.as_dict()


@pytest.mark.parametrize("name", ["alto", "page"])
def test_turned_lines(name, tmp_path):
    lines = (replace(LINES[0], turned=90), replace(LINES[1], turned=90), replace(LINES[2], turned=180))
    page = replace(PAGE, lines=lines, orders=(), dpi=None)
    assert [line.turned for line in again(name, page, tmp_path).lines] == [90, 90, 180]
    mixed = replace(PAGE, lines=(lines[0], lines[1], replace(LINES[0], id="x")), orders=(), dpi=None)
    assert [line.turned for line in again(name, mixed, tmp_path).lines] == [90, 90, 0 if name == "page" else 90]


@pytest.mark.parametrize("name", ["alto", "page"])
def test_ids_are_made_fit_for_xml(name, tmp_path):
    lines = (replace(LINES[0], id="1 a"), replace(LINES[0], id="1 a"), replace(LINES[0], id=""), replace(LINES[0], id="r1"))
    file = written(name, replace(PAGE, lines=lines, orders=()), tmp_path)
    found = [line.id for line in read_page(file).lines]
    assert len(set(found)) == 4 and found[:2] == ["_1_a", "_1_a_2"]
    check(name, file)


def test_regions_that_name_each_other_do_not_hang(tmp_path):
    one, two = replace(REGIONS[0], inside="t"), replace(REGIONS[1], inside="r1")
    for name in ("alto", "page"):
        assert len(again(name, replace(PAGE, regions=(one, two)), tmp_path).regions) == 2


def check(name, file):
    """Ids are names and there once; what refers to an id finds it; points are whole px; and the schema, where it is at hand."""
    root = ElementTree.fromstring(file.read_bytes())
    ids = [element.get(key) for element in root.iter() for key in ("ID", "id") if element.get(key)]
    assert len(ids) == len(set(ids)) and all(re.fullmatch(r"[^\W\d][\w.-]*", one) for one in ids)
    for element in root.iter():
        for key in ("REF", "TAGREFS", "regionRef"):
            assert set((element.get(key) or "").split()) <= set(ids)
        for key in ("points", "POINTS", "BASELINE"):
            assert re.fullmatch(r"([0-9]+,[0-9]+ )+([0-9]+,[0-9]+)", element.get(key) or "0,0 0,0")
    if SCHEMAS:
        etree = pytest.importorskip("lxml.etree")
        schema = etree.XMLSchema(etree.parse(str(Path(SCHEMAS) / SUFFIX[name])))
        assert schema.validate(etree.parse(str(file))), schema.error_log


@pytest.mark.parametrize("name", ["alto", "page"])
@pytest.mark.parametrize("orders", [(), ORDERS[:1], ORDERS[1:], ORDERS, TRANSKRIBUS])
def test_files_are_as_their_schemas_ask(name, orders, tmp_path):
    for page in (replace(PAGE, orders=orders), replace(PAGE, regions=()), Page("", 0, 0), replace(PAGE, lines=())):
        check(name, written(name, page, tmp_path))


PAGES = sorted((Path(CASES) / "data" / "xml").glob("*/*.xml")) if CASES else []


@pytest.mark.skipif(not PAGES, reason="PPOCR_LIKE_CASES is not set: the pages are not here")
@pytest.mark.parametrize("step", [20, pytest.param(1, marks=pytest.mark.thorough)])
def test_pages_of_archives_come_back(step, tmp_path):
    """Of each page all lines and regions, but that points beyond the page's edge are drawn to it and ALTO has no px per inch."""
    for path in PAGES[::step]:
        page = replace(read_page(path), source=path.name, dpi=None)
        size = [page.width, page.height]
        lines = tuple(replace(line, points=np.clip(line.points, 0, size)) for line in page.lines)
        page = replace(page, lines=lines)
        for name in ("json", "page", "alto"):
            found = again(name, page, tmp_path)
            assert found.as_dict() == page.as_dict(), (path, name)
            if name != "json":
                check(name, tmp_path / f"page{FORMATS[name].suffix}")
