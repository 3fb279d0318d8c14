"""PDF with the page's picture and its text over it, not seen but found and copied. Needs pypdf (the extra `pdf`).

The text is set in a font without any outline (as Tesseract's and OCRmyPDF's searchable files do), so that any character can be
written, whether there is a font for it or not.
"""

from __future__ import annotations

import base64
import io
import os
import zlib
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from ppocr_like.documents.page import Page
from ppocr_like.documents.pdf_text import ADVANCE, text_rows
from ppocr_like.errors import OcrError
from ppocr_like.printable import printable

LONGER_SIDE = 842.0  # points: that of A4; how large the paper was is not known
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


def write_pdf(page: Page, picture: np.ndarray) -> bytes:
    """One page with invisible text, each word stretched over the place where it was read, whichever way it runs.

    Raises:
        OcrError: pypdf is not installed.
    """
    pdf = _pypdf()
    scale = LONGER_SIDE / max(page.width, page.height, 1)
    width, height = page.width * scale, page.height * scale
    done, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise OcrError(f"{page.source}: a picture of {picture.shape[1]} x {picture.shape[0]} px cannot be written")
    codes: dict[str, int] = {}
    rows = [f"q {width:.3f} 0 0 {height:.3f} 0 0 cm /picture Do Q"]
    rows += [f"q {scale:.6f} 0 0 {scale:.6f} 0 0 cm BT 3 Tr"]  # 3: neither filled nor stroked
    rows += [row for line in page.lines for row in text_rows(line, page.height, codes)]
    rows.append("ET Q")
    writer = pdf.PdfWriter()
    sheet = writer.add_blank_page(width, height)
    size = picture.shape[1], picture.shape[0]
    image = {"Type": "/XObject", "Subtype": "/Image", "ColorSpace": "/DeviceRGB", "Filter": "/DCTDecode", "BitsPerComponent": 8}
    put = _Objects(writer, pdf)
    resources = {
        "XObject": {"picture": put.stream(jpeg.tobytes(), {**image, "Width": size[0], "Height": size[1]})},
        "Font": {"words": _font(put, codes)},
    }
    sheet[pdf.generic.NameObject("/Resources")] = put.plain(resources)
    sheet[pdf.generic.NameObject("/Contents")] = put.deflated("\n".join(rows).encode())
    writer.add_metadata({"/Title": printable(os.path.basename(page.source))})
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def join_pdf(pages: Sequence[bytes]) -> bytes:
    """The pages of several PDF files, in order, in one.

    Raises:
        OcrError: pypdf is not installed.
    """
    writer = _pypdf().PdfWriter()
    for page in pages:
        writer.append(io.BytesIO(page))
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
