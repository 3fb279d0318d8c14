"""Reading ALTO XML (Library of Congress), versions 1 to 4."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ppocr_like.documents.formats.xml_read import (
    ALTO_KINDS,
    KINDS,
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
    turn_of,
    with_words,
)
from ppocr_like.documents.page import Line, Page, frame_of
from ppocr_like.documents.regions import Region
from ppocr_like.documents.words import Character, Word
from ppocr_like.outside import Element, Malformed, number, shown

DIRECTIONS = {"ltr": "ltr", "rtl": "rtl", "ttb": "ltr", "btt": "rtl"}
SPACES = ("PrintSpace", "TopMargin", "LeftMargin", "RightMargin", "BottomMargin")
TAG_ELEMENTS = ("StructureTag", "LayoutTag", "OtherTag", "RoleTag", "NamedEntityTag")


def read_alto(root: Element, folder: Path) -> Reading:
    """A page of an ALTO file, version 1 to 4: its first page where there are several.

    Blocks are regions, those of a ComposedBlock inside it; a block without coordinates is none, but its lines stay. Lines hold
    what their Strings, blanks (SP) and hyphens (HYP) make; Strings without any blank between them are joined by blanks.

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
        self.tags: dict[str, tuple[str, str]] = {}
        for tag in [tag for tags in root.all("Tags") for tag in tags.children]:
            if tag.tag in TAG_ELEMENTS and tag.get("ID"):
                self.tags[tag.get("ID") or ""] = (tag.get("TYPE") or "type", tag.get("LABEL") or "")

    def reading(self) -> Reading:
        unit = self.root.first("Description", "MeasurementUnit")
        if unit is not None and unit.text.strip() not in ("", "pixel"):
            raise Malformed(f"measures in {shown(unit.text.strip())}; pixel is needed", unit.line)
        pages = [page for layout in self.root.all("Layout") for page in layout.all("Page")]
        if not pages:
            raise Malformed("holds no Page", self.root.line)
        if len(pages) > 1:
            self.found.no_text_of(pages[1], pages[1].get("ID") or "", f"{len(pages) - 1} further pages of the file are left out")
        sheet = pages[0]
        width, height = size_of(sheet, "WIDTH", "HEIGHT")
        name = self.root.first("Description", "sourceImageInformation", "fileName")
        languages = known_languages([sheet.get("LANG")])
        base_dir = DIRECTIONS.get(sheet.get("BASEDIRECTION") or "", "")
        self.blocks(sheet, Around(languages=languages, base_dir=base_dir))
        for group, total in each_order(self.root.all("ReadingOrder")):
            self.order(group, total)
        source = image_path(self.folder, name.text if name is not None else "")
        return self.found.finished(Page(source, width, height, languages=languages, base_dir=base_dir), "alto")

    def order(self, group: Element, total: bool) -> None:
        description = "; ".join(label for _, label in self.marks(group))
        name = group.get("ID") or f"order_{len(self.found.named) + 1}"
        self.found.named.append(NamedOrder(name, tuple(self.references(group)), total, description))

    def references(self, element: Element) -> Iterator[str]:
        """Ids that a group names, from the first to the last."""
        if element.tag == "UnorderedGroup":
            self.found.note(element, element.get("ID") or "", "an unordered group within an order is taken as it stands")
        if not element.children:
            yield from (element.get("REF") or "").split()
        for child in element.children:
            yield from self.references(child)

    def marks(self, element: Element) -> list[tuple[str, str]]:
        """The tags of an element."""
        names = (element.get("TAGREFS") or "").split()
        unknown = [name for name in names if name not in self.tags]
        if unknown:
            self.found.note(
                element, element.get("ID") or "", f"it has the tag {shown(unknown[0])}, which the file does not define"
            )
        return [self.tags[name] for name in names if name in self.tags]

    def blocks(self, parent: Element, around: Around) -> None:
        """Everything within a page, a margin, a print space or a block."""
        for child in parent.children:
            if child.tag in ALTO_KINDS:
                self.region(child, around)
            elif child.tag == "TextLine":
                self.line(child, around)
            elif child.tag in SPACES:
                self.blocks(child, around)

    def region(self, element: Element, around: Around) -> None:
        marks = self.marks(element)
        languages = self.languages(element, marks) or around.languages
        base_dir = DIRECTIONS.get(element.get("BASEDIRECTION") or "", around.base_dir)
        turned = -turn_of(element.get("ROTATION")) % 360
        inner = Around(around.regions, languages, base_dir, turned or around.turned)
        points = self.outline(element)
        if self.found.is_region(element, element.get("ID"), points):
            name = self.found.name(element, element.get("ID"), "region")
            types = [element.get("TYPE") or "", *(label for kind, label in marks if kind == "region")]
            types += [label for kind, label in marks if kind == "type"]
            type = next(filter(None, types), "")
            rest = list(marks)
            for mark in (("region", type), ("type", type)):
                if not element.get("TYPE") and mark in rest:
                    rest.remove(mark)
                    break
            kind = next((label for name, label in marks if name == "kind" and label in KINDS), ALTO_KINDS[element.tag])
            language, more = language_tags(languages)
            tags = (*(mark for mark in rest if mark[0] not in ("kind", "language")), *more)
            inside = around.regions[-1] if around.regions else ""
            self.found.regions.append(Region(name, type, points, tags, language, kind, inside, base_dir))
            inner = replace(inner, regions=(*around.regions, name))
        if element.tag == "TextBlock" and element.all("TextLine"):
            self.found.block += 1
        self.blocks(element, inner)

    def languages(self, element: Element, marks: list[tuple[str, str]]) -> tuple[str, ...]:
        named = [label for kind, label in marks if kind == "language"]
        return known_languages([element.get("LANG") or element.get("language"), *named])

    def outline(self, element: Element) -> np.ndarray:
        """(P, 2) px of a shape, else of the box; (0, 2) where there is neither."""
        polygon = element.first("Shape", "Polygon")
        if polygon is not None and polygon.get("POINTS"):
            return points_in(polygon.get("POINTS"), polygon)
        sides = [element.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")]
        if None in sides:
            return np.zeros((0, 2))
        try:
            left, top, width, height = (number(side, "a box") for side in sides)
        except Malformed as error:
            raise Malformed(str(error), element.line) from error
        return np.array([[left, top], [left + width, top], [left + width, top + height], [left, top + height]])

    def line(self, element: Element, around: Around) -> None:
        given = element.get("ID") or ""
        marks = self.marks(element)
        points, baseline = self.found.place(element, given, self.outline(element), self.baseline(element))
        text, words, ids = self.words(element, around.turned)
        if points is None:
            self.found.without_place(element, given, text)
            return
        name = self.found.name(element, given, "line")
        self.found.words.update((word, name) for word in ids)
        split = next((self.found.split(element, name, label) for kind, label in marks if kind == "split"), "")
        language, more = language_tags(self.languages(element, marks) or around.languages)
        tags = (*(mark for mark in marks if mark[0] != "language" and (mark[0] != "split" or not split)), *more)
        line = Line(
            points,
            text,
            mean_confidence(words),
            turned=around.turned,
            block=max(self.found.block, 0),
            id=name,
            baseline=baseline,
            tags=tags,
            language=language,
            base_dir=DIRECTIONS.get(element.get("BASEDIRECTION") or "", around.base_dir),
            split=split,
            regions=around.regions,
        )
        placed = all(len(word.points) for word in words)
        self.found.lines.append(with_words(line, words) if placed and not _is_whole(line, words) else line)

    def baseline(self, element: Element) -> np.ndarray:
        """(P, 2) px; a single number is the height of a level one, as wide as the line's box."""
        text = element.get("BASELINE") or ""
        values = text.split()
        if len(values) != 1 or "," in text:
            return points_in(text, element)
        left, width = element.get("HPOS"), element.get("WIDTH")
        if left is None or width is None:
            return np.zeros((0, 2))
        try:
            height, left_at, across = number(text, "BASELINE"), number(left, "HPOS"), number(width, "WIDTH")
        except Malformed as error:
            raise Malformed(str(error), element.line) from error
        return np.array([[left_at, height], [left_at + across, height]]) if across else np.array([[left_at, height]])

    def words(self, element: Element, turned: int) -> tuple[str, list[Word], list[str]]:
        """(text, words, ids of the words) of a line; a word without a place has no points."""
        words: list[Word] = []
        ids: list[str] = []
        parts: list[str] = []
        for child in element.children:
            if child.tag == "String":
                name, text = child.get("ID") or "", child.get("CONTENT") or ""
                quad = self.quad(child, turned)
                confidence = self.found.confidence(child, name, child.get("WC"))
                characters = self.glyphs(child, turned)
                words.append(Word(text, np.zeros((0, 2)) if quad is None else quad, confidence, characters))
                ids += [name] if name else []
                parts.append(text)
            elif child.tag == "SP":
                parts.append(" ")
            elif child.tag == "HYP" and not "".join(parts[-1:]).endswith(child.get("CONTENT") or "-"):
                parts.append(child.get("CONTENT") or "-")
        apart = any(child.tag == "SP" for child in element.children)
        text = "".join(parts) if apart or len(words) < 2 else " ".join(word.text for word in words) + "".join(parts[len(words) :])
        return text, words, ids

    def glyphs(self, string: Element, turned: int) -> tuple[Character, ...]:
        """The characters of a word; none where a place is missing."""
        found = []
        for glyph in string.all("Glyph"):
            quad = self.quad(glyph, turned)
            if quad is None:
                return ()
            confidence = self.found.confidence(glyph, glyph.get("ID") or "", glyph.get("GC"))
            found.append(Character(glyph.get("CONTENT") or "", quad, confidence))
        return tuple(found)

    def quad(self, element: Element, turned: int) -> np.ndarray | None:
        """(4, 2) px; of a box the corner first where the text begins."""
        quad = quadrangle(self.outline(element), turned)
        if turned and quad is not None and element.first("Shape", "Polygon") is None:
            return np.roll(quad, -(turned // 90), axis=0)
        return quad


def _is_whole(line: Line, words: list[Word]) -> bool:
    """Whether a single string is the line over again, and no word of it."""
    if len(words) != 1 or words[0].characters:
        return False
    if len(words[0].text.split()) > 1:
        return True
    return bool(np.abs(np.subtract(frame_of(words[0].points), line.frame)).max() <= 1)
