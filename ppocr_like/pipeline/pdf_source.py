"""Pages of PDF files as pictures, through pypdfium2 (the extra `pdf`).

pdfium serves one thread at a time: each function here waits for its turn. Messages are our own, as pdfium keeps one last error
for all calls, which may be that of another file.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ppocr_like.errors import DataError

DPI = 200  # of the rendered pages; text of 10 points is 28 px high then
LONGEST = 5000  # px of a rendered page's longer side, at most: posters are rendered smaller
NOTHING = " \ufffd"  # what stands in a page's text where no character is
_WRONG_PASSWORD, _ENCRYPTION = 4, 5  # of FPDF_GetLastError, where loading failed
_turn = threading.Lock()
Given = ParamSpec("Given")
Result = TypeVar("Result")


def _one_by_one(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Of all threads one is in pdfium."""

    @wraps(function)
    def in_turn(*args: Given.args, **options: Given.kwargs) -> Result:
        with _turn:
            return function(*args, **options)

    return in_turn


@_one_by_one
def count_pages(path: str, password: str | None = None) -> tuple[int, int]:
    """(pages that are there, pages that the file says it has), which are the same unless it lies: then the rest is missing.

    Raises:
        DataError: no usable PDF; it needs a password; it has no pages; pypdfium2 is not installed.
    """
    document = _open(path, password)
    try:
        told = len(document)
        there = told if _loads(document, told) or told == 1 or _loads(document, told - 1) else _last_that_loads(document, told)
        if not there:
            raise DataError(f"says that it has {told:,} pages, and none is there; it is damaged", path)
        return there, told
    finally:
        document.close()


@_one_by_one
def pdf_page(path: str, number: int, password: str | None = None) -> np.ndarray:
    """(H, W, 3) uint8 BGR of page `number`, from 1.

    Raises:
        DataError: see `count_pages`; this page is damaged.
    """
    import pypdfium2

    document = _open(path, password)
    try:
        page = document[number - 1]
        return np.ascontiguousarray(
            page.render(scale=_dpi_of(page) / 72, rev_byteorder=False, prefer_bgrx=False).to_numpy()[:, :, :3]
        )
    except (pypdfium2.PdfiumError, ValueError, ArithmeticError, LookupError, MemoryError) as error:
        raise DataError(f"page {number} is damaged and cannot be drawn", path) from error
    finally:
        document.close()


@_one_by_one
def pdf_dpi(path: str, number: int, password: str | None = None) -> float:
    """Px per inch at which `pdf_page` renders page `number`, from 1.

    Raises:
        DataError: see `pdf_page`.
    """
    import pypdfium2

    document = _open(path, password)
    try:
        return _dpi_of(document[number - 1])
    except (pypdfium2.PdfiumError, IndexError) as error:
        raise DataError(f"page {number} is damaged and cannot be drawn", path) from error
    finally:
        document.close()


@_one_by_one
def pdf_has_text(path: str, number: int, password: str | None = None) -> bool:
    """Whether page `number`, from 1, holds text that can be found, seen or not. Glyphs whose character is not known do not
    count, and a page that cannot be read holds none.

    Raises:
        DataError: see `count_pages`.
    """
    import pypdfium2

    document = _open(path, password)
    try:
        text = document[number - 1].get_textpage().get_text_range()
        return any(character.isprintable() and character not in NOTHING for character in text)
    except (pypdfium2.PdfiumError, IndexError):
        return False
    finally:
        document.close()


def _dpi_of(page: Any) -> float:
    longest = max(page.get_size()) * DPI / 72
    return DPI * min(1.0, LONGEST / max(longest, 1.0))


def _last_that_loads(document: Any, told: int) -> int:
    """How many pages from the first on there are, as far as the last of them tells."""
    low, high = 0, told
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _loads(document, middle) else (low, middle - 1)
    return low


def _loads(document: Any, number: int) -> bool:
    import pypdfium2

    try:
        document[number - 1].close()
    except (pypdfium2.PdfiumError, IndexError):
        return False
    return True


def _open(path: str, password: str | None) -> Any:
    try:
        import pypdfium2
        from pypdfium2 import raw
    except ModuleNotFoundError as error:
        raise DataError("PDF needs pypdfium2, which is not installed: pip install pypdfium2", path) from error
    secret = None if password is None else ctypes.c_char_p(password.encode("utf-8", "surrogateescape"))
    document = raw.FPDF_LoadDocument(os.fsencode(path), secret)
    if not document:
        code = raw.FPDF_GetLastError()
        if code == _WRONG_PASSWORD:
            wrong = "needs a password: give it with --password" if password is None else "has another password than the one given"
            raise DataError(wrong, path)
        if code == _ENCRYPTION:
            raise DataError("is encrypted in a way that cannot be read here; save it without encryption", path)
        raise DataError("no usable PDF: it is damaged, or something else under that name", path)
    if raw.FPDF_GetPageCount(document) < 1:
        raw.FPDF_CloseDocument(document)
        raise DataError("no usable PDF: it has no pages", path)
    return pypdfium2.PdfDocument(document)
