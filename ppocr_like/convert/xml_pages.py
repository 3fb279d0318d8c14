"""ALTO and PAGE XML: the pages of an archive, as boxes of a detector or as crops of a recogniser."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from ppocr_like.contracts import Rejected
from ppocr_like.data.lines.lines import LeftOut
from ppocr_like.data.lines.page_files import PageFile, page_files
from ppocr_like.data.lines.page_rows import SCALED, STUBS, UNREAD, LineRow, PageRows, Reading, given, read_rows
from ppocr_like.data.lines.sources import Source, read_sources
from ppocr_like.documents.formats.reader import Reader, find_images, upright
from ppocr_like.documents.page import Line, Page
from ppocr_like.errors import ConfigError, DataError
from ppocr_like.transforms.line_cut import line_place

Shape = Literal["quads", "polygons"]
_NOTES = {
    SCALED: "pages whose image is larger or smaller than the XML says: coordinates scaled",
    UNREAD: "texts without a line, which have no box: regions with a text alone, further pages of a file",
    STUBS: "lines whose outline is a stub: taken as high as lines are apart",
}


class XMLPages(Reader):
    """Pages in ALTO (versions 1 to 4) or PAGE XML (2009 to 2019), with the image that each file names, or beside it.

    A line without an outline is as long as its baseline and as high as the page's lines are apart. Lines without a text are
    boxes, too. What has no place on its image (lines off the page, images of another shape) is counted.

    Args:
        sources: files, patterns of files, folders of files (`*.xml`), and lists of files (a path in each line).
        images: folder of the images, which have the names of the XML files; None: as each file says.
        shape: "quads", the rectangle around each line along its baseline, as detectors are usually trained on, or "polygons",
            the outline as it is.
        skip_bad: see `Reader`.

    Raises:
        ValueError: another `shape`.
        DataError: nothing there.
    """

    unit = "page"

    def __init__(
        self,
        sources: str | Path | Sequence[str | Path],
        images: str | Path | None = None,
        shape: Shape = "quads",
        skip_bad: bool = False,
    ) -> None:
        super().__init__(skip_bad)
        if shape not in get_args(Shape):
            raise ValueError(f"shape is {shape!r}; known: {', '.join(get_args(Shape))}")
        named = [sources] if isinstance(sources, str | Path) else sources
        self.shape = shape
        self.pages, lost = _files(_sources([str(source) for source in named]))
        for each in lost:
            self.left_out.add(each.reason, f"{each.file}, {each.detail}")
        self.images = None if images is None else find_images(images)

    @property
    def xml_files(self) -> list[Path]:
        """What it reads beside images."""
        return [Path(page.xml) for page in self.pages]

    def __iter__(self) -> Iterator[tuple[Page, str]]:
        files = self.pages
        self.total = len(files)
        for self.done, file in enumerate(files, start=1):
            if self.images is not None:
                if (image := self.images.get(Path(file.xml).stem)) is None:
                    self.left_out.add("missing image", f"{file.xml}: none of that name")
                    continue
                file = file._replace(image=str(image))
            rows = read_rows(file, Reading())
            if rows.lost is not None:
                self.bad(rows.lost.detail, file.xml)
            elif not rows.image:
                named = rows.named or "the XML names none"
                self.left_out.add("missing image", f"{file.xml}: {named}")
            elif rows.stored:
                # A detector's pictures are turned as Exif says, and label files cannot say that these are not to be.
                self.left_out.add("image that its Exif orientation turns, and the XML does not", file.xml)
            else:
                yield self._page(rows), file.xml

    def _page(self, rows: PageRows) -> Page:
        for kind, count in rows.said.items():
            if count:  # TURNED is 0: such pages are left out
                self.left_out.notes[_NOTES[kind]] += count
        lines = [line for number, row in enumerate(rows.lines, start=1) if (line := self._line(rows, row, number)) is not None]
        return Page(rows.image, lines=tuple(lines))

    def _line(self, rows: PageRows, row: LineRow, number: int) -> Line | None:
        place = f"{rows.xml}, line {number}{f' ({row.id})' if row.id else ''}"
        if row.fault:
            self.left_out.add(row.fault, f"{place}: {row.detail}")
            return None
        try:
            outline, way = line_place(rows.size, given(row.baseline), given(row.outline), distance=rows.distance or None)
        except Rejected as error:
            self.left_out.add(error.reason, f"{place}: {error.detail}")
            return None
        if self.shape == "quads":
            outline = _box_along(outline, way)
        points = self.polygon(outline, place)
        return None if points is None else Line(points, row.text, id=row.id)


def _box_along(outline: np.ndarray, way: np.ndarray) -> np.ndarray:
    """(4, 2) px: the rectangle around an outline along `way`, the text's, from the text's top left on."""
    length = float(np.hypot(*way))
    across, down = way / length if length else (1.0, 0.0)
    frame = np.array([[across, down], [-down, across]])  # the text's own, as rows
    placed = outline @ frame.T
    (left, top), (right, bottom) = placed.min(axis=0), placed.max(axis=0)
    return np.array(upright(left, top, right, bottom)) @ frame


def _sources(named: Sequence[str]) -> list[Source]:
    """The files of lists, folders and patterns.

    Raises:
        DataError: one of them names nothing.
    """
    patterns, lists = [], []
    for name in named:
        if os.path.isdir(name):
            patterns.append(os.path.join(glob.escape(name), "*.[xX][mM][lL]"))
        elif os.path.isfile(name) and not name.lower().endswith(".xml"):
            lists.append(name)
        else:
            patterns.append(glob.escape(name) if os.path.isfile(name) else name)
    try:
        return read_sources(lists, patterns, "the sources")
    except ConfigError as error:
        told = "; ".join(problem.message for problem in error.problems)
        raise DataError(
            f"{told}; name ALTO or PAGE files, a folder or a pattern of them, or a list with a path in each line"
        ) from error


def _files(sources: Sequence[Source]) -> tuple[list[PageFile], list[LeftOut]]:
    """(the pages, what is named and is none)."""
    pages: dict[str, PageFile] = {}
    lost: list[LeftOut] = []
    for source in sources:
        found, without = page_files(source.entries, "xml")
        pages.update((page.xml, page) for page in found)
        lost += [*without, *source.missing]
    return list(pages.values()), lost
