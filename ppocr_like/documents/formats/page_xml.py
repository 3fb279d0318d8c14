"""PAGE XML (PRImA, schema of 2019-07-15)."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from ppocr_like.documents.formats.xml import PROGRAM, box, document, pairs, possible
from ppocr_like.documents.page import Line, Page, majority_turn
from ppocr_like.documents.words import Character, Word

NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"


def write_page_xml(page: Page, picture: np.ndarray) -> bytes:
    """A text region for each block, its lines with outline, baseline, words and text; regions in reading order.

    Confidences stand at lines and words (`TextEquiv conf`).
    """
    root = Element(
        "PcGts", {"xmlns": NAMESPACE, "xmlns:xsi": SCHEMA, "xsi:schemaLocation": f"{NAMESPACE} {NAMESPACE}/pagecontent.xsd"}
    )
    metadata = SubElement(root, "Metadata")
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    for name, text in (("Creator", PROGRAM), ("Created", now), ("LastChange", now)):
        SubElement(metadata, name).text = text
    size = {"imageWidth": str(page.width), "imageHeight": str(page.height)}
    sheet = SubElement(
        root, "Page", {"imageFilename": possible(os.path.basename(page.source)), **size, **_orientation(page.turned)}
    )
    blocks = list(page.blocks())
    if blocks:
        group = SubElement(SubElement(sheet, "ReadingOrder"), "OrderedGroup", {"id": "order"})
        for number in range(len(blocks)):
            SubElement(group, "RegionRefIndexed", {"index": str(number), "regionRef": f"r{number + 1}"})
    for number, lines in enumerate(blocks, 1):
        turned = majority_turn([line.turned for line in lines])
        region = SubElement(sheet, "TextRegion", {"id": f"r{number}", **_orientation(turned)})
        left, top, right, bottom = box(np.concatenate([line.points for line in lines]), page)
        frame = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        SubElement(region, "Coords", {"points": pairs(frame, page)})
        for index, line in enumerate(lines, 1):
            _line(region, f"r{number}l{index}", line, page)
        _text(region, "\n".join(line.text for line in lines))
    return document(root)


def _orientation(turned: int) -> dict[str, str]:
    """The attribute that tells how far something must be turned clockwise, -180 (without) to 180 degrees, to be read."""
    return {"orientation": str(180 - (turned + 180) % 360)} if turned else {}


def _line(region: Element, name: str, line: Line, page: Page) -> None:
    element = SubElement(region, "TextLine", {"id": name})
    SubElement(element, "Coords", {"points": pairs(line.points, page)})
    SubElement(element, "Baseline", {"points": pairs(line.baseline_points(), page)})
    for number, word in enumerate(line.words() if line.characters else [], 1):
        _part(element, "Word", f"{name}w{number}", word, page)
    _text(element, line.text, line.confidence)


def _part(parent: Element, tag: str, name: str, part: Word | Character, page: Page) -> None:
    element = SubElement(parent, tag, {"id": name})
    SubElement(element, "Coords", {"points": pairs(part.points, page)})
    _text(element, part.text, part.confidence)


def _text(parent: Element, text: str, confidence: float | None = None) -> None:
    attributes = {} if confidence is None else {"conf": f"{min(max(confidence, 0.0), 1.0):.4f}"}
    SubElement(SubElement(parent, "TextEquiv", attributes), "Unicode").text = possible(text)
