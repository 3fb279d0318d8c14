"""Results as a folder for PPOCRLabel, in which a person corrects them: `Label.txt` beside the images it tells of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from ppocr_like.atomic import atomic_write, write_bytes
from ppocr_like.documents.formats.paddle import write_for_correction
from ppocr_like.documents.page import Page
from ppocr_like.errors import CheckpointError, DataError
from ppocr_like.outputs import claim
from ppocr_like.pipeline.page_sources import PageSource, result_names
from ppocr_like.report.bad_cases import page_picture

LABELS = "Label.txt"


@dataclass(frozen=True)
class Corrections:
    """What was written: `folder`, its pages and lines, pages left out (`sure`: every line certain enough; `gone`: why,
    with the name)."""

    folder: str
    pages: int
    lines: int
    sure: int
    gone: tuple[str, ...]

    def text(self) -> str:
        """For people."""
        rows = [f"{self.folder}: {self.pages} pages with {self.lines} lines to be corrected in PPOCRLabel"]
        if self.sure:
            rows.append(f"  left out: {self.sure} pages whose lines are all certain enough")
        rows += [f"  left out, the image cannot be used: {why}" for why in self.gone]
        rows.append(f"  then: python tools/convert_data.py ppocrlabel {self.folder} --confirmed --task rec --out corrected.txt")
        return "\n".join(rows)


def write_corrections(
    pages: Sequence[Page], out: str, below: float = 1.01, *, overwrite: bool = False, password: str | None = None
) -> Corrections:
    """Copies the images and writes their boxes and texts, the page with the least certain line first.

    Lines that the confidence filter left out are written too: they are what needs a person most.

    Args:
        pages: what was read.
        out: folder, made when missing.
        below: take pages with a line less certain than this.
        overwrite: replace a `Label.txt` that is there, with whatever was corrected in it.
        password: of the PDF files that need one.

    Raises:
        DataError: a `Label.txt` is there; nothing to write; the folder cannot be written.
    """
    folder = Path(out)
    if (folder / LABELS).exists() and not overwrite:
        raise DataError(f"there is a {LABELS}, perhaps with corrections; choose another folder, or --force", out)
    worst = {id(page): min((line.confidence for line in (*page.lines, *page.left_out)), default=1.0) for page in pages}
    chosen = sorted((page for page in pages if worst[id(page)] < below), key=lambda page: worst[id(page)])
    rows, gone, lines = [], [], 0
    try:
        claim(_results(chosen, folder), (PageSource.named(page.source).path for page in pages), advice="choose another --out")
        for page, name in zip(chosen, result_names(PageSource.named(page.source) for page in chosen), strict=True):
            try:
                file = _copy(page, folder, name, password)
            except DataError as error:
                gone.append(str(error))
                continue
            found = (*page.lines, *page.left_out)
            lines += len(found)
            rows.append(f"{folder.resolve().name}/{file}\t{write_for_correction(found)}\n")
        if not rows:
            told = f"no page has a line less certain than {below}" if not gone else f"no image can be used ({gone[0]})"
            raise DataError(f"nothing to correct: {told}", out)
        atomic_write(folder / LABELS, lambda stream: stream.write("".join(rows).encode()))
    except CheckpointError as error:
        raise DataError(str(error), out) from error
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror or error})", out) from error
    return Corrections(out, len(rows), lines, len(pages) - len(chosen), tuple(gone))


def _results(pages: Sequence[Page], folder: Path) -> list[Path]:
    """What may be written: `Label.txt`, and for each page a copy of its file or a PNG."""
    sources = [PageSource.named(page.source) for page in pages]
    names = zip(result_names(sources), sources, strict=True)
    return [folder / LABELS, *(folder / (name + suffix) for name, s in names for suffix in (Path(s.path).suffix, ".png"))]


def _copy(page: Page, folder: Path, name: str, password: str | None) -> str:
    """The image's name in the folder: a copy of the file, a PNG of a page of several.

    Raises:
        DataError: it cannot be read, or has changed.
    """
    picture = page_picture(page, password)
    if os.path.exists(page.source):
        file = name + Path(page.source).suffix
        with open(page.source, "rb") as source:
            atomic_write(folder / file, lambda stream: shutil.copyfileobj(source, stream), sync=False)
        return file
    done, data = cv2.imencode(".png", picture)
    if not done:
        raise DataError(f"a picture of {page.width} x {page.height} px cannot be written", page.source)
    write_bytes(folder / f"{name}.png", data.tobytes(), sync=False)
    return f"{name}.png"
