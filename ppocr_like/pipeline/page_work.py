"""What is done with one page: it is read and its files are written, in this process or in another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ppocr_like.documents.page import Page
from ppocr_like.errors import DataError
from ppocr_like.pipeline.ink import unread_print
from ppocr_like.pipeline.ocr import OCR, PageResult
from ppocr_like.pipeline.page_files import SKIP, PageFiles
from ppocr_like.pipeline.page_sources import PageSource
from ppocr_like.pipeline.sheets import page_dpi
from ppocr_like.printable import one_line


@dataclass(frozen=True)
class Job:
    """A page to be read, and how its files are called."""

    page: PageSource
    name: str


@dataclass(frozen=True)
class Done:
    """What became of a page.

    Args:
        error: why it could not be read, with its name; then the rest is empty.
        lines: of text on it.
        written: its files.
        said: lines for the person who waits.
        notes: where far less was found than there is to be seen.
        kept: whether it is a page of a PDF file that stays as it is in the searchable PDF.
    """

    error: str = ""
    lines: int = 0
    written: tuple[Path, ...] = ()
    said: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    kept: bool = False


class PageWork:
    """Reads pages and writes their files.

    Args:
        ocr: the models.
        folder, kinds, font, pdf_text: see `PageFiles`.
        languages: of the text (BCP 47).

    Raises:
        DataError: `font` is no font.
    """

    def __init__(
        self,
        ocr: OCR,
        folder: Path,
        kinds: Sequence[str],
        font: str | Path | None = None,
        pdf_text: str = SKIP,
        languages: Sequence[str] = (),
    ) -> None:
        self.ocr, self.languages = ocr, tuple(languages)
        self._said: list[str] = []
        self._files = PageFiles(folder, kinds, ocr, font, pdf_text, self._said.append)

    def __call__(self, job: Job) -> Done:
        """Reads a page and writes its files.

        Raises:
            DataError: one cannot be written.
        """
        return self.finish(job, self.ocr.read(job.page))

    def finish(self, job: Job, result: PageResult) -> Done:
        """Writes the files of a page that was read.

        Raises:
            DataError: one cannot be written.
        """
        if result.page is None or result.picture is None:
            return Done(job.page.error or result.error)
        page = replace(result.page, dpi=page_dpi(job.page), languages=self.languages)
        kept = self._files.kept
        written = self._files.write(job.name, job.page, replace(result, page=page))
        said = [*self._said, f"{one_line(job.page.name)}\t{len(page.lines)} lines"]
        self._said.clear()
        return Done("", len(page.lines), tuple(written), tuple(said), _notes(page, result.picture), self._files.kept > kept)


def _notes(page: Page, picture: np.ndarray) -> tuple[str, ...]:
    unread = unread_print(picture, [line.points for line in (*page.lines, *page.left_out)])
    return (one_line(f"{page.source}: {unread}"),) if unread else ()


def refused(page: PageSource, told: str) -> Done:
    """A page of which nothing came."""
    return Done(str(DataError(told, page.name)))
