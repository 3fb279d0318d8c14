"""Results of earlier calls, read again: the folders that `tools/infer.py` writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.documents.page import Line, Page
from ppocr_like.errors import DataError
from ppocr_like.outside import LARGE, Malformed, load_json, load_text, number, parse_json, shown, text_of

PAGES, LINES = "pages.jsonl", "predictions.json"


def read_predictions(folder: str | Path) -> list[Page]:
    """The pages of a folder of results, in the order in which they were read.

    Of whole pages the JSON of each is read (`--format` with json). Of lines that were read alone each image is a page with one
    line, its outline the image's edge. Images that could not be read are left out.

    Raises:
        DataError: no such results there, or damaged ones.
    """
    folder = Path(folder)
    if (folder / PAGES).is_file():
        return list(_pages(folder))
    if (folder / LINES).is_file():
        entries = load_json(folder / LINES, LARGE)
        if not isinstance(entries, list) or any(
            not isinstance(e, dict) or ("text" not in e and "error" not in e) for e in entries
        ):
            raise DataError("holds no texts; results of a detector alone have none", str(folder / LINES))
        lines = [(n, entry) for n, entry in enumerate(entries, 1) if "text" in entry]
        return [_made(_line_page, entry, f"{folder / LINES}, entry {n}") for n, entry in lines]
    raise DataError(f"no results of tools/infer.py (neither {PAGES} nor {LINES})", str(folder))


def _pages(folder: Path) -> Iterator[Page]:
    for line, row in enumerate(load_text(folder / PAGES, LARGE).split("\n"), 1):
        if not row:
            continue
        try:
            written = _written(parse_json(row))
        except Malformed as error:
            raise DataError(f"is damaged ({error}); read the pages again", str(folder / PAGES), line) from error
        if written is None:
            continue
        name = next((name for name in written if name.endswith(".json")), None)
        if name is None:
            raise DataError("pages were read without --format json, which this needs; read them again", str(folder))
        yield _made(Page.from_dict, load_json(folder / name), str(folder / name))


def _written(row: Any) -> list[str] | None:
    """The names of a page's files, which stand beside the list; None in a row that tells of something else."""
    names = row.get("written") if isinstance(row, dict) else row
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise Malformed(f"written is {shown(names)}; names of files beside it are needed")
    return names


def _made(make: Callable[[Any], Page], tree: Any, place: str) -> Page:
    try:
        return make(tree)
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        what = f"has no {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"is no result of tools/infer.py: {what}; read the page again", place) from error


def _line_page(entry: dict[str, Any]) -> Page:
    width, height = (int(number(entry[key], key, 0)) for key in ("width", "height"))
    edge = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    line = Line(edge, text_of(entry["text"]), number(entry.get("confidence", 0.0), "confidence", 0, 1))
    return Page(text_of(entry["image"]), width, height, (line,) if line.text else (), () if line.text else (line,))
