"""The files that are written of a page that was read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ppocr_like.atomic import write_bytes
from ppocr_like.documents.formats.pdf import DPI, Sheet, write_pdf
from ppocr_like.documents.formats.table import FORMATS
from ppocr_like.documents.page import Page
from ppocr_like.draw.fonts import FontFile, choose_font
from ppocr_like.errors import CheckpointError, DataError
from ppocr_like.pipeline.ocr import OCR, PageResult
from ppocr_like.pipeline.page_sources import PageSource
from ppocr_like.pipeline.review import review_picture
from ppocr_like.pipeline.sheets import own_text, sheet_of

PICTURE, PDF = "picture", "pdf"
KINDS = (*FORMATS, PICTURE)
SKIP, ADD = "skip", "add"  # what becomes of PDF pages that have text of their own
QUALITY = 88  # of the JPEG pictures


class PageFiles:
    """Writes the files of pages.

    Args:
        folder: for the files.
        kinds: of KINDS.
        ocr: whose characters the pictures' font must have.
        font: font file for the pictures; None finds one.
        pdf_text: of PDF pages that have text of their own, in a searchable PDF: `skip` leaves them as they are, `add` lays what
            was read over it all the same (it is found twice then).
        say: gets a line for each page whose size is not known.

    Raises:
        DataError: `font` is no font.
    """

    def __init__(
        self,
        folder: Path,
        kinds: Sequence[str],
        ocr: OCR,
        font: str | Path | None = None,
        pdf_text: str = SKIP,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.folder, self.kinds, self.pdf_text, self.say = folder, kinds, pdf_text, say
        self.kept = 0  # pages that were left as they are
        self._paint = _painter(ocr, font) if PICTURE in kinds else None

    def write(self, name: str, source: PageSource, result: PageResult) -> list[Path]:
        """The files of a page that could be read, called `name`.

        Raises:
            DataError: one cannot be written.
        """
        page, picture = result.page, result.picture
        assert page is not None and picture is not None
        written = []
        for kind in self.kinds:
            path = self.folder / file_name(name, kind)
            if kind == PICTURE:
                assert self._paint is not None
                content = self._paint(page, picture)
            elif kind == PDF:
                content = write_pdf(page, picture, self._sheet(source))
            else:
                content = FORMATS[kind].write(page, picture)
            save(path, content)
            written.append(path)
        return written

    def _sheet(self, source: PageSource) -> Sheet:
        sheet = sheet_of(source)
        if sheet.assumed:
            self.say(f"{source}: does not say its size in dpi (72 to 1,200 are believed); its PDF page is made for {DPI:.0f}")
        if self.pdf_text == SKIP and own_text(source):
            self.kept += 1
            return replace(sheet, has_text=True)
        return sheet


def kept_note(kept: int) -> str:
    """Tells of so many pages that were left as they are."""
    count = "1 page has" if kept == 1 else f"{kept} pages have"
    told = "text of their own and stay as they are in the searchable PDF; what was read there is in the other formats alone"
    return f"{count} {told}. --pdf-text {ADD} with --overwrite lays it over them all the same"


def file_name(name: str, kind: str) -> str:
    """Of the file of that kind of a page."""
    return f"{name}{'.jpg' if kind == PICTURE else FORMATS[kind].suffix}"


def result_files(names: Sequence[str], kinds: Sequence[str]) -> list[str]:
    """Names of the files of these pages."""
    return [file_name(name, kind) for name in names for kind in kinds]


def save(path: Path, content: bytes) -> None:
    """Writes a file as a whole.

    Raises:
        DataError: it cannot be written.
    """
    try:
        write_bytes(path, content)
    except CheckpointError as error:
        raise DataError(f"{error}; the pages read so far are kept, and the same call goes on with the rest") from error


def _painter(ocr: OCR, font: str | Path | None) -> Callable[[Page, np.ndarray], bytes]:
    charset = ocr.recogniser.spec.charset
    chosen: FontFile = choose_font(charset.keys if charset is not None else (), font)

    def paint(page: Page, picture: np.ndarray) -> bytes:
        drawn = review_picture(page, picture, chosen.size)
        done, data = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        if not done:
            raise DataError(f"a picture of {picture.shape[1]} x {picture.shape[0]} px cannot be written", page.source)
        return data.tobytes()

    return paint
