"""The pages that a person means by naming files: one of an image, several of a TIFF or PDF file that holds more."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from ppocr_like.errors import DataError
from ppocr_like.pipeline.runner import Source
from ppocr_like.transforms.decode import MAX_PIXELS

PDF, TIFF = (".pdf",), (".tif", ".tiff")
DPI = 200  # of a PDF's pages; text of 10 points is 28 px high then
_UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    SyntaxError,
    EOFError,
    RuntimeError,
    Image.DecompressionBombError,
)  # of damaged files
LONGEST_NAME = 200  # bytes of a result's name without its endings
LONGEST = 5000  # px of a rendered page's longer side, at most: posters are rendered smaller


@dataclass(frozen=True)
class PageSource:
    """One page.

    Args:
        path: the file.
        number: of the page in it, from 1; None where the file is one image.
        error: why the file's pages are not known; then this stands for the whole file.
    """

    path: str
    number: int | None = None
    error: str = ""

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
        if self.number is None:
            return self.path
        try:
            return _pdf_page(self.path, self.number) if _is(self.path, PDF) else _tiff_page(self.path, self.number)
        except _UNREADABLE as error:
            raise DataError(f"page {self.number} cannot be read ({error})", self.path) from error


def find_pages(files: Iterable[str]) -> list[PageSource]:
    """The pages of these files, in order. A file whose pages cannot be counted is one page with an error.

    PDF files need pypdfium2 (the extra `pdf`).
    """
    return [page for file in files for page in _pages(file)]


def _pages(file: str) -> list[PageSource]:
    if not _is(file, PDF + TIFF) or not os.path.isfile(file):
        return [PageSource(file)]
    try:
        if _is(file, PDF):
            document = _open_pdf(file)
            count = len(document)
            document.close()
            return [PageSource(file, number) for number in range(1, count + 1)]
        with Image.open(file) as image:
            count = getattr(image, "n_frames", 1)
        return [PageSource(file, number) for number in range(1, count + 1)] if count > 1 else [PageSource(file)]
    except DataError as error:
        return [PageSource(file, error=str(error))]
    except UnidentifiedImageError:
        return [PageSource(file)]  # the decoder says what is wrong with it
    except _UNREADABLE as error:
        return [PageSource(file, error=f"{file}: its pages cannot be counted ({error})")]


def _tiff_page(path: str, number: int) -> np.ndarray:
    """Px as they are; 16 bits, bilevel and CMYK pages as 8 bits."""
    with Image.open(path) as image:
        image.seek(number - 1)
        _check_size(image.size, path, number)
        if image.mode.startswith("I;16") or image.mode == "I":
            values = np.asarray(image).astype(np.float64)
            gray = np.clip(values / 257.0, 0, 255).astype(np.uint8)
            return cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
        if image.mode in ("RGBA", "LA", "PA"):
            paper = Image.new("RGBA", image.size, "white")
            return _bgr(Image.alpha_composite(paper, image.convert("RGBA")))
        return _bgr(image)


def _bgr(image: Image.Image) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])


def _pdf_page(path: str, number: int) -> np.ndarray:
    document = _open_pdf(path)
    try:
        page = document[number - 1]
        longest = max(page.get_size()) * DPI / 72
        scale = DPI / 72 * min(1.0, LONGEST / max(longest, 1.0))
        return np.ascontiguousarray(page.render(scale=scale, rev_byteorder=False, prefer_bgrx=False).to_numpy()[:, :, :3])
    finally:
        document.close()


def _open_pdf(path: str) -> Any:
    try:
        import pypdfium2
    except ModuleNotFoundError as error:
        raise DataError("PDF needs pypdfium2, which is not installed: pip install pypdfium2", path) from error
    try:
        return pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise DataError(f"no usable PDF ({error})", path) from error


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
