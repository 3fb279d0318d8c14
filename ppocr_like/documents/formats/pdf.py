"""PDF with a page as it is and its text over it, not seen but found and copied. Needs pypdf (the extra `pdf`).

The text is set in a font without any outline (as Tesseract's and OCRmyPDF's searchable files do), so that any character can be
written, whether there is a font for it or not.
"""

from __future__ import annotations

import base64
import io
import logging
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from ppocr_like.documents.formats.pdf_text import ADVANCE, FONT, text_rows
from ppocr_like.documents.page import Page
from ppocr_like.errors import OcrError
from ppocr_like.printable import printable

logger = logging.getLogger("ppocr_like")
POINTS = 72  # of an inch
DPI = 300.0  # of images that do not say how large they are
LARGEST = 14_400.0  # points: the longest side that PDF programs take
QUALITY = 85  # of the JPEG picture
# A TrueType font whose only glyph is empty and half as wide as high, made with fontTools' FontBuilder; deflated, base 85.
GLYPHLESS = (
    "c-oavy-LJD7@SSwor-89Vqp=)!a@|T5DP&;u{`0lKbJEm2l?YnAa<4(3Rn3M;saP%So#)PSoi>EYn<Jz2X|`WEc<0<*i0r10bm-Ju;CsaZ8Y{@_WFQWrF+teWQ"
    "rLaP+wE8`QgPGG{mDCfhSMf3%jr6_uQKS4SQLvlfQAV1W{Iqfj)o5;e<&?n)e@+j%1O-;)0l@c4HZN$G111)KAn!nw)3sMOa%Z52`EoT_Z2rbK4)V?RWeQTP0V"
    "Yqi{=RRBb9}1mZi}!1|dc2BMD%IQS=a2os?@*e;&Oj<~~SmhKJAa|-=*u&90As4Vp!ZC^vvI0E(IUs&XI!)w}SqBBKjmaF0x*^=Qk<u{Wo=*E7_^Yc*ln42I&f"
    "G%SAXu;#m5kjK(%MFd+D82xOUObo"
)
CMAP = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
{ranges}
endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


@dataclass(frozen=True)
class Sheet:
    """The paper a page's text is laid over.

    Args:
        file: a PDF file or its bytes, whose page stays as it is; None: a new page with the picture.
        number: of the page in it, from 1.
        dpi: px per inch across and down, of a new page.
        assumed: the image does not say its dpi.
        password: of a file that needs one; the new one needs none.
        has_text: the file's page has text of its own and stays as it is; nothing is laid over it.
    """

    file: str | bytes | None = None
    number: int = 1
    dpi: tuple[float, float] = (DPI, DPI)
    assumed: bool = False
    password: str | None = field(default=None, repr=False)
    has_text: bool = False


