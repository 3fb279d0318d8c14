"""A page of text: what was read on it, or what truly stands on it."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from ppocr_like.documents.plain import Tags, one_of, plain, points_of, tags_of, texts_of, truth_of
from ppocr_like.documents.regions import DIRECTIONS, Order, Region
from ppocr_like.documents.words import Character, Word, words_of
from ppocr_like.geometry import smallest_box
from ppocr_like.outside import Malformed, number, text_of

BASELINE = 0.2  # of a line's height lies below its letters without descenders
SPLITS = ("", "train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Line:
    """A line of text on a page.

    Args:
        points: (P, 2) px of the page, the detector's outline; a quadrangle begins at the line's top left and runs clockwise.
            Where only the baseline is known, the baseline there and back, which encloses nothing.
        text: what was read, in logical order; "" when nothing.
        confidence: of the text, [0, 1].
        score: of the detector, [0, 1].
        characters: with their places, in the order of `text`; empty where they are not known.
        turned: degrees counter-clockwise by which the line was turned to be read: 0, 90 (a vertical line), 180, 270.
        block: number of the text block (column) it stands in, from 0, in reading order.
        id: its name on the page; "": it has none.
        baseline: (P, 2) px of the page, two points or more, in the direction of the text from its left; None: not known.
        tags: marks of the line, (name, value).
        language: of the text, as BCP 47 writes it (readers of XML give the codes of ISO 639-3, "deu"); "": not known.
        base_dir: base direction of the text, "ltr" or "rtl"; "": not known.
        split: of a data set, "train", "validation" or "test"; "": not said.
        regions: ids of the regions it stands in, the outermost first.
        ignored: of the truth: neither text nor background; it is neither trained on nor judged.
        marked: its words as the source marks them; empty where it marks none, or where they are those that `characters` make.
    """

    points: np.ndarray
    text: str = ""
    confidence: float = 0.0
    score: float = 1.0
    characters: tuple[Character, ...] = ()
    turned: int = 0
    block: int = 0
    id: str = ""
    baseline: np.ndarray | None = None
    tags: Tags = ()
    language: str = ""
    base_dir: str = ""
    split: str = ""
    regions: tuple[str, ...] = ()
    ignored: bool = False
    marked: tuple[Word, ...] = ()

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) px."""
        return frame_of(self.points)

    @property
    def outlined(self) -> bool:
        """Whether `points` are an outline, and not the baseline there and back."""
        return self.baseline is None or not np.array_equal(self.points, there_and_back(self.baseline))

    @property
    def vertical_script(self) -> bool:
        """Whether its characters stand one below the other as they are, as Chinese and Japanese are also written: such a line
        is turned to be read although nothing is turned on the page."""
        wide = sum(unicodedata.east_asian_width(character) in "WF" for character in self.text)
        return self.turned == 90 and 2 * wide > len(self.text)

    def upright(self) -> np.ndarray:
        """(4, 2) px: the quadrangle around the line as its text stands: from the text's own top left on, clockwise."""
        corners = np.asarray(self.points, float) if len(self.points) == 4 else smallest_box(self.points)[0].astype(float)
        return np.roll(corners, -(self.turned // 90), axis=0)

    def baseline_points(self) -> np.ndarray:
        """(P, 2) px: where the letters stand, in the direction of the text from its left. Where `baseline` is not known, two
        points: BASELINE of the height above the outline's lower side."""
        if self.baseline is not None:
            return self.baseline
        top_left, top_right, bottom_right, bottom_left = self.upright()
        return np.array([bottom_left + BASELINE * (top_left - bottom_left), bottom_right + BASELINE * (top_right - bottom_right)])

    def words(self) -> list[Word]:
        """The words with their places: those that are marked, else those of the characters (see `words_of`); where neither is
        known, one word: the whole text."""
        if self.marked:
            return list(self.marked)
        if not self.characters:
            text = self.text.strip()
            return [Word(text, self.upright(), self.confidence)] if text else []
        return words_of(self.characters)

    def as_dict(self) -> dict[str, Any]:
        """Plain data: px to a tenth. What came later than `characters` stands there where it is set."""
        return {
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "points": plain(self.points),
            "score": round(self.score, 4),
            "turned": self.turned,
            "block": self.block,
            "characters": [character.as_dict() for character in self.characters],
            **self._known(),
        }

    def _known(self) -> dict[str, Any]:
        """Of the fields that a recogniser does not fill, those that are set."""
        tree: dict[str, Any] = {} if self.baseline is None else {"baseline": plain(self.baseline)}
        for name in ("id", "language", "base_dir", "split", "ignored"):
            if getattr(self, name):
                tree[name] = getattr(self, name)
        if self.tags:
            tree["tags"] = [list(tag) for tag in self.tags]
        if self.regions:
            tree["regions"] = list(self.regions)
        if self.marked:
            tree["words"] = [word.as_dict() for word in self.marked]
        return tree

    @classmethod
    def from_dict(cls, tree: dict[str, Any]) -> Line:
        """The reverse of `as_dict`.

        Raises:
            KeyError, TypeError, ValueError: not such data.
        """
        characters = tuple(Character.from_dict(character) for character in tree.get("characters", ()))
        points = points_of(tree["points"], "a line", 3)
        turned, block = number(tree.get("turned", 0), "turned", 0, 270), number(tree.get("block", 0), "block", 0)
        if turned % 90:
            raise Malformed(f"turned is {turned:g}; 0, 90, 180 and 270 are possible")
        confidence, score = (number(tree.get(key, default), key, 0, 1) for key, default in (("confidence", 0.0), ("score", 1.0)))
        return cls(
            points,
            text_of(tree["text"]),
            confidence,
            score,
            characters,
            int(turned),
            int(block),
            id=text_of(tree.get("id", ""), "id"),
            baseline=points_of(tree["baseline"], "a baseline", 2) if tree.get("baseline") is not None else None,
            tags=tags_of(tree.get("tags", ())),
            language=text_of(tree.get("language", ""), "language"),
            base_dir=one_of(tree.get("base_dir", ""), "base_dir", DIRECTIONS),
            split=one_of(tree.get("split", ""), "split", SPLITS),
            regions=texts_of(tree.get("regions", ()), "regions"),
            ignored=truth_of(tree.get("ignored", False), "ignored"),
            marked=tuple(Word.from_dict(word) for word in tree.get("words", ())),
        )


@dataclass(frozen=True, eq=False)
class Page:
    """What was read on a page, or what truly stands on it.

    Args:
        source: the image's name (`scan.pdf#3` is the third page of a file with several).
        width, height: px of the image as it is shown (upright by its Exif orientation); 0: not known.
        lines: in reading order; of an XML file, in the file's order: `orders` holds those that it names.
        left_out: lines whose text was less certain than the filter asks, or empty; in reading order too.
        dpi: px per inch (across, down) of the image as it is shown; None: not known.
        languages: of the text, as BCP 47 writes them ("de", "sr-Latn"); empty: not known.
        regions: parts of the page; empty: not known.
        orders: in which lines or regions are read, where there are others than that of `lines`.
        processing: the steps that made the page, the first one first, in words.
        base_dir: base direction of the text, "ltr" or "rtl"; "": not known.
    """

    source: str
    width: int = 0
    height: int = 0
    lines: tuple[Line, ...] = ()
    left_out: tuple[Line, ...] = ()
    dpi: tuple[float, float] | None = None
    languages: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()
    orders: tuple[Order, ...] = ()
    processing: tuple[str, ...] = ()
    base_dir: str = ""

    @property
    def turned(self) -> int:
        """Degrees counter-clockwise by which the page must be turned to be read: what most of its lines were turned by. Columns
        of vertical script do not make a page turned."""
        lines = self.lines or self.left_out
        turned = majority_turn([line.turned for line in lines])
        columns = sum(line.vertical_script for line in lines)
        return 0 if turned == 90 and 2 * columns > sum(line.turned == 90 for line in lines) else turned

    @property
    def text(self) -> str:
        """The lines, one each; an empty one between text blocks."""
        return "\n\n".join("\n".join(line.text for line in lines) for lines in self.blocks())

    def blocks(self) -> Iterator[list[Line]]:
        """The lines of each text block, in reading order."""
        for _, lines in groupby(self.lines, key=lambda line: line.block):
            yield list(lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain data; what comes after `left_out` in the list of the arguments stands there where it is known."""
        known: dict[str, Any] = {"dpi": [round(value, 2) for value in self.dpi]} if self.dpi else {}
        if self.languages:
            known["languages"] = list(self.languages)
        parts: dict[str, Any] = {"regions": self.regions, "orders": self.orders}
        known |= {name: [part.as_dict() for part in values] for name, values in parts.items() if values}
        if self.processing:
            known["processing"] = list(self.processing)
        if self.base_dir:
            known["base_dir"] = self.base_dir
        return {
            "image": self.source,
            "width": self.width,
            "height": self.height,
            "turned": self.turned,
            **known,
            "lines": [line.as_dict() for line in self.lines],
            "left_out": [line.as_dict() for line in self.left_out],
        }

    @classmethod
    def from_dict(cls, tree: dict[str, Any]) -> Page:
        """The reverse of `as_dict`.

        Raises:
            KeyError, TypeError, ValueError: not such data.
        """
        lines, left_out = (tuple(Line.from_dict(line) for line in tree.get(key, ())) for key in ("lines", "left_out"))
        width, height = (int(number(tree[key], key, 0)) for key in ("width", "height"))
        dpi = _pair(tree["dpi"]) if tree.get("dpi") is not None else None
        languages = tuple(text_of(language, "languages") for language in tree.get("languages", ()))
        regions = tuple(Region.from_dict(region) for region in tree.get("regions", ()))
        orders = tuple(Order.from_dict(order) for order in tree.get("orders", ()))
        processing = texts_of(tree.get("processing", ()), "processing")
        image = text_of(tree["image"], "image")
        base_dir = one_of(tree.get("base_dir", ""), "base_dir", DIRECTIONS)
        return cls(image, width, height, lines, left_out, dpi, languages, regions, orders, processing, base_dir)


def _pair(values: Any) -> tuple[float, float]:
    """Px per inch across and down."""
    across, down = (number(value, "dpi", 0) for value in values)
    return across, down


def majority_turn(turns: Sequence[int]) -> int:
    """Of the degrees by which lines were turned the most frequent one; the least of several."""
    counts = Counter(turns)
    return max(sorted(counts), key=lambda turn: counts[turn], default=0)


def turned_points(points: np.ndarray, turned: int, width: float = 0.0, height: float = 0.0) -> np.ndarray:
    """Points (P, 2) px where they are once the page of that width and height was turned by `turned` degrees counter-clockwise.

    Without a size the turned page's corner is not brought back to (0, 0): directions and distances alone are right then.
    """
    x, y = np.asarray(points, np.float64).reshape(-1, 2).T
    sides = {0: (x, y), 90: (y, width - x), 180: (width - x, height - y), 270: (height - y, x)}[turned % 360]
    return np.stack(sides, axis=1)


def there_and_back(baseline: np.ndarray) -> np.ndarray:
    """(2P - 1, 2) px: what a line with a baseline (P, 2) has for an outline where it has none."""
    return np.concatenate([baseline, baseline[-2::-1]])


def frame_of(points: np.ndarray) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) px of points (P, 2)."""
    points = np.asarray(points, float)
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return left, top, right, bottom
