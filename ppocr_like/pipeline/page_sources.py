"""The pages that a person means by naming files: one of an image, several of a TIFF or PDF file that holds more."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from ppocr_like.errors import DataError
from ppocr_like.outside import open_regular
from ppocr_like.pipeline.pdf_source import count_pages, pdf_page
from ppocr_like.pipeline.runner import Source
from ppocr_like.transforms.decode import MAX_PIXELS
from ppocr_like.transforms.flatten import DAMAGED, flattened

PDF, TIFF = (".pdf",), (".tif", ".tiff")
LONGEST_NAME = 200  # bytes of a result's name without its endings


@dataclass(frozen=True)
class PageSource:
    """One page.

    Args:
        path: the file.
        number: of the page in it, from 1; None where the file is one image.
        error: why the page, or the whole file where it has no number, cannot be read.
        password: of a PDF that needs one.
    """

    path: str
    number: int | None = None
    error: str = ""
    password: str | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """How the page is called: `path`, or `path#3`."""
        return self.path if self.number is None else f"{self.path}#{self.number}"

    @classmethod
    def named(cls, name: str) -> PageSource:
        """The reverse of `name`; a file that is really called `a#3` wins."""
        path, mark, number = name.rpartition("#")
        return cls(path, int(number)) if mark and number.isdecimal() and not os.path.exists(name) else cls(name)

    def image(self) -> Source:
        """What a model takes: the path of an image, the picture (H, W, 3) uint8 BGR of a page of several.

        Raises:
            DataError: the page cannot be read.
        """
        if self.error:
            raise DataError(self.error)
        if self.number is None:
            return self.path
        if _is(self.path, PDF):
            return pdf_page(self.path, self.number, self.password)
        try:
            return _tiff_page(self.path, self.number)
        except DAMAGED as error:
            raise DataError(f"page {self.number} cannot be read ({error})", self.path) from error


def find_pages(files: Iterable[str], password: str | None = None) -> list[PageSource]:
    """The pages of these files, in order. A file whose pages cannot be counted is one page with an error, and so is what is
    missing at the end of one that is damaged.

    PDF files need pypdfium2 (the extra `pdf`).

    Args:
        files: images, TIFF and PDF files.
        password: of the PDF files that need one.
    """
    return [page for file in files for page in _pages(file, password)]


def _pages(file: str, password: str | None) -> list[PageSource]:
    if not _is(file, PDF + TIFF) or not os.path.isfile(file):
        return [PageSource(file)]
    try:
        return _pages_of_pdf(file, password) if _is(file, PDF) else _pages_of_tiff(file)
    except DataError as error:
        return [PageSource(file, error=str(error))]


def _pages_of_pdf(file: str, password: str | None) -> list[PageSource]:
    there, told = count_pages(file, password)
    pages = [PageSource(file, number, password=password) for number in range(1, there + 1)]
    if told > there:
        missing = f"{file}: says that it has {told:,} pages, but pages {there + 1:,} to {told:,} are not there; it is damaged"
        pages.append(PageSource(file, there + 1, missing))
    return pages


def _pages_of_tiff(file: str) -> list[PageSource]:
    """Directories are followed one by one: a damaged one takes only what follows it along."""
    pages: list[PageSource] = []
    try:
        with open_regular(file) as stream, Image.open(stream) as image:
            while True:
                pages.append(PageSource(file, len(pages) + 1))
                image.seek(len(pages))
    except EOFError:  # the regular end
        return pages if len(pages) > 1 else [PageSource(file)]
    except DAMAGED as error:
        if not pages:
            return [PageSource(file)]  # the decoder says what is wrong with it
        number = len(pages) + 1
        told = f"{file}: page {number} and what may follow cannot be found ({error}); the file is damaged"
        return [*pages, PageSource(file, number, told)]


def _tiff_page(path: str, number: int) -> np.ndarray:
    """Px as they are; 16 bits, bilevel and CMYK pages as 8 bits."""
    with open_regular(path) as stream, Image.open(stream) as image:
        image.seek(number - 1)
        _check_size(image.size, path, number)
        return flattened(image)


def _check_size(size: tuple[int, int], path: str, number: int) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        raise DataError(f"page {number} has {size[0]} x {size[1]} px, more than {MAX_PIXELS}; make it smaller", path)


def _is(path: str, suffixes: tuple[str, ...]) -> bool:
    return os.path.splitext(path)[1].lower() in suffixes


def result_names(pages: Iterable[PageSource]) -> list[str]:
    """For each page a name for its results, unique, the same in every call for the same pages: the file's own without its
    ending, `_p3` for a page of several, a number where that name is taken."""
    names: list[str] = []
    taken: set[str] = set()
    for page in pages:
        names.append(free_name(page.path, "" if page.number is None else f"_p{page.number}", taken))
    return names


def free_name(path: str, mark: str, taken: set[str]) -> str:
    """A name for the results of a file: its own without its ending, `mark`, and a number where that is taken; now it is, too.

    Args:
        path: the file.
        mark: what tells its parts apart.
        taken: names that are given, in lower case: file systems may not tell cases apart.
    """
    stem = _short(re.sub(r"[^\w.-]", "_", Path(path).stem) or "page") + mark
    name, number = stem, 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}_{number}"
    taken.add(name.lower())
    return name


def _short(stem: str) -> str:
    """Without what file systems have no room for once an ending is added."""
    return stem.encode("utf-8", "replace")[:LONGEST_NAME].decode("utf-8", "ignore")
