"""What `tools/infer.py` does: images in, text, JSON and pictures out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from tqdm import tqdm

from ppocr_like.atomic import atomic_write, write_bytes
from ppocr_like.documents.plain import json_text
from ppocr_like.documents.results import DRAWN
from ppocr_like.errors import CheckpointError, DataError
from ppocr_like.outputs import claim
from ppocr_like.pipeline.page_sources import PageSource, find_pages
from ppocr_like.pipeline.runner import Results, Runner, Source

TEXT, JSON = "predictions.txt", "predictions.json"
ADVICE = "choose another folder with --out"


@dataclass
class Summary:
    """What came of a call.

    Args:
        read: images that gave a result.
        failed: what went wrong with the other images, by name.
        files: written.
        notes: things worth saying: characters without a glyph, pictures left out.
    """

    read: int = 0
    failed: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def infer(
    model: Runner[Any, Any],
    images: Iterable[str],
    out: str | Path,
    *,
    text_name: str = TEXT,
    font: str | Path | None = None,
    max_pages: int | None = None,
    heat_map: bool = False,
    reads: Iterable[str | Path | None] = (),
    password: str | None = None,
    progress: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> Summary:
    """Runs a model over images and writes a text file, a JSON file and pictures of the results to `out`.

    Lines: `predictions.txt` (path, text, confidence, by tabs), `predictions.json` (characters with their places and
    confidences). Pages: `predictions.txt` as PaddleOCR's label files, `predictions.json` (boxes with scores, image size), a
    picture of each page. Classes: `predictions.txt` (path, class, probability), `predictions.json`.

    An image that cannot be used is named in the summary; the rest goes on.

    Args:
        model: see `opening.open_model`.
        images: paths.
        out: folder, made when missing.
        text_name: another name for the text file.
        font: font file for the pictures; None finds one.
        max_pages: most pictures; 0 for none, None for all.
        heat_map: of pages also draw the probabilities.
        reads: what else is read (the model, a recipe, a font): nothing is written over it.
        password: of PDF files that need one.
        progress: a bar with the time left, on a terminal alone.
        say: gets a line for each image as it comes.

    Raises:
        DataError: `out` cannot be written, or `font` is no font; a result would replace a file that is read (nothing is written
            then).
    """
    folder = Path(out).expanduser()
    summary = Summary()
    pages = find_pages(images, password)
    if heat_map and not model.has_maps:
        raise DataError("--heat-map shows a detector's probabilities; this model is none")
    results = model.results(folder, font, max_pages, heat_map)
    pictures = results.pictures([page.name for page in pages])
    names = [text_name, JSON, *pictures, *([DRAWN] if pictures else [])]
    claim([folder / name for name in names], [*(page.path for page in pages), *reads], advice=ADVICE)
    try:
        with tqdm(total=len(pages), unit="image", disable=None if progress else True, smoothing=0.05) as bar:
            records = _write_rows(folder / text_name, model.stream(map(_source, pages)), results, summary, _Saying(bar, say))
        write_bytes(
            folder / JSON, json_text(records).encode("utf-8", "backslashreplace")
        )  # names that are no UTF-8 become escapes
        summary.notes += results.finish()
    except CheckpointError as error:
        raise DataError(f"cannot write the results ({error}); {ADVICE}", str(folder)) from error
    summary.files += [folder / text_name, folder / JSON, *results.files]
    return summary


class _Saying:
    """Lines for the person who waits, with a bar below them.

    Args:
        bar: goes on with each image.
        say: gets the lines.
    """

    def __init__(self, bar: tqdm[Any], say: Callable[[str], None]) -> None:
        self.bar, self.say = bar, say

    def line(self, text: str) -> None:
        """The bar is taken away while the line is written: both may go to one terminal."""
        with self.bar.external_write_mode():
            self.say(text)


def _source(page: PageSource) -> Source:
    """An image by its path, a page of several as it is."""
    return page.path if page.number is None and not page.error else page


def _write_rows(path: Path, outcomes: Iterable[Any], results: Results, summary: Summary, saying: _Saying) -> list[dict[str, Any]]:
    """Writes the text file and the pictures; gives the records of the JSON file."""
    records: list[dict[str, Any]] = []

    def rows(file: BinaryIO) -> None:
        for outcome in outcomes:
            records.append(results.record(outcome))
            if outcome.error:
                summary.failed.append(outcome.error)
            else:
                summary.read += 1
                file.write((results.row(outcome) + "\n").encode("utf-8", "surrogateescape"))
                saying.line(results.said(outcome))
            results.draw(outcome)
            saying.bar.update()

    atomic_write(path, rows)
    return records
