"""ALTO and PAGE XML with changed places: a page or a DataError comes out, and what is read can be written again."""

from __future__ import annotations

import copy
import json
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from ppocr_like.documents import Page
from ppocr_like.documents.formats.table import FORMATS
from ppocr_like.documents.xml_page import XMLPage, read_xml
from tests.documents.formats.test_xml_round_trip import PAGE, TRANSKRIBUS
from tests.fuzz.material import NASTY, Edit, both, fuzz, garbled

PICTURE = np.zeros((1, 1, 3), np.uint8)
VALUES = [
    *(value if isinstance(value, str) else str(value) for value in NASTY if not isinstance(value, str) or value.isprintable()),
    *("1,2 3,4", "1,2", "1 2 3", "-5,-5 5,5 5,-5", "1e308,0 0,0 1,1", "0,0 " * 3000, "12", "structure {type:x;}", "{}{}{", "}{"),
    *(
        "readingOrder {index:1e99;}",
        "split {type:test;}",
        "r1",
        "l1 l2",
        "rtl",
        "right-to-left",
        "German",
        "\\u0041 {type:\\uzzzz;}",
    ),
]
NAMES = [
    "TextLine",
    "TextRegion",
    "TextBlock",
    "ComposedBlock",
    "String",
    "Word",
    "OrderedGroup",
    "UnorderedGroup",
    "Page",
    "Point",
    "x",
]


def document(name: str, form: int) -> bytes:
    page = PAGE if form % 3 else Page("a.png", 100, 200, PAGE.lines, regions=PAGE.regions, orders=TRANSKRIBUS)
    return FORMATS[name].write(page, PICTURE)


def edited_xml(data: bytes, edits: list[Edit]) -> bytes:
    """The document with some elements or attributes changed, and still XML where no value forbids it."""
    root = ElementTree.fromstring(data)
    parents = [parent for parent in root.iter() if len(parent)]
    for where, how, what in edits:
        parent = parents[where % len(parents)]
        if not len(parent):
            continue
        place = what % len(parent)
        element = parent[place]
        value = VALUES[what % len(VALUES)]
        if how == 0:
            parent.remove(element)
        elif how == 1:
            parent.insert(where % (len(parent) + 1), copy.deepcopy(element))
        elif how == 2 and len(root[-1]):
            root[-1].append(copy.deepcopy(element))
        elif how == 3:
            element.tag = element.tag.rpartition("}")[0] + "}" + NAMES[what % len(NAMES)]
        elif how == 4:
            for _ in range(what % 300):
                parent[place] = wrapped = ElementTree.Element(parent.tag)
                wrapped.append(element)
                element = wrapped
        elif how == 5 or not element.attrib:
            element.text = value
        elif how == 6:
            del element.attrib[sorted(element.attrib)[where % len(element.attrib)]]
        else:
            element.set(sorted(element.attrib)[where % len(element.attrib)], value)
    return ElementTree.tostring(root, encoding="utf-16" if edits[0][2] % 7 == 0 else "utf-8")


def read_and_write(folder: Path, name: str, edits: list[Edit], form: int) -> None:
    data = document(name, form)
    path = folder / "page.xml"
    path.write_bytes(edited_xml(data, edits) if form % 2 else garbled(data, edits))
    page = read_xml(path).page
    XMLPage(path, linetype="bbox" if form % 5 == 0 else "baselines").notes  # noqa: B018
    tree = json.loads(FORMATS["json"].write(page, PICTURE))
    assert Page.from_dict(tree).as_dict() == tree
    size = [page.width or np.inf, page.height or np.inf]
    inside = all((line.points >= 0).all() and (line.points <= size).all() for line in page.lines)
    for other in ("alto", "page"):
        path.write_bytes(FORMATS[other].write(page, PICTURE))
        again = read_xml(path).page
        assert len(again.lines) == len(page.lines) or not inside


@pytest.mark.parametrize("name", ["alto", "page"])
@both(250, 5000)
def test_changed_files(tmp_path: Path, name: str, count: int) -> None:
    fuzz(partial(read_and_write, tmp_path, name), count)
