"""What the XML formats have in common: text that XML can hold, px as whole numbers, the file as bytes."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np

from ppocr_like.documents.page import Page, frame_of

PROGRAM = "ppocr_like"
# What XML 1.0 cannot hold, not even escaped (section 2.2): most control characters, lone surrogates, U+FFFE and U+FFFF.
_IMPOSSIBLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def possible(text: str) -> str:
    """The text with U+FFFD for characters that XML cannot hold."""
    return _IMPOSSIBLE.sub("\ufffd", text)


def whole(points: np.ndarray, page: Page) -> list[tuple[int, int]]:
    """Points (P, 2) as whole px within the page; of one whose size is not known, from 0 on."""
    inside = np.clip(np.rint(np.asarray(points, float)), 0, [page.width or np.inf, page.height or np.inf]).astype(int)
    return [(int(x), int(y)) for x, y in inside]


def pairs(points: np.ndarray, page: Page) -> str:
    """`x,y x,y ...`."""
    return " ".join(f"{x},{y}" for x, y in whole(points, page))


def box(points: np.ndarray, page: Page) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) whole px within the page."""
    left, top, right, bottom = frame_of(np.array(whole(points, page)))
    return int(left), int(top), int(right), int(bottom)


def document(root: ElementTree.Element, doctype: str = "") -> bytes:
    """UTF-8 with its declaration, indented."""
    ElementTree.indent(root, " ")
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{doctype}{body}\n'.encode()
