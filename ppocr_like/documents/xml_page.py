"""Pages out of ALTO and PAGE XML files."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ppocr_like.documents.formats.alto_reader import read_alto
from ppocr_like.documents.formats.page_reader import read_page_xml
from ppocr_like.documents.formats.reader import upright
from ppocr_like.documents.formats.xml_read import Reading
from ppocr_like.documents.named_orders import LINE_IMPLICIT, REGION_IMPLICIT, orders_of
from ppocr_like.documents.oddities import oddities
from ppocr_like.documents.page import Line, Page
from ppocr_like.documents.regions import Order, Region
from ppocr_like.errors import DataError
from ppocr_like.outside import Malformed, load_xml, open_regular, shown

FILETYPES = ("xml", "alto", "page")
LINETYPES = ("baselines", "bbox")
_ALTO = re.compile(r"(http://(www\.loc\.gov/standards/alto/ns-v[1-4]#?|schema\.ccs-gmbh\.com/ALTO))?")
_PAGE = re.compile(r"(http://schema\.primaresearch\.org/PAGE/gts/pagecontent/20(09|1[0-9])-\d\d-\d\d)?")
_NO_IMAGE = (OSError, ValueError, TypeError, SyntaxError, EOFError, LookupError, struct.error, Image.DecompressionBombError)
_TURNED_ON_ITS_SIDE = (5, 6, 7, 8)  # Exif orientations that exchange width and height
_ORIENTATION = 0x0112


def read_page(path: str | Path) -> Page:
    """The page of an ALTO (versions 1 to 4) or PAGE (2009 to 2019) file.

    Its lines and regions stand in the order of the file; `orders` holds those that the file names.

    Raises:
        DataError: the file cannot be read, or is no such file; names file and line.
    """
    return read_xml(path).page


def read_xml(path: str | Path, filetype: str = "xml") -> Reading:
    """The page of an ALTO or PAGE file with notes of what was mended or left out.

    Args:
        filetype: "alto" or "page": the file must be one; "xml": its root tells which it is.

    Raises:
        DataError: see `read_page`; the file is of the other type.
        ValueError: another `filetype`.
    """
    if filetype not in FILETYPES:
        raise ValueError(f"filetype {filetype!r}; possible are {', '.join(FILETYPES)}")
    path = Path(path)
    root = load_xml(path)
    found = {"alto": "alto", "PcGts": "page"}.get(root.tag)
    if found is None:
        raise DataError(f"is neither ALTO nor PAGE XML: its root is {shown(root.tag)}", str(path), root.line)
    if filetype not in ("xml", found):
        raise DataError(f"is {found.upper()} XML; {filetype.upper()} is asked for", str(path), root.line)
    if not (_ALTO if found == "alto" else _PAGE).fullmatch(root.namespace):
        raise DataError(
            f"has the namespace {shown(root.namespace)}, which is not known for {found.upper()}", str(path), root.line
        )
    try:
        reading = (read_alto if found == "alto" else read_page_xml)(root, path.parent)
    except Malformed as error:
        raise DataError(str(error), str(path), error.line or root.line) from error
    return reading if reading.page.width and reading.page.height else _sized(reading)


def _sized(reading: Reading) -> Reading:
    """A page whose file says no size, with that of its image, as it is shown; a note where there is none."""
    try:
        with open_regular(reading.page.source) as file, Image.open(file) as image:
            width, height = image.size
            if image.getexif().get(_ORIENTATION) in _TURNED_ON_ITS_SIDE:
                width, height = height, width
    except _NO_IMAGE:  # what Pillow raises for what is none
        note = "the file does not say the page's size, and its image cannot be read: the size is not known"
        return replace(reading, notes=(*reading.notes, note))
    note = f"the file does not say the page's size: that of its image is taken, {width} x {height}"
    return replace(reading, page=replace(reading.page, width=width, height=height), notes=(*reading.notes, note))


class XMLPage:
    """A page of an ALTO or PAGE file, with its lines, regions and orders by name.

    Args:
        filename: of the file.
        filetype: "alto" or "page": the file must be one; "xml": its root tells which it is.
        linetype: "baselines"; "bbox": lines have upright boxes for outlines, and no baselines.

    Attributes:
        type: the `linetype`.
        imagename: path of the page's image; "": the file names none.
        image_size: (width, height) px; 0: not known.
        base_dir: of the page, "ltr" or "rtl"; "": not said.
        lines: by id, in the order of the file.
        regions: by type (by kind where that is not known), each in the order of the file.
        reading_orders: by name, see `named_orders.orders_of`.
        tags: values of the lines' and regions' tags by the tags' names.
        languages: of the lines and regions, ISO 639-3.
        splits: that lines are marked for.

    Raises:
        DataError: see `read_page`.
        ValueError: another `filetype` or `linetype`.
    """

    def __init__(self, filename: str | Path, filetype: str = "xml", linetype: str = "baselines") -> None:
        if linetype not in LINETYPES:
            raise ValueError(f"linetype {linetype!r}; possible are {', '.join(LINETYPES)}")
        reading = read_xml(filename, filetype)
        self.filename = Path(filename)
        self.filetype = reading.filetype
        self.type = linetype
        self._page = reading.page if linetype == "baselines" else _boxed(reading.page)
        self._notes = reading.notes
        self.imagename = self._page.source
        self.image_size = (self._page.width, self._page.height)
        self.base_dir = self._page.base_dir
        self.lines: dict[str, Line] = {line.id: line for line in self._page.lines}
        self.regions: dict[str, list[Region]] = {}
        for region in self._page.regions:
            self.regions.setdefault(region.name, []).append(region)
        self.reading_orders: dict[str, Order] = orders_of(self._page)
        self.tags: dict[str, set[str]] = {}
        parts: list[Line | Region] = [*self._page.lines, *self._page.regions]
        for part in parts:
            for name, value in part.tags:
                self.tags.setdefault(name, set()).add(value)
        self.languages = tuple(dict.fromkeys(part.language for part in parts if part.language))
        self.splits = frozenset(line.split for line in self._page.lines if line.split)

    @property
    def has_tags(self) -> bool:
        """Whether lines or regions have tags, or regions types."""
        return bool(self.tags) or any(region.type for region in self._page.regions)

    @property
    def has_splits(self) -> bool:
        """Whether lines are marked for parts of a data set."""
        return bool(self.splits)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was mended or left out while the file was read, and what is odd about the lines that are there."""
        return (*self._notes, *oddities(self._page))

    def get_sorted_lines(self, ro: str = LINE_IMPLICIT) -> list[Line]:
        """The lines in an order.

        Raises:
            ValueError: the order is not known, is one of regions, or is not total.
        """
        return [self.lines[name] for name in self._order(ro, "line").ids]

    def get_sorted_regions(self, ro: str = REGION_IMPLICIT) -> list[Region]:
        """The regions in an order.

        Raises:
            ValueError: the order is not known, is one of lines, or is not total.
        """
        known = {region.id: region for region in self._page.regions}
        return [known[name] for name in self._order(ro, "region").ids]

    def get_sorted_lines_by_region(self, region: str, ro: str = LINE_IMPLICIT) -> list[Line]:
        """The lines of a region and of those within it in an order.

        Args:
            region: its id.

        Raises:
            ValueError: see `get_sorted_lines`; the order lacks a line of the region; there is no such region.
        """
        if all(one.id != region for one in self._page.regions):
            raise ValueError(f"there is no region {region!r}")
        found = [line for line in self.get_sorted_lines(ro) if region in line.regions]
        missing = {line.id for line in self.lines.values() if region in line.regions} - {line.id for line in found}
        if missing:
            raise ValueError(f"the order {ro!r} does not name the line {min(missing)!r} of the region {region!r}")
        return found

    def get_lines_by_tag(self, key: str, value: str) -> dict[str, Line]:
        """The lines with a tag, by id."""
        return {name: line for name, line in self.lines.items() if (key, value) in line.tags}

    def get_lines_by_split(self, split: str) -> dict[str, Line]:
        """The lines that are marked for a part of a data set, by id."""
        return {name: line for name, line in self.lines.items() if line.split == split}

    def to_container(self) -> Page:
        """The whole as a page."""
        return self._page

    def _order(self, name: str, level: str) -> Order:
        order = self.reading_orders.get(name)
        if order is None:
            raise ValueError(f"there is no order {name!r}; there are {', '.join(self.reading_orders)}")
        if order.level != level:
            raise ValueError(f"the order {name!r} is one of {order.level}s")
        if not order.total:
            raise ValueError(f"the order {name!r} is not total: it tells the place of {len(order.ids)} {level}s alone")
        return order

    def __repr__(self) -> str:
        return f"XMLPage({str(self.filename)!r}, filetype={self.filetype!r}, linetype={self.type!r})"


def _boxed(page: Page) -> Page:
    """With upright boxes as the lines' outlines, and no baselines."""
    lines = [replace(line, points=np.array(upright(*line.frame)), baseline=None) for line in page.lines]
    return replace(page, lines=tuple(lines))
