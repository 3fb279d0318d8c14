"""ALTO XML, version 4 (Library of Congress)."""

from __future__ import annotations

import os
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from ppocr_like.documents.formats.xml import PROGRAM, box, document, pairs, possible
from ppocr_like.documents.page import Line, Page, majority_turn
from ppocr_like.documents.words import Word

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"
LOCATION = "http://www.loc.gov/standards/alto/v4/alto-4-2.xsd"


def write_alto(page: Page, picture: np.ndarray) -> bytes:
    """A block for each text block, lines with outline and baseline, strings (words) with confidence, glyphs (characters).

    Lines stand in reading order. Measures are px. Of pages in one language that is known the blocks name it (`LANG`).
    """
    root = Element("alto", {"xmlns": NAMESPACE, "xmlns:xsi": SCHEMA, "xsi:schemaLocation": f"{NAMESPACE} {LOCATION}"})
    description = SubElement(root, "Description")
    SubElement(description, "MeasurementUnit").text = "pixel"
    information = SubElement(description, "sourceImageInformation")
    SubElement(information, "fileName").text = possible(os.path.basename(page.source))
    step = SubElement(description, "Processing", {"ID": "recognition"})
    SubElement(SubElement(step, "processingSoftware"), "softwareName").text = PROGRAM
    size = {"WIDTH": str(page.width), "HEIGHT": str(page.height)}
    sheet = SubElement(SubElement(root, "Layout"), "Page", {"ID": "page", "PHYSICAL_IMG_NR": "1", **size})
    space = SubElement(sheet, "PrintSpace", {"HPOS": "0", "VPOS": "0", **size})
    language = {"LANG": possible(page.languages[0])} if len(page.languages) == 1 else {}
    for number, lines in enumerate(page.blocks(), 1):
        turned = majority_turn([line.turned for line in lines])
        rotation = {"ROTATION": str(360 - turned)} if turned else {}  # counter-clockwise, of the text
        frame = _frame(np.concatenate([line.points for line in lines]), page)
        block = SubElement(space, "TextBlock", {"ID": f"b{number}", **frame, **rotation, **language})
        for index, line in enumerate(lines, 1):
            _line(block, f"b{number}l{index}", line, page)
    return document(root)


def _line(block: Element, name: str, line: Line, page: Page) -> None:
    frame = _frame(line.points, page)
    element = SubElement(block, "TextLine", {"ID": name, **frame, "BASELINE": pairs(line.baseline_points(), page)})
    _shape(element, line.points, page)
    words = line.words()
    for number, word in enumerate(words, 1):
        if number > 1:
            SubElement(element, "SP")
        attributes = {"CONTENT": possible(word.text), "WC": _share(word.confidence)}
        string = SubElement(element, "String", {"ID": f"{name}s{number}", **_frame(word.points, page), **attributes})
        _shape(string, word.points, page)
        _glyphs(string, f"{name}s{number}", word, page)
    if not words:  # a line holds a string at least
        SubElement(element, "String", {"ID": f"{name}s1", **frame, "CONTENT": possible(line.text)})


def _glyphs(string: Element, name: str, word: Word, page: Page) -> None:
    for number, character in enumerate(word.characters, 1):
        attributes = {"CONTENT": possible(character.text), "GC": _share(character.confidence)}
        glyph = SubElement(string, "Glyph", {"ID": f"{name}g{number}", **_frame(character.points, page), **attributes})
        _shape(glyph, character.points, page)


def _shape(parent: Element, points: np.ndarray, page: Page) -> None:
    SubElement(SubElement(parent, "Shape"), "Polygon", {"POINTS": pairs(points, page)})


def _frame(points: np.ndarray, page: Page) -> dict[str, str]:
    left, top, right, bottom = box(points, page)
    return {"HPOS": str(left), "VPOS": str(top), "WIDTH": str(right - left), "HEIGHT": str(bottom - top)}


def _share(confidence: float) -> str:
    return f"{min(max(confidence, 0.0), 1.0):.4f}"