def write_pdf(page: Page, picture: np.ndarray, sheet: Sheet = Sheet()) -> bytes:
    """One page with invisible text, each word stretched over the place where it was read, whichever way it runs. A page that
    `has_text` stays as it is; where it cannot be kept, its picture gets the text that was read.

    Raises:
        OcrError: pypdf is not installed.
    """
    pdf = _pypdf()
    writer = pdf.PdfWriter()
    put = _Objects(writer, pdf)
    paper = _own_page(pdf, writer, sheet, page.source) if sheet.file is not None else None
    kept = paper is not None
    if paper is None:
        paper = _new_page(pdf, writer, put, picture, sheet, page.source)
    if not (kept and sheet.has_text):
        _lay_over(pdf, put, paper, page)
    writer.add_metadata({"/Title": printable(os.path.basename(page.source))})
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def _own_page(pdf: Any, writer: Any, sheet: Sheet, source: str) -> Any | None:
    """The page of the file that was read, in `writer`; None, said, where pypdf cannot read it."""
    assert sheet.file is not None
    try:
        file = io.BytesIO(sheet.file) if isinstance(sheet.file, bytes) else sheet.file
        reader = pdf.PdfReader(file, password=sheet.password)
        return writer.add_page(reader.pages[sheet.number - 1])
    except (pdf.errors.PyPdfError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        logger.warning("%s: its own page cannot be kept (%s); the PDF gets a picture of it", source, error)
        return None


def _new_page(pdf: Any, writer: Any, put: _Objects, picture: np.ndarray, sheet: Sheet, source: str) -> Any:
    """A page as large as the picture, which fills it; gray pictures stay gray.

    Raises:
        OcrError: OpenCV refuses the picture.
    """
    height, width = picture.shape[:2]
    gray = (
        picture.ndim == 3
        and bool(np.array_equal(picture[:, :, 0], picture[:, :, 1]))
        and bool(np.array_equal(picture[:, :, 1], picture[:, :, 2]))
    )
    done, jpeg = cv2.imencode(".jpg", picture[:, :, 0] if gray else picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise OcrError(f"{source}: a picture of {width} x {height} px cannot be written")
    shrink = min(1.0, LARGEST / max(width * POINTS / sheet.dpi[0], height * POINTS / sheet.dpi[1], 1.0))
    across, down = width * POINTS / sheet.dpi[0] * shrink, height * POINTS / sheet.dpi[1] * shrink
    paper = writer.add_blank_page(across, down)
    image = {
        "Type": "/XObject", "Subtype": "/Image", "Filter": "/DCTDecode", "BitsPerComponent": 8, "Width": width, "Height": height,
        "ColorSpace": "/DeviceGray" if gray else "/DeviceRGB",
    }  # fmt: skip
    name = pdf.generic.NameObject
    paper[name("/Resources")] = put.plain({"XObject": {"picture": put.stream(jpeg.tobytes(), image)}})
    paper[name("/Contents")] = put.deflated(f"{across:.3f} 0 0 {down:.3f} 0 0 cm /picture Do".encode())
    return paper


def _lay_over(pdf: Any, put: _Objects, paper: Any, page: Page) -> None:
    """The page's text over what stands on the paper, whose own content is only put in brackets (q, Q)."""
    codes: dict[str, int] = {}
    rows = [f"q {_placed(paper, page)} cm BT 3 Tr"]  # 3: neither filled nor stroked
    rows += [row for line in page.lines for row in text_rows(line, page.height, codes)]
    text = put.deflated("\n".join([*rows, "ET Q"]).encode())
    name, array = pdf.generic.NameObject, pdf.generic.ArrayObject
    own = paper.get("/Contents")
    own = own.get_object() if own is not None else None
    streams = list(own) if isinstance(own, array) else [paper.raw_get("/Contents")] if own is not None else []
    paper[name("/Contents")] = array(
        [put.stream(b"q\n", {}), *streams, put.stream(b"\n" + _open_brackets(pdf, paper) * b"Q ", {}), text]
    )
    resources = pdf.generic.DictionaryObject(paper.get("/Resources", pdf.generic.DictionaryObject()).get_object())
    fonts = pdf.generic.DictionaryObject(resources.get("/Font", pdf.generic.DictionaryObject()).get_object())
    fonts[name(FONT)] = _font(put, codes)
    resources[name("/Font")] = fonts
    paper[name("/Resources")] = resources


def _open_brackets(pdf: Any, paper: Any) -> int:
    """How many q of the page's content have no Q, and the one that is put before it."""
    try:
        content = paper.get_contents()
        operators = [operator for _, operator in content.operations] if content is not None else []
    except (pdf.errors.PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return 1
    return 1 + max(0, operators.count(b"q") - operators.count(b"Q"))


def _placed(paper: Any, page: Page) -> str:
    """From px of the page, as it is shown (cropped and turned), upwards, to the paper's own points: the numbers of `cm`."""
    crop, media = paper.cropbox, paper.mediabox
    left, bottom = max(float(crop.left), float(media.left)), max(float(crop.bottom), float(media.bottom))
    right, top = min(float(crop.right), float(media.right)), min(float(crop.top), float(media.top))
    wide, high = max(page.width, 1), max(page.height, 1)
    numbers = {
        0: ((right - left) / wide, 0, 0, (top - bottom) / high, left, bottom),
        90: (0, (top - bottom) / wide, -(right - left) / high, 0, right, bottom),
        180: (-(right - left) / wide, 0, 0, -(top - bottom) / high, right, top),
        270: (0, -(top - bottom) / wide, (right - left) / high, 0, left, top),
    }[round((paper.rotation or 0) / 90) * 90 % 360]
    return " ".join(f"{number:.6f}" for number in numbers)


def join_pdf(pages: Sequence[bytes]) -> bytes:
    """The pages of several PDF files, in order, in one; what they have in common stands in it once.

    Raises:
        OcrError: pypdf is not installed.
    """
    writer = _pypdf().PdfWriter()
    for page in pages:
        writer.append(io.BytesIO(page))
    writer.compress_identical_objects()
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def _font(put: _Objects, codes: dict[str, int]) -> Any:
    """A font of two-byte codes, each drawn as the one empty glyph, with the table from codes to characters."""
    maps = [f"<{code:04X}> <{character.encode('utf-16-be', 'replace').hex().upper()}>" for character, code in codes.items()]
    runs = [maps[i : i + 100] for i in range(0, len(maps), 100)]  # at most 100 in one go (Adobe's note 5014)
    ranges = "\n".join(f"{len(run)} beginbfchar\n" + "\n".join(run) + "\nendbfchar" for run in runs)
    file = zlib.decompress(base64.b85decode(GLYPHLESS))
    descriptor = {
        "Type": "/FontDescriptor",
        "FontName": "/Nothing",
        "Flags": 4,  # its own characters
        "FontBBox": [0, -200, 500, 800],
        "ItalicAngle": 0,
        "Ascent": 800,
        "Descent": -200,
        "CapHeight": 800,
        "StemV": 80,
        "FontFile2": put.stream(file, {"Length1": len(file)}),
    }
    inner = {
        "Type": "/Font",
        "Subtype": "/CIDFontType2",
        "BaseFont": "/Nothing",
        "CIDSystemInfo": {"Registry": b"Adobe", "Ordering": b"Identity", "Supplement": 0},
        "FontDescriptor": put.reference(descriptor),
        "DW": int(1000 * ADVANCE),
        "CIDToGIDMap": put.deflated(bytes(2 * (len(codes) + 1))),
    }
    outer = {
        "Type": "/Font",
        "Subtype": "/Type0",
        "BaseFont": "/Nothing",
        "Encoding": "/Identity-H",
        "DescendantFonts": [put.reference(inner)],
        "ToUnicode": put.deflated(CMAP.format(ranges=ranges).encode()),
    }
    return put.reference(outer)


class _Objects:
    """Plain values as objects of a PDF file: a text with "/" in front is a name, bytes are a string."""

    def __init__(self, writer: Any, pdf: Any) -> None:
        self.writer, self.types = writer, pdf.generic

    def plain(self, value: Any) -> Any:
        types = self.types
        if isinstance(value, dict):
            return types.DictionaryObject({types.NameObject(f"/{key}"): self.plain(item) for key, item in value.items()})
        if isinstance(value, list):
            return types.ArrayObject([self.plain(item) for item in value])
        if isinstance(value, bytes):
            return types.TextStringObject(value.decode("ascii"))
        if isinstance(value, str):
            return types.NameObject(value)
        return types.NumberObject(value) if isinstance(value, int) else value

    def reference(self, value: dict[str, Any]) -> Any:
        """To an object of its own."""
        return self.writer._add_object(self.plain(value))

    def stream(self, data: bytes, entries: dict[str, Any]) -> Any:
        """Bytes as they are, with the entries of their dictionary."""
        stream = self.types.StreamObject()
        stream.set_data(data)
        stream.update(self.plain(entries))
        return self.writer._add_object(stream)

    def deflated(self, data: bytes) -> Any:
        """Bytes, compressed."""
        return self.stream(zlib.compress(data, 9), {"Filter": "/FlateDecode"})


def _pypdf() -> Any:
    try:
        import pypdf
    except ModuleNotFoundError as error:
        raise OcrError("PDF needs pypdf, which is not installed: pip install pypdf") from error
    return pypdf
