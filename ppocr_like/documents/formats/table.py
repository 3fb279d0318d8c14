"""The formats that pages are written in, by name. `txt` and `json` stand here themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ppocr_like.documents.formats.alto import write_alto
from ppocr_like.documents.formats.hocr import write_hocr
from ppocr_like.documents.formats.page_xml import write_page_xml
from ppocr_like.documents.formats.pdf import write_pdf
from ppocr_like.documents.page import Page
from ppocr_like.documents.plain import json_text

Writer = Callable[[Page, np.ndarray], bytes]


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Args:
        suffix: of the file's name, with its dot.
        write: (page, picture (H, W, 3) uint8 BGR) -> the file's content.
        what: a few words for help texts.
    """

    suffix: str
    write: Writer
    what: str


def text(page: Page, picture: np.ndarray) -> bytes:
    """The lines in reading order, UTF-8, each closed by a line feed."""
    return f"{page.text}\n".encode() if page.lines else b""


def as_json(page: Page, picture: np.ndarray) -> bytes:
    """`Page.as_dict`."""
    return json_text(page.as_dict()).encode(errors="backslashreplace")


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "txt": Format(".txt", text, "the text"),
        "json": Format(".json", as_json, "lines with outlines, characters with places, confidences"),
        "page": Format(".page.xml", write_page_xml, "PAGE XML (2019-07-15)"),
        "alto": Format(".alto.xml", write_alto, "ALTO XML 4"),
        "hocr": Format(".hocr", write_hocr, "hOCR 1.2"),
        "pdf": Format(".pdf", write_pdf, "the picture with the text under it, to be searched (needs pypdf)"),
    }
)
