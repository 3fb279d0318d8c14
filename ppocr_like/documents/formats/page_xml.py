"""PAGE XML (PRImA): the schema of 2019-07-15 is written."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from ppocr_like.documents.formats.arranged import Names, Part, arranged
from ppocr_like.documents.formats.xml import PROGRAM, box, document, pairs, possible
from ppocr_like.documents.formats.xml_read import PAGE_KINDS
from ppocr_like.documents.languages import iso639_3, page_name
from ppocr_like.documents.named_orders import LINE_TRANSKRIBUS, REGION_TRANSKRIBUS
from ppocr_like.documents.page import Line, Page, majority_turn
from ppocr_like.documents.plain import Tags
from ppocr_like.documents.regions import Order, Region
from ppocr_like.documents.words import Character, Word

NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"
ELEMENTS = {kind: element for element, kind in PAGE_KINDS.items()} | {"illustration": "ImageRegion"}
DIRECTIONS = {"ltr": "left-to-right", "rtl": "right-to-left"}
TYPES = (  # of text regions, that the schema has a word for
    *("paragraph", "heading", "caption", "header", "footer", "page-number", "drop-capital", "credit", "floating", "catch-word"),
    *("signature-mark", "marginalia", "footnote", "footnote-continued", "endnote", "TOC-entry", "list-label", "other"),
)


def write_page_xml(page: Page, picture: np.ndarray) -> bytes:
    """A region for each one of the page, or a text region for each text block of a page without regions; its lines with outline,
    baseline, words, characters and text; tags, languages, directions, orders.

    Of a page without regions an order of the blocks is written, and baselines that are not known are guessed. Confidences
    stand at lines, words and characters (`TextEquiv conf`).
    """
    return _Writer(page).document()


class _Writer:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.names = Names()
        self.ids: dict[str, str] = {}  # of regions and lines on the page: in the file
        marks = {order.name: order.ids for order in page.orders if order.name in (LINE_TRANSKRIBUS, REGION_TRANSKRIBUS)}
        self.line_place = {name: place for place, name in enumerate(marks.get(LINE_TRANSKRIBUS, ()))}
        regions = marks.get(REGION_TRANSKRIBUS, ())
        if not regions and self.line_place:  # the places of lines count within their regions
            first: dict[str, int] = {}
            for line in page.lines:
                for region in line.regions:
                    place = self.line_place.get(line.id, len(self.line_place))
                    first[region] = min(place, first.get(region, place))
            regions = tuple(sorted(first, key=lambda region: first[region]))
        self.region_place = {name: place for place, name in enumerate(regions)}

    def document(self) -> bytes:
        page = self.page
        root = Element(
            "PcGts", {"xmlns": NAMESPACE, "xmlns:xsi": SCHEMA, "xsi:schemaLocation": f"{NAMESPACE} {NAMESPACE}/pagecontent.xsd"}
        )
        metadata = SubElement(root, "Metadata")
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        for name, text in (("Creator", PROGRAM), ("Created", now), ("LastChange", now)):
            SubElement(metadata, name).text = text
        size = {"imageWidth": str(page.width), "imageHeight": str(page.height)}
        if page.dpi is not None and min(page.dpi) > 0:
            size |= {"imageXResolution": f"{page.dpi[0]:g}", "imageYResolution": f"{page.dpi[1]:g}", "imageResolutionUnit": "PPI"}
        marks = {**_orientation(page.turned), **_direction(page.base_dir), **_languages(page.languages[:1], page.languages[1:])}
        sheet = SubElement(root, "Page", {"imageFilename": possible(os.path.basename(page.source)), **size, **marks})
        parts = arranged(page)
        order = SubElement(sheet, "ReadingOrder")
        names = [self.part(sheet, part, f"r{number}") for number, part in enumerate(parts, 1)]
        if page.regions:
            self.orders(order)
        elif names:
            self.group(order, Order("order", tuple(names), "region"), names)
        if not len(order):
            sheet.remove(order)
        return document(root)

    def orders(self, parent: Element) -> None:
        """The orders that the page names, but for those that stand as marks at lines and regions. Several, or one that is not
        total, stand in an unordered group."""
        found = []
        for order in self.page.orders:
            ids = [self.ids[name] for name in order.ids if name in self.ids]
            if ids and order.name not in (LINE_TRANSKRIBUS, REGION_TRANSKRIBUS):
                found.append((order, ids))
        several = len(found) > 1 or any(not order.total for order, _ in found)
        if several:
            parent = SubElement(parent, "UnorderedGroup", {"id": self.names.give("", "orders")})
        for order, ids in found:
            group = self.group(parent, order, ids)
            if several and order.total:
                group.set("custom", "order {total:true;}")

    def group(self, parent: Element, order: Order, ids: list[str]) -> Element:
        caption = {"caption": possible(order.description)} if order.description else {}
        group = SubElement(parent, "OrderedGroup", {"id": self.names.give(order.name, "order"), **caption})
        for place, name in enumerate(ids):
            SubElement(group, "RegionRefIndexed", {"index": str(place), "regionRef": name})
        return group

    def part(self, parent: Element, part: Part, otherwise: str) -> str:
        """A region; gives its id. `otherwise` is that where it has none."""
        region, lines = part.region, list(part.all_lines())
        turned = majority_turn([line.turned for line in lines])
        if region is None:
            name, points = self.names.give("", otherwise), self.frame(lines)
            marks = {"custom": "frame {}"} if self.page.regions else {}
            element = SubElement(parent, "TextRegion", {"id": name, **marks, **_orientation(turned)})
        else:
            name, points = self.names.give(region.id, otherwise), region.outline
            self.ids.setdefault(region.id, name)
            tag = "TextRegion" if part.lines else ELEMENTS.get(region.kind, "UnknownRegion")
            text = tag == "TextRegion"
            attributes = {**_orientation(turned), **_direction(region.base_dir)} if text else {}
            element = SubElement(parent, tag, {"id": name, **self.region_marks(region, tag), **attributes})
        SubElement(element, "Coords", {"points": pairs(points, self.page)})
        for number, inner in enumerate(part.parts, 1):
            self.part(element, inner, f"{name}r{number}")
        for index, line in enumerate(part.lines, 1):
            self.line(element, f"{name}l{index}", line, turned)
        if part.lines:
            _text(element, "\n".join(line.text for line in part.lines))
        return name

    def region_marks(self, region: Region, tag: str) -> dict[str, str]:
        """The attributes of a region that say what it is."""
        custom, attributes = [], {}
        if tag == "TextRegion" and region.type in TYPES:
            attributes["type"] = region.type
        elif region.type:
            custom.append(_mark("structure", region.type))
        if region.kind != PAGE_KINDS[tag]:
            custom.append(_mark("kind", region.kind))
        if region.id in self.region_place:
            custom.append(f"readingOrder {{index:{self.region_place[region.id]};}}")
        languages = [value for name, value in region.tags if name == "language"]
        if tag == "TextRegion":
            attributes |= _languages((region.language,) if region.language else (), languages)
        return {**attributes, **_custom(custom, region.tags, [region.language, *languages], attributes)}

    def frame(self, lines: list[Line]) -> np.ndarray:
        """(4, 2) px around lines."""
        left, top, right, bottom = box(np.concatenate([line.points for line in lines]), self.page)
        return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])

    def line(self, region: Element, otherwise: str, line: Line, turned: int) -> None:
        """A line in a region whose lines are turned so."""
        name = self.names.give(line.id, otherwise)
        self.ids.setdefault(line.id, name)
        custom = [f"readingOrder {{index:{self.line_place[line.id]};}}"] if line.id in self.line_place else []
        custom += [_mark("split", line.split)] if line.split else []
        languages = [value for key, value in line.tags if key == "language"]
        attributes = {} if line.turned == turned else _orientation(line.turned) or {"orientation": "0"}
        attributes |= _direction(line.base_dir) | _languages((line.language,) if line.language else (), languages)
        attributes |= _custom(custom, line.tags, [line.language, *languages], attributes)
        element = SubElement(region, "TextLine", {"id": name, **attributes})
        SubElement(element, "Coords", {"points": pairs(line.points, self.page)})
        if line.baseline is not None or not self.page.regions:
            SubElement(element, "Baseline", {"points": pairs(line.baseline_points(), self.page)})
        words = line.words() if line.characters or line.marked else []
        for number, word in enumerate(words, 1):
            self.word(element, f"{name}w{number}", word)
        _text(element, line.text, line.confidence)

    def word(self, parent: Element, otherwise: str, word: Word) -> None:
        name = self.names.give("", otherwise)
        element = SubElement(parent, "Word", {"id": name})
        SubElement(element, "Coords", {"points": pairs(word.points, self.page)})
        for number, character in enumerate(word.characters, 1):
            self.glyph(element, f"{name}g{number}", character)
        _text(element, word.text, word.confidence)

    def glyph(self, parent: Element, otherwise: str, character: Character) -> None:
        element = SubElement(parent, "Glyph", {"id": self.names.give("", otherwise)})
        SubElement(element, "Coords", {"points": pairs(character.points, self.page)})
        _text(element, character.text, character.confidence)


def _orientation(turned: int) -> dict[str, str]:
    """The attribute that tells how far something must be turned clockwise, -180 (without) to 180 degrees, to be read."""
    return {"orientation": str(180 - (turned + 180) % 360)} if turned else {}


def _direction(base_dir: str) -> dict[str, str]:
    return {"readingDirection": DIRECTIONS[base_dir]} if base_dir else {}


def _languages(first: tuple[str, ...], more: list[str] | tuple[str, ...]) -> dict[str, str]:
    """The attributes of languages, where the schema has names for all of them and there are no more than two."""
    names = [page_name(iso639_3(code)) for code in (*first, *more)]
    if not names or not all(names) or len(names) > 2:
        return {}
    return dict(zip(("primaryLanguage", "secondaryLanguage"), names, strict=False))


def _custom(marks: list[str], tags: Tags, languages: list[str], attributes: dict[str, str]) -> dict[str, str]:
    """The attribute with what the schema has no place for."""
    found = [_mark("structure", value) if name == "type" else _free(name, value) for name, value in tags if name != "language"]
    if "primaryLanguage" not in attributes:
        found += [_mark("language", language) for language in languages if language]
    return {"custom": possible(" ".join([*marks, *found]))} if marks or found else {}


def _mark(name: str, value: str) -> str:
    escaped = "".join(f"\\u{ord(character):04x}" if character in "{};\\" else character for character in value)
    return f"{name} {{type:{escaped};}}"


def _free(name: str, body: str) -> str:
    """A tag as a mark of its own."""
    name = "".join(f"\\u{ord(character):04x}" if character in "{}\\" or character.isspace() else character for character in name)
    body = body.replace("{", "\\u007b").replace("}", "\\u007d")
    return f"{name or '_'} {{{body}}}"


def _text(parent: Element, text: str, confidence: float | None = None) -> None:
    attributes = {"conf": f"{min(max(confidence, 0.0), 1.0):.4f}"} if confidence else {}
    SubElement(SubElement(parent, "TextEquiv", attributes), "Unicode").text = possible(text)
