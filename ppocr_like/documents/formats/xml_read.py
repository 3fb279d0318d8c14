"""What the readers of ALTO and PAGE XML share: places, words, and what is gathered of a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from ppocr_like.documents.formats.arranged import Names
from ppocr_like.documents.languages import iso639_3
from ppocr_like.documents.named_orders import (
    LINE_TRANSKRIBUS,
    REGION_TRANSKRIBUS,
    flatten_order_to_lines,
    validate_and_clean_order,
)
from ppocr_like.documents.page import SPLITS, Line, Page, there_and_back
from ppocr_like.documents.plain import Tags
from ppocr_like.documents.regions import Order, Region
from ppocr_like.documents.words import Character, Word, words_of
from ppocr_like.geometry import smallest_box
from ppocr_like.outside import FARTHEST, Element, Malformed, number, shown

# What a format calls a region: those of PAGE's region elements and of ALTO's blocks.
PAGE_KINDS = {
    "TextRegion": "text",
    "ImageRegion": "image",
    "LineDrawingRegion": "line drawing",
    "GraphicRegion": "graphic",
    "TableRegion": "table",
    "ChartRegion": "chart",
    "MapRegion": "map",
    "SeparatorRegion": "separator",
    "MathsRegion": "maths",
    "ChemRegion": "chem",
    "MusicRegion": "music",
    "AdvertRegion": "advert",
    "FormRegion": "form",
    "NoiseRegion": "noise",
    "UnknownRegion": "unknown",
    "CustomRegion": "custom",
}
ALTO_KINDS = {"TextBlock": "text", "Illustration": "illustration", "GraphicalElement": "graphic", "ComposedBlock": "composed"}
KINDS = tuple(dict.fromkeys([*PAGE_KINDS.values(), *ALTO_KINDS.values()]))
MOST_PLACES = 1 << 24  # of lines in all orders of a page
SAME = 0.05  # px, and of a confidence: what a file's digits leave open
_APART = str.maketrans(",;()", "    ")


@dataclass(frozen=True)
class Around:
    """What an element has from those around it: ids of its regions (the outermost first), languages, direction, turn."""

    regions: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    base_dir: str = ""
    turned: int = 0


@dataclass(frozen=True)
class NamedOrder:
    """An order as a file gives it: ids of anything."""

    name: str
    ids: tuple[str, ...]
    total: bool
    description: str


@dataclass(frozen=True)
class Reading:
    """A page as it was read.

    Args:
        page: what stands there.
        filetype: "alto" or "page".
        notes: what was mended, renamed or left out, each with its place, in words.
        placeless: (id, text, place in the file) of lines that have neither outline nor baseline, which `page` leaves out.
        unread: places, in words, of text that `page` leaves out: further pages of a file, regions with a text and no lines.
    """

    page: Page
    filetype: str
    notes: tuple[str, ...]
    placeless: tuple[tuple[str, str, str], ...] = ()
    unread: tuple[str, ...] = ()


class Gathering:
    """Collects the lines and regions of a page while its file is read, and notes what is odd about them."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.regions: list[Region] = []
        self.named: list[NamedOrder] = []
        self.words: dict[str, str] = {}  # id of a word: id of its line
        self.notes: list[str] = []
        self.placeless: list[tuple[str, str, str]] = []
        self.unread: list[str] = []
        self.block = -1
        self._names = Names()

    def note(self, element: Element, name: str, what: str) -> None:
        """Notes something about an element."""
        self.notes.append(f"{_place_of(element, name)}: {what}")

    def no_text_of(self, element: Element, name: str, what: str) -> None:
        """Notes that the text of an element is not read."""
        self.note(element, name, what)
        self.unread.append(self.notes[-1])

    def without_place(self, element: Element, name: str, text: str) -> None:
        """Keeps what is known of a line that `place` has found none for."""
        self.placeless.append((name, text, _place_of(element, name)))

    def name(self, element: Element, given: str | None, kind: str) -> str:
        """The id of a line or region; another one than is given where that one is taken or empty."""
        name = self._names.unused(given or f"{kind}_{len(self.lines if kind == 'line' else self.regions) + 1}")
        if given and name != given:
            self.note(element, given, f"the id is taken; this {kind} is called {name}")
        return name

    def is_region(self, element: Element, given: str | None, points: np.ndarray) -> bool:
        """Whether the points of a region are an outline; without any the element is no region, which is nothing to note."""
        if len(points) and not encloses(points):
            self.note(
                element, given or "", "the region's outline has fewer than three different points; it is left out, its lines stay"
            )
        return encloses(points)

    def place(
        self, element: Element, name: str, points: np.ndarray, baseline: np.ndarray
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """(outline, baseline) of a line, without what is none; the outline None where the line has no place at all."""
        known = baseline if len(baseline) > 1 else None
        if len(baseline) == 1:
            self.note(element, name, "its baseline has one point, or no length, and is left out")
        if known is not None and (not len(points) or np.array_equal(points, there_and_back(known))):
            return there_and_back(known), known
        if len(points) and not encloses(points):
            self.note(element, name, "its outline has fewer than three different points and is left out")
            points = points[:0]
        if len(points):
            return points, known
        if known is None:
            self.note(element, name, "it has neither outline nor baseline and is left out")
            return None, None
        return there_and_back(known), known

    def split(self, element: Element, name: str, value: str) -> str:
        """Part of a data set that a line is marked for; "" where the mark is another one."""
        if value in SPLITS:
            return value
        self.note(element, name, f"its split is {shown(value)}, which is none of {', '.join(SPLITS[1:])}")
        return ""

    def confidence(self, element: Element, name: str, value: str | None) -> float:
        """[0, 1]; 0 where it is not known."""
        try:
            return 0.0 if value is None else number(value, "confidence", 0, 1)
        except Malformed:
            self.note(element, name, f"its confidence is {shown(value)}, which is no number from 0 to 1")
            return 0.0

    def finished(self, page: Page, filetype: str, marks: Sequence[Order] = ()) -> Reading:
        """The reading, with lines, regions and orders: those of the file first, then `marks`.

        Raises:
            Malformed: more orders than can be held.
        """
        if len(self.named) * len(self.lines) > MOST_PLACES:
            raise Malformed(f"names {len(self.named):,} orders of {len(self.lines):,} lines, which is too much for a page")
        regions = {region.id for region in self.regions}
        lines = {line.id for line in self.lines}
        orders = []
        for named in self.named:
            level = "region" if all(name in regions for name in named.ids) else "line"
            ids = named.ids
            if level == "line":
                ids = tuple(flatten_order_to_lines(ids, self.lines, regions, self.words))
                known = regions | lines | set(self.words)
                unknown = [name for name in named.ids if name not in known]
                if unknown:
                    self.notes.append(f"order {shown(named.name)}: {len(unknown)} unknown ids, such as {shown(unknown[0])}")
            clean, _ = validate_and_clean_order(ids, regions if level == "region" else lines)
            if clean:
                orders.append(Order(named.name, tuple(clean), level, named.total, named.description))
        languages = page.languages or tuple(dict.fromkeys(line.language for line in self.lines if line.language))
        page = replace(page, lines=tuple(self.lines), regions=tuple(self.regions), orders=(*orders, *marks), languages=languages)
        return Reading(page, filetype, tuple(self.notes), tuple(self.placeless), tuple(self.unread))


def _place_of(element: Element, name: str) -> str:
    return f"line {element.line}{f' ({name})' if name else ''}"


def transkribus_orders(
    lines: Sequence[Line], regions: Sequence[Region], of_lines: dict[str, int], of_regions: dict[str, int]
) -> list[Order]:
    """The orders that indices make, which Transkribus gives regions within what is around them and lines within their region.

    An order is total where everything on the page has an index and none occurs twice within the same region.
    """
    found: list[Order] = []
    inside = {region.id: region.inside for region in regions}
    keys = {}
    for region in regions:
        path = [region.id]
        while inside.get(path[0], "") and inside[path[0]] in inside:
            path.insert(0, inside[path[0]])
        if all(name in of_regions for name in path):
            keys[region.id] = tuple(of_regions[name] for name in path)
    line_keys = {
        line.id: (*(keys[line.regions[-1]] if line.regions else ()), of_lines[line.id])
        for line in lines
        if line.id in of_lines and (not line.regions or line.regions[-1] in keys)
    }
    for name, level, table, count in (
        (LINE_TRANSKRIBUS, "line", line_keys, len(lines)),
        (REGION_TRANSKRIBUS, "region", keys, len(regions)),
    ):
        if table:
            ids = tuple(sorted(table, key=lambda one: table[one]))
            total = len(table) == count and len(set(table.values())) == count
            found.append(Order(name, ids, level, total, "marks of Transkribus"))
    return found


def size_of(sheet: Element, *names: str) -> tuple[int, ...]:
    """Px of a page, from its attributes of these names; 0 where it is not said.

    Raises:
        Malformed: no number, with the line of the page's element.
    """
    try:
        return tuple(round(number(value, name, 0)) if (value := sheet.get(name)) else 0 for name in names)
    except Malformed as error:
        raise Malformed(str(error), sheet.line) from error


def each_order(orders: list[Element]) -> Iterator[tuple[Element, bool]]:
    """(group, whether it says all of the page) of a file's orders; of a group without an order its parts."""
    for group in [group for order in orders for group in order.children]:
        if group.tag == "UnorderedGroup":
            yield from ((part, False) for part in group.children)
        else:
            yield group, True


def image_path(folder: Path, name: str) -> str:
    """Path of the image that a file names; of a name with a Windows path its last part. "": it names none."""
    name = name.strip()
    return str(folder / (name.rsplit("\\", 1)[-1])) if name else ""


def points_in(text: str | None, element: Element) -> np.ndarray:
    """(P, 2) px from `x,y x,y ...`, `x y x y ...` or with brackets; of equal ones on end the first is kept.

    Raises:
        Malformed: no such list.
    """
    values = (text or "").translate(_APART).split()
    if len(values) % 2:
        raise Malformed(f"points {shown(text)} are an odd number of coordinates", element.line)
    try:
        numbers = list(map(float, values))
    except ValueError as error:
        raise Malformed(f"points {shown(text)} hold something that is no number", element.line) from error
    if not all(-FARTHEST <= value <= FARTHEST for value in numbers):  # NaN compares as false
        raise Malformed(f"points {shown(text)} lie farther out than {FARTHEST:,.0f} px, where no image is", element.line)
    points = list(zip(numbers[::2], numbers[1::2], strict=True))  # plain Python: there are few, and numpy is slower at that
    fresh = [point for point, before in zip(points, [None, *points], strict=False) if point != before]
    return np.array(fresh).reshape(-1, 2)


def encloses(points: np.ndarray) -> bool:
    """Whether points (P, 2) may be an outline: three of them differ."""
    different = set()
    for point in points.tolist():
        different.add(tuple(point))
        if len(different) == 3:
            return True
    return False


def quadrangle(points: np.ndarray, turned: int = 0) -> np.ndarray | None:
    """(4, 2) px of a word or a character; None where the points enclose nothing. An outline of other than four points becomes its
    smallest box, which begins where the text does."""
    if len(points) > 1 and (points[0] == points[-1]).all():
        points = points[:-1]
    if not encloses(points):
        return None
    return points if len(points) == 4 else np.roll(smallest_box(points)[0].astype(float), -(turned // 90), axis=0)


def with_words(line: Line, words: Sequence[Word]) -> Line:
    """A line with the words of its file. Where all their characters have places and make the line's text, the line has its
    characters, and the words stay marked only where they are others than those that the characters make."""
    if not words:
        return line
    whole = all("".join(character.text for character in word.characters) == word.text for word in words)
    if not whole or " ".join(word.text for word in words) != line.text:
        return replace(line, marked=tuple(words))
    characters = list(words[0].characters)
    for before, after in pairwise(words):
        characters += [_space(before, after), *after.characters]
    made = words_of(characters)
    equal = len(made) == len(words) and all(_equal(one, other) for one, other in zip(made, words, strict=True))
    return replace(
        line, characters=tuple(characters), marked=() if equal else tuple(replace(word, characters=()) for word in words)
    )


def _equal(one: Word, other: Word) -> bool:
    near = np.abs(one.points - other.points).max() <= 10 * SAME and abs(one.confidence - other.confidence) <= SAME / 10
    return bool(one.text == other.text and near)


def _space(before: Word, after: Word) -> Character:
    """The blank between two words, as sure as the less sure of them."""
    left, right = before.points, after.points
    if (right.mean(axis=0) - left.mean(axis=0)) @ (left[1] - left[0]) < 0:
        left, right = right, left
    return Character(" ", np.array([left[1], right[0], right[3], left[2]]), min(before.confidence, after.confidence))


def mean_confidence(words: Iterable[Word]) -> float:
    """Of a line, from that of its words by their lengths; 0 where none is known."""
    known = [(word.confidence, max(len(word.text), 1)) for word in words if word.confidence > 0]
    return sum(value * length for value, length in known) / sum(length for _, length in known) if known else 0.0


def language_tags(languages: Sequence[str]) -> tuple[str, Tags]:
    """(the first language, the further ones as tags)."""
    return (languages[0] if languages else ""), tuple(("language", language) for language in languages[1:])


def known_languages(names: Iterable[str | None]) -> tuple[str, ...]:
    """Codes of the languages that are named."""
    return tuple(dict.fromkeys(iso639_3(name) for name in names if name and name.strip()))


def turn_of(value: str | None) -> int:
    """0, 90, 180 or 270 degrees of a number of degrees near one of them; 0 of any other."""
    try:
        degrees = number(value, "a turn", -360, 360) % 360 if value else 0.0
    except Malformed:
        return 0
    turned = round(degrees / 90) * 90
    return turned % 360 if abs(degrees - turned) <= 1 else 0
