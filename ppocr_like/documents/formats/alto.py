"""ALTO XML (Library of Congress): versions 1 to 4 are read, version 4.3 is written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from ppocr_like.documents.formats.arranged import Names, Part, arranged
from ppocr_like.documents.formats.xml import PROGRAM, box, document, pairs, possible
from ppocr_like.documents.formats.xml_read import ALTO_KINDS
from ppocr_like.documents.page import Line, Page, majority_turn
from ppocr_like.documents.regions import Region
from ppocr_like.documents.words import Word

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"
LOCATION = "http://www.loc.gov/standards/alto/v4/alto-4-3.xsd"
BLOCKS = {kind: block for block, kind in ALTO_KINDS.items()} | {"image": "Illustration", "line drawing": "Illustration"}


def write_alto(page: Page, picture: np.ndarray) -> bytes:
    """A block for each region of the page, or for each text block of a page without regions; lines with outline and baseline,
    strings (words) with confidence, glyphs (characters); tags, languages, directions, orders.

    Lines stand in reading order. Measures are px. Of pages in one language that is known the blocks name it (`LANG`). A region
    with regions within it is a ComposedBlock; a block without coordinates holds lines that are in no region. Baselines that are
    not known are guessed for a page without regions alone: one with regions comes from someone who marks what there is.
    """
    return _Writer(page).document()


class _Writer:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.names = Names()
        self.tags: dict[tuple[str, str], str] = {}
        self.ids: dict[str, str] = {}  # of regions and lines on the page: in the file

    def document(self) -> bytes:
        page = self.page
        root = Element("alto", {"xmlns": NAMESPACE, "xmlns:xsi": SCHEMA, "xsi:schemaLocation": f"{NAMESPACE} {LOCATION}"})
        description = SubElement(root, "Description")
        SubElement(description, "MeasurementUnit").text = "pixel"
        information = SubElement(description, "sourceImageInformation")
        SubElement(information, "fileName").text = possible(os.path.basename(page.source))
        step = SubElement(description, "Processing", {"ID": self.names.give("recognition", "")})
        SubElement(SubElement(step, "processingSoftware"), "softwareName").text = PROGRAM
        tags, orders = SubElement(root, "Tags"), SubElement(root, "ReadingOrder")
        size = {"WIDTH": str(page.width), "HEIGHT": str(page.height)}
        sheet = SubElement(
            SubElement(root, "Layout"), "Page", {"ID": self.names.give("page", ""), "PHYSICAL_IMG_NR": "1", **size}
        )
        space = SubElement(sheet, "PrintSpace", {"HPOS": "0", "VPOS": "0", **size})
        for number, part in enumerate(arranged(page), 1):
            self.part(space, part, f"b{number}")
        self.orders(orders)
        for (name, value), key in self.tags.items():
            kind = {} if name == "type" else {"TYPE": possible(name)}
            SubElement(tags, "OtherTag", {"ID": key, **kind, "LABEL": possible(value)})
        for empty in (tags, orders):
            if not len(empty):
                root.remove(empty)
        return document(root)

    def references(self, tags: Iterable[tuple[str, str]]) -> dict[str, str]:
        """The attribute that names tags."""
        keys = []
        for tag in tags:
            if tag not in self.tags:
                self.tags[tag] = self.names.give("", f"t{len(self.tags) + 1}")
            keys.append(self.tags[tag])
        return {"TAGREFS": " ".join(keys)} if keys else {}

    def part(self, parent: Element, part: Part, name: str) -> None:
        """A block. `name` is its id where it has none."""
        lines = list(part.all_lines())
        turned = majority_turn([line.turned for line in lines])
        attributes = {"ROTATION": str(360 - turned)} if turned else {}  # counter-clockwise, of the text
        region = part.region
        if region is None:
            attributes |= {"LANG": possible(self.page.languages[0])} if len(self.page.languages) == 1 else {}
            if not self.page.regions:
                attributes |= self.frame(np.concatenate([line.points for line in lines]))
            block = SubElement(parent, "TextBlock", {"ID": self.names.give(name, name), **attributes})
        else:
            tag = "ComposedBlock" if part.parts else "TextBlock" if part.lines else BLOCKS.get(region.kind, "GraphicalElement")
            name = self.ids[region.id] = self.names.give(region.id, name)
            attributes |= self.frame(region.outline) | self.region_marks(region, tag)
            block = SubElement(parent, tag, {"ID": name, **attributes})
            self.shape(block, region.outline)
        for number, inner in enumerate(part.parts, 1):
            self.part(block, inner, f"{name}b{number}")
        if part.parts and part.lines:
            block = SubElement(block, "TextBlock", {"ID": self.names.give("", f"{name}b{len(part.parts) + 1}")})
        for index, line in enumerate(part.lines, 1):
            self.line(block, f"{name}l{index}", line)

    def region_marks(self, region: Region, tag: str) -> dict[str, str]:
        tags = [("type", region.type)] if region.type else []
        tags += [("kind", region.kind)] if region.kind != ALTO_KINDS[tag] else []
        return {
            **self.references([*tags, *region.tags]),
            **({"LANG": possible(region.language)} if region.language and tag == "TextBlock" else {}),
            **({"BASEDIRECTION": region.base_dir} if region.base_dir and tag == "TextBlock" else {}),
        }

    def line(self, block: Element, name: str, line: Line) -> None:
        name = self.names.give(line.id, name)
        self.ids.setdefault(line.id, name)
        frame = self.frame(line.points) if line.outlined else {}
        element = SubElement(block, "TextLine", {"ID": name, **frame})
        if line.baseline is not None or not self.page.regions:
            element.set("BASELINE", pairs(line.baseline_points(), self.page))
        tags = [*line.tags, *([("split", line.split)] if line.split else [])]
        element.attrib |= self.references(tags)
        if line.language and self.page.regions:
            element.set("LANG", possible(line.language))
        if line.base_dir:
            element.set("BASEDIRECTION", line.base_dir)
        if line.outlined:
            self.shape(element, line.points)
        words = line.words() if line.characters or line.marked else []
        if line.marked and " ".join(word.text for word in words) != line.text:
            words = []  # a string holds what it says, so the words cannot stand beside the text
        for number, word in enumerate(words, 1):
            if number > 1:
                SubElement(element, "SP")
            attributes = {"CONTENT": possible(word.text), **_share("WC", word.confidence)}
            key = self.names.give("", f"{name}s{number}")
            string = SubElement(element, "String", {"ID": key, **self.frame(word.points), **attributes})
            self.shape(string, word.points)
            self.glyphs(string, key, word)
        if not words:  # a line holds a string at least
            attributes = {"CONTENT": possible(line.text), **_share("WC", line.confidence)}
            SubElement(element, "String", {"ID": self.names.give("", f"{name}s1"), **frame, **attributes})

    def glyphs(self, string: Element, name: str, word: Word) -> None:
        for number, character in enumerate(word.characters, 1):
            attributes = {"CONTENT": possible(character.text), **_share("GC", character.confidence)}
            key = self.names.give("", f"{name}g{number}")
            glyph = SubElement(string, "Glyph", {"ID": key, **self.frame(character.points), **attributes})
            self.shape(glyph, character.points)

    def orders(self, parent: Element) -> None:
        """The orders that the page names; those that are not total stand in an unordered group."""
        partial: Element | None = None
        for number, order in enumerate(self.page.orders, 1):
            ids = [self.ids[name] for name in order.ids if name in self.ids]
            if not ids:
                continue
            if not order.total and partial is None:
                partial = SubElement(parent, "UnorderedGroup", {"ID": self.names.give("", "partial_orders")})
            name = self.names.give(order.name, f"order_{number}")
            tags = self.references([("type", order.description)] if order.description else [])
            group = SubElement(parent if order.total or partial is None else partial, "OrderedGroup", {"ID": name, **tags})
            for place, reference in enumerate(ids, 1):
                SubElement(group, "ElementRef", {"ID": self.names.give("", f"{name}r{place}"), "REF": reference})

    def shape(self, parent: Element, points: np.ndarray) -> None:
        SubElement(SubElement(parent, "Shape"), "Polygon", {"POINTS": pairs(points, self.page)})

    def frame(self, points: np.ndarray) -> dict[str, str]:
        left, top, right, bottom = box(points, self.page)
        return {"HPOS": str(left), "VPOS": str(top), "WIDTH": str(right - left), "HEIGHT": str(bottom - top)}


def _share(name: str, confidence: float) -> dict[str, str]:
    """A confidence as an attribute; none where it is not known."""
    return {name: f"{min(max(confidence, 0.0), 1.0):.4f}"} if confidence > 0 else {}
