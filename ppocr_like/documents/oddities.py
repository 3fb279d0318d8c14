"""What is odd about the lines of a page, although they can be used: for people who look after a data set."""

from __future__ import annotations

import unicodedata

import numpy as np

from ppocr_like.documents.page import Line, Page, frame_of
from ppocr_like.geometry import outline_fault

LONGEST = 10_000  # characters
WHOLE = 0.95  # of the page's width and height, from which an outline is that of the page


def oddities(page: Page) -> list[str]:
    """A sentence for each, in the order of the lines; lines are told by their ids."""
    return [f"line {line.id}: {what}" for line in page.lines for what in (*_of_place(line, page), *_of_text(line.text))]


def _of_place(line: Line, page: Page) -> list[str]:
    found = []
    size = np.array([page.width, page.height], float)
    if line.baseline is not None:
        along = line.baseline[-1] - line.baseline[0]
        if line.turned == 0 and along[0] < 0 and abs(along[0]) > abs(along[1]):
            found.append("its baseline runs from the right to the left")
        if size.all() and ((line.baseline < 0) | (line.baseline > size)).any():
            found.append("its baseline leaves the page")
    if not line.outlined:
        return [*found, "it has a baseline and no outline"]
    left, top, right, bottom = frame_of(line.points)
    if size.all():
        if min(left, top) < 0 or right > size[0] or bottom > size[1]:
            found.append("its outline leaves the page")
        if right - left >= WHOLE * size[0] and bottom - top >= WHOLE * size[1]:
            found.append("its outline is the whole page")
    fault = outline_fault(line.points)
    return [*found, f"its outline has {fault}"] if fault else found


def _of_text(text: str) -> list[str]:
    found = []
    if text and text.isspace():
        found.append("its text is nothing but blanks")
    if len(text) >= LONGEST:
        found.append(f"its text has {len(text):,} characters")
    if "\ufffd" in text:
        found.append("its text holds U+FFFD, which stands for a character that was lost")
    if text and unicodedata.combining(text[0]):
        found.append(f"its text begins with a combining mark, U+{ord(text[0]):04X}, without a letter before it")
    return found
