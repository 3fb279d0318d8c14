"""Pages that show line images with what was read in them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from PIL import Image, ImageDraw

from ppocr_like.atomic import atomic_write
from ppocr_like.contracts import TextLine
from ppocr_like.documents.results import PictureLog
from ppocr_like.draw.fonts import FontFile
from ppocr_like.pipeline.preprocess import Prepared, Source

WIDTH = 1200  # px of a page
MARGIN = 20
LINES = 20  # readings on a page
IMAGE_HEIGHT, LEAST_HEIGHT = 64, 40  # px: lines are shown no higher and no lower, as far as they fit the page's width
TEXT, SMALL = 24, 14  # px, font sizes
LOW, DOUBTFUL = 0.5, 0.8  # confidence under which a character is red, orange
INK, ORANGE, RED, GREY, PAPER, RULE = "#111111", "#c46a00", "#d00000", "#666666", "#ffffff", "#dddddd"


class Reading(Protocol):
    """What became of an image of a line: `lines.Reading`."""

    @property
    def source(self) -> Source: ...
    @property
    def line(self) -> TextLine | None: ...
    @property
    def prepared(self) -> Prepared | None: ...
    @property
    def error(self) -> str: ...


class PageWriter:
    """Collects readings and writes a page whenever one is full.

    Args:
        folder: for `predictions.png`, `predictions_2.png` ...
        font: see `fonts.choose_font`.
        limit: most pages; None for all.
    """

    def __init__(self, folder: Path, font: FontFile, limit: int | None = None) -> None:
        self.folder, self.font, self.limit = folder, font, limit
        self._log = PictureLog(folder)
        self.pages: list[Path] = []
        self.left_out = 0
        self.missing: set[str] = set()
        self._rows: list[Image.Image] = []

    def names(self, readings: int) -> list[str]:
        """Of the pages that so many readings fill."""
        pages = -(-readings // LINES)
        return [_name(number) for number in range(1, 1 + (pages if self.limit is None else min(pages, self.limit)))]

    def add(self, reading: Reading) -> None:
        """Draws one reading.

        Raises:
            CheckpointError, DataError: a page cannot be written.
        """
        if self.limit is not None and len(self.pages) >= self.limit:
            self.left_out += 1
            return
        self._rows.append(draw_reading(reading, self.font))
        if reading.line is not None:
            self.missing |= {c for c in reading.line.text if self.font.lacks(c)}
        if len(self._rows) == LINES:
            self.flush()

    def flush(self) -> None:
        """Writes what is collected."""
        if not self._rows:
            return
        page = Image.new("RGB", (WIDTH, sum(row.height for row in self._rows) + 2 * MARGIN), PAPER)
        top = MARGIN
        for row in self._rows:
            page.paste(row, (0, top))
            top += row.height
        path = self.folder / _name(len(self.pages) + 1)
        self._log.announce([path.name])
        atomic_write(path, lambda file: page.save(file, "PNG"))
        self.pages.append(path)
        self._rows = []


def _name(number: int) -> str:
    return "predictions.png" if number == 1 else f"predictions_{number}.png"


def draw_reading(reading: Reading, font: FontFile) -> Image.Image:
    """One row: the image, under it the text with doubtful characters in colour, then name and confidence in grey."""
    room = WIDTH - 2 * MARGIN
    picture = _picture(reading, room)
    rows = _wrap(_clusters(reading.line), font, room) if reading.line is not None else []
    line_height = TEXT * 14 // 10
    row = Image.new("RGB", (WIDTH, picture.height + line_height * max(len(rows), 1) + SMALL + 22), PAPER)
    row.paste(picture, (MARGIN, 0))
    draw = ImageDraw.Draw(row)
    top = picture.height + 2
    for clusters in rows:
        left = float(MARGIN)
        for text, colour in clusters:
            draw.text((left, top), text, fill=colour, font=font.size(TEXT))
            left += font.size(TEXT).getlength(text)
        top += line_height
    if not rows:
        draw.text((MARGIN, top), reading.error or "(nothing read)", fill=RED if reading.error else GREY, font=font.size(SMALL))
        top += line_height
    score = "" if reading.line is None else f"   {reading.line.confidence:.3f}"
    name = "image" if not isinstance(reading.source, str | Path) else str(reading.source)
    draw.text((MARGIN, top), name[-120:] + score, fill=GREY, font=font.size(SMALL))
    draw.line((MARGIN, row.height - 6, WIDTH - MARGIN, row.height - 6), fill=RULE)
    return row


def _picture(reading: Reading, room: int) -> Image.Image:
    if reading.prepared is None:
        return Image.new("RGB", (1, 1), PAPER)
    image = Image.fromarray(reading.prepared.picture[:, :, ::-1].copy())
    scale = min(max(1.0, LEAST_HEIGHT / image.height), IMAGE_HEIGHT / image.height, room / image.width)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


def _clusters(line: TextLine) -> Iterator[tuple[str, str]]:
    """(base character with its combining marks, colour)."""
    text, worst = "", 1.0
    for i, character in enumerate(line.text):
        confidence = line.confidences[i] if i < len(line.confidences) else 1.0
        if text and not unicodedata.combining(character):
            yield text, _colour(worst)
            text, worst = "", 1.0
        text, worst = text + character, min(worst, confidence)
    if text:
        yield text, _colour(worst)


def _wrap(clusters: Iterator[tuple[str, str]], font: FontFile, room: int) -> list[list[tuple[str, str]]]:
    rows: list[list[tuple[str, str]]] = []
    left = 0.0
    for text, colour in clusters:
        width = font.size(TEXT).getlength(text)
        if not rows or left + width > room:
            rows.append([])
            left = 0.0
        rows[-1].append((text, colour))
        left += width
    return rows


def _colour(confidence: float) -> str:
    return RED if confidence < LOW else ORANGE if confidence < DOUBTFUL else INK
