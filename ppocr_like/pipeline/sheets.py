"""The paper of a page's searchable PDF: a PDF's own page, or an image as it is in its file, as large as it says.

Images are put into PDF pages by img2pdf (the extra `pdf`), which does not compress them anew: JPEG and PNG files as they are,
pages of two colours as CCITT group 4. All others, and all without img2pdf, become JPEG pictures.
"""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

from PIL import Image

from ppocr_like.documents.formats.pdf import DPI, LARGEST, POINTS, Sheet
from ppocr_like.errors import DataError
from ppocr_like.pipeline.page_sources import PageSource
from ppocr_like.pipeline.pdf_source import pdf_dpi, pdf_has_text

BELIEVED = (72.0, 1200.0)  # px per inch
AS_IT_IS = {"JPEG": ("L", "RGB"), "PNG": ("L", "P", "RGB")}  # formats and modes that are kept byte by byte
ORIENTATION = 274  # Exif: 5 and more turn the picture on its side
TURNED_ASIDE = 5
UNKNOWN = (OSError, ValueError, TypeError, SyntaxError, EOFError, Image.DecompressionBombError)  # what Pillow cannot read


def sheet_of(source: PageSource) -> Sheet:
    """The paper of a page that could be read; a new page where its file cannot be used as it is."""
    if _own(source):
        return Sheet(source.path, source.number or 1, page_dpi(source) or (DPI, DPI), password=source.password)
    try:
        with Image.open(source.path) as image:
            image.seek((source.number or 1) - 1)
            dpi = _dpi(image)
            data = _as_it_is(image, source.path)
            aside = _aside(image)
            size = image.size
    except UNKNOWN:
        return Sheet(assumed=True)  # a decoder that Pillow does not know of has read it
    known = dpi or (DPI, DPI)
    bytes_of_page = None if data is None else _page_of(data, _fitting(known, size))
    return Sheet(bytes_of_page, 1, known[::-1] if aside else known, dpi is None)


def page_dpi(source: PageSource) -> tuple[float, float] | None:
    """(across, down) px per inch of a page as it is read: of a PDF as it is rendered, else what the file says, turned by its Exif
    orientation; None where it says nothing that can be believed."""
    try:
        if _own(source):
            dpi = pdf_dpi(source.path, source.number or 1, source.password)
            return dpi, dpi
        with Image.open(source.path) as image:
            image.seek((source.number or 1) - 1)
            known = _dpi(image)
            return known[::-1] if known and _aside(image) else known
    except (*UNKNOWN, DataError):
        return None


def own_text(source: PageSource) -> bool:
    """Whether it is a page of a PDF file that holds text already, seen or not."""
    try:
        return _own(source) and pdf_has_text(source.path, source.number or 1, source.password)
    except DataError:
        return False


def _own(source: PageSource) -> bool:
    """Whether it is a page of a PDF file."""
    return Path(source.path).suffix.lower() == ".pdf" and source.number is not None


def _aside(image: Image.Image) -> bool:
    return bool(image.getexif().get(ORIENTATION, 1) >= TURNED_ASIDE)


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    """(across, down) px per inch that the file says; None where it says nothing that can be believed."""
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    low, high = BELIEVED
    good = all(math.isfinite(value) and low <= round(value) <= high for value in (across, down))
    return (across, down) if good else None


def _as_it_is(image: Image.Image, path: str) -> bytes | None:
    """A file that img2pdf takes without compressing it anew; None where there is none."""
    if image.mode == "1":
        buffer = io.BytesIO()
        image.save(buffer, "TIFF", compression="group4")
        return buffer.getvalue()
    if image.mode in AS_IT_IS.get(image.format or "", ()) and "transparency" not in image.info:
        return Path(path).read_bytes()
    return None


def _page_of(data: bytes, dpi: tuple[float, float]) -> bytes | None:
    """A PDF of one page with the image; None without img2pdf, or where it refuses."""
    img2pdf = _img2pdf()
    if img2pdf is None:
        return None
    layout = img2pdf.get_fixed_dpi_layout_fun(dpi)
    refusals = (
        img2pdf.ImageOpenError,
        img2pdf.UnsupportedColorspaceError,
        img2pdf.JpegColorspaceError,
        img2pdf.AlphaChannelError,
    )
    further = (img2pdf.NegativeDimensionError, img2pdf.ExifOrientationError, img2pdf.PdfTooLargeError, ValueError, OSError)
    try:
        made: bytes = img2pdf.convert(data, layout_fun=layout, rotation=img2pdf.Rotation.ifvalid)
    except (*refusals, *further):
        return None
    return made


def _fitting(dpi: tuple[float, float], size: tuple[int, int]) -> tuple[float, float]:
    """Higher where the page would be larger than PDF programs take."""
    longest = max(size[0] * POINTS / dpi[0], size[1] * POINTS / dpi[1])
    enlarge = max(1.0, longest / LARGEST)
    return dpi[0] * enlarge, dpi[1] * enlarge


def _img2pdf() -> Any | None:
    try:
        import img2pdf
    except ModuleNotFoundError:
        return None
    return img2pdf
