"""Reading PAGE XML (PRImA), the schemas of 2009 to 2019."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ppocr_like.documents.formats.xml_read import (
    KINDS,
    PAGE_KINDS,
    Around,
    Gathering,
    NamedOrder,
    Reading,
    each_order,
    image_path,
    known_languages,
    language_tags,
    mean_confidence,
    points_in,
    quadrangle,
    size_of,
    transkribus_orders,
    turn_of,
    with_words,
)
from ppocr_like.documents.page import Line, Page
from ppocr_like.documents.plain import Tags
from ppocr_like.documents.regions import Region
from ppocr_like.documents.words import Character, Word
from ppocr_like.outside import Element, Malformed, number

DIRECTIONS = {"left-to-right": "ltr", "right-to-left": "rtl", "top-to-bottom": "ltr", "bottom-to-top": "rtl"}
SAID = ("structure", "readingOrder", "split", "language", "kind", "frame", "order")  # marks with a place of their own on a page
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


def read_page_xml(root: Element, folder: Path) -> Reading:
    """A page of a PAGE file, of the schemas of 2009 to 2019.

    Regions within regions and cells of tables are regions inside theirs; one without coordinates is none, but its lines stay. A
    line holds its own text (of several the one with the least index), else its words, joined by blanks; a word holds its own
    text, else its glyphs.

    Args:
        folder: of the file, from which the image's name counts.

    Raises:
        Malformed: not such a file, with its line.
    """
    return _Reader(root, folder).reading()


class _Reader:
    def __init__(self, root: Element, folder: Path) -> None:
        self.root = root
        self.folder = folder
        self.found = Gathering()
        self.line_index: dict[str, int] = {}
        self.region_index: dict[str, int] = {}

    def reading(self) -> Reading:
        sheet = self.root.first("Page")
        if sheet is None:
            raise Malformed("holds no Page", self.root.line)
        width, height = size_of(sheet, "imageWidth", "imageHeight")
        languages = self.languages(sheet, self.custom(sheet))
        base_dir = DIRECTIONS.get(sheet.get("readingDirection") or "", "")
        self.inside(sheet, Around(languages=languages, base_dir=base_dir))
        for group, total in each_order(sheet.all("ReadingOrder")):
            self.order(group, total)
        source = image_path(self.folder, sheet.get("imageFilename") or "")
        page = Page(source, width, height, dpi=self.dpi(sheet), languages=languages, base_dir=base_dir)
        marks = transkribus_orders(self.found.lines, self.found.regions, self.line_index, self.region_index)
        return self.found.finished(page, "page", marks)

    def dpi(self, sheet: Element) -> tuple[float, float] | None:
        """Px per inch; None where it is not said, or in another unit than px per inch or cm."""
        factor = {"PPI": 1.0, "PPCM": 2.54, None: 1.0}.get(sheet.get("imageResolutionUnit"))
        try:
            across, down = (number(sheet.get(f"image{side}Resolution"), "dpi", 1) for side in "XY")
        except Malformed:
            return None
        return (across * factor, down * factor) if factor else None

    def order(self, group: Element, total: bool) -> None:
        name = group.get("id") or f"order_{len(self.found.named) + 1}"
        total = total or any(key == "order" and _value(body, "total") == "true" for key, body in self.custom(group))
        self.found.named.append(NamedOrder(name, tuple(self.references(group)), total, group.get("caption") or ""))

    def references(self, element: Element) -> Iterator[str]:
        """Ids that a group names, from the first to the last: by their index where all have one."""
        if element.tag.startswith("UnorderedGroup"):
            self.found.note(element, element.get("id") or "", "an unordered group within an order is taken as it stands")
        children = [child for child in element.children if child.tag.startswith(("RegionRef", "OrderedGroup", "UnorderedGroup"))]
        if not children:
            yield from filter(None, [(element.get("regionRef") or "").strip()])
        indices = [_index(child.get("index")) for child in children]
        if None not in indices:
            children = [child for _, child in sorted(zip(indices, children, strict=True), key=lambda pair: pair[0] or 0)]
        for child in children:
            yield from self.references(child)

    def custom(self, element: Element) -> list[tuple[str, str]]:
        return custom_marks(element.get("custom") or "")

    def inside(self, parent: Element, around: Around) -> None:
        """Everything within a page or a region."""
        begun = False
        for child in parent.children:
            if child.tag in PAGE_KINDS or child.tag == "TableCell":
                self.region(child, around)
                begun = False
            elif child.tag == "TextLine":
                self.found.block += not begun
                begun = True
                self.line(child, around)

    def region(self, element: Element, around: Around) -> None:
        marks = self.custom(element)
        languages = self.languages(element, marks) or around.languages
        base_dir = DIRECTIONS.get(element.get("readingDirection") or "", around.base_dir)
        turned = -turn_of(element.get("orientation")) % 360  # an orientation is clockwise
        inner = Around(around.regions, languages, base_dir, turned or around.turned)
        points = self.coordinates(element.first("Coords"))
        if ("frame", "") not in marks and self.found.is_region(element, element.get("id"), points):
            name = self.found.name(element, element.get("id"), "region")
            self.mark(self.region_index, name, marks)
            tags = _tags(marks)
            type = element.get("type") or next((value for key, value in tags if key == "type"), "")
            if ("type", type) in tags:
                tags.remove(("type", type))
            kinds = [_value(body, "type") for key, body in marks if key == "kind"]
            kind = next((kind for kind in kinds if kind in KINDS), PAGE_KINDS.get(element.tag, "text"))
            language, more = language_tags(languages)
            tags += [*_cell(element), *more]
            outer = around.regions[-1] if around.regions else ""
            self.found.regions.append(Region(name, type, points, tuple(tags), language, kind, outer, base_dir))
            inner = replace(inner, regions=(*around.regions, name))
        before = len(self.found.lines)
        self.inside(element, inner)
        if len(self.found.lines) == before and _text(element)[0].strip():
            self.found.no_text_of(element, element.get("id") or "", "it has a text but no lines; that text is not read")

    def mark(self, table: dict[str, int], name: str, marks: list[tuple[str, str]]) -> None:
        """Keeps the place that Transkribus gives a line or region."""
        index = next((_index(_value(body, "index")) for key, body in marks if key == "readingOrder"), None)
        if index is not None:
            table[name] = index

    def languages(self, element: Element, marks: list[tuple[str, str]]) -> tuple[str, ...]:
        named = [_value(body, "type") for key, body in marks if key == "language"]
        return known_languages([*named, element.get("primaryLanguage"), element.get("secondaryLanguage")])

    def coordinates(self, element: Element | None) -> np.ndarray:
        """(P, 2) px of the attribute, or of the Point elements of the schemas up to 2010."""
        if element is None:
            return np.zeros((0, 2))
        if element.get("points") is not None or not element.all("Point"):
            return points_in(element.get("points"), element)
        pairs = [f"{point.get('x')},{point.get('y')}" for point in element.all("Point")]
        return points_in(" ".join(pairs), element)

    def line(self, element: Element, around: Around) -> None:
        given = element.get("id") or ""
        marks = self.custom(element)
        outline, base = self.coordinates(element.first("Coords")), self.coordinates(element.first("Baseline"))
        points, baseline = self.found.place(element, given, outline, base)
        if points is None:
            self.found.without_place(element, given, _text(element)[0])
            return
        name = self.found.name(element, given, "line")
        self.mark(self.line_index, name, marks)
        splits = [_value(body, "type") for key, body in marks if key == "split"]
        split = self.found.split(element, name, splits[0]) if splits else ""
        language, more = language_tags(self.languages(element, marks) or around.languages)
        tags = (*_tags(marks), *more)
        turned = around.turned if element.get("orientation") is None else -turn_of(element.get("orientation")) % 360
        words = [self.word(word, turned) for word in element.all("Word")]
        self.found.words.update((word.get("id") or "", name) for word in element.all("Word"))
        text, confidence = _text(element)
        sure = self.found.confidence(element, name, confidence) if confidence else mean_confidence(words)
        line = Line(
            points,
            text or " ".join(word.text for word in words),
            sure,
            turned=turned,
            block=self.found.block,
            id=name,
            baseline=baseline,
            tags=tags,
            language=language,
            base_dir=DIRECTIONS.get(element.get("readingDirection") or "", around.base_dir),
            split=split,
            regions=around.regions,
        )
        self.found.lines.append(with_words(line, words) if all(len(word.points) for word in words) else line)

    def word(self, element: Element, turned: int) -> Word:
        """A word; without points where it has no place."""
        found: list[Character] = []
        complete = True
        for glyph in element.all("Glyph"):
            text, confidence = _text(glyph)
            quad = quadrangle(self.coordinates(glyph.first("Coords")), turned)
            complete = complete and quad is not None
            place = np.zeros((4, 2)) if quad is None else quad
            found.append(Character(text, place, self.found.confidence(glyph, glyph.get("id") or "", confidence)))
        text, confidence = _text(element)
        quad = quadrangle(self.coordinates(element.first("Coords")), turned)
        sure = self.found.confidence(element, element.get("id") or "", confidence)
        text = text or "".join(character.text for character in found)
        return Word(text, np.zeros((0, 2)) if quad is None else quad, sure, tuple(found) if complete else ())


def custom_marks(text: str) -> list[tuple[str, str]]:
    """(name, what stands between its braces) of a `custom` attribute: `name {key:value; ...} ...`. What is not of this form, such
    as `#cit`, says nothing here."""
    found = []
    for piece in text.split("}")[:-1]:
        name, brace, body = piece.partition("{")
        if brace and name.strip():
            found.append((_unescaped(name.split()[-1]), body.strip()))
    return found


def _unescaped(text: str) -> str:
    """With the characters that stand as `\\uXXXX`, as Transkribus writes those that the form itself needs."""
    return _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), text)


def _value(body: str, key: str) -> str:
    """The value of a key of a mark."""
    for part in body.split(";"):
        name, _, value = part.partition(":")
        if name.strip() == key:
            return _unescaped(value.strip())
    return ""


def _tags(marks: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The marks that are tags: types, and those that say nothing else to a reader."""
    found = []
    for name, body in marks:
        if name == "structure" and _value(body, "type"):
            found.append(("type", _value(body, "type")))
        elif name not in SAID:
            found.append((name, body.replace("\\u007b", "{").replace("\\u007d", "}")))
    return found


def _cell(element: Element) -> Tags:
    """The place of a table's cell, in the words of PAGE (and Transkribus)."""
    role = element.first("Roles", "TableCellRole")
    source = role if role is not None else element if element.tag == "TableCell" else None
    if source is None:
        return ()
    names = ("rowIndex", "columnIndex", "row", "col", "rowSpan", "colSpan", "header")
    values = [f"{name}:{source.get(name)}" for name in names if source.get(name) is not None]
    return (("cell", ";".join(values)),)


def _index(text: str | None) -> int | None:
    try:
        return round(number((text or "").strip(), "index"))
    except Malformed:
        return None


def _text(element: Element) -> tuple[str, str | None]:
    """(text, its confidence) of a line, word or glyph itself."""
    given = element.all("TextEquiv")
    if not given:
        return "", None
    indices = [_index(equivalent.get("index")) for equivalent in given]
    order = sorted(range(len(given)), key=lambda place: (indices[place] is None, indices[place] or 0))
    best = given[order[0]]
    unicode = best.first("Unicode")
    return (unicode.text if unicode is not None else ""), best.get("conf")
