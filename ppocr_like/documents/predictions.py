"""Results of earlier calls, read again: the folders that `tools/infer.py` writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.documents.page import Line, Page
from ppocr_like.errors import DataError

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
        entries = _json(folder / LINES)
        if not isinstance(entries, list) or any(
            not isinstance(e, dict) or ("text" not in e and "error" not in e) for e in entries
        ):
            raise DataError("holds no texts; results of a detector alone have none", str(folder / LINES))
        return [_line_page(entry) for entry in entries if "text" in entry]
    raise DataError(f"no results of tools/infer.py (neither {PAGES} nor {LINES})", str(folder))


def _pages(folder: Path) -> Iterator[Page]:
    for number, row in enumerate((folder / PAGES).read_text(encoding="utf-8").splitlines(), 1):
        try:
            written = json.loads(row).get("written")
        except ValueError as error:
            raise DataError("is damaged", f"{folder / PAGES}, line {number}") from error
        if written is None:
            continue
        name = next((name for name in written if name.endswith(".json")), None)
        if name is None:
            raise DataError("pages were read without --format json, which this needs; read them again", str(folder))
        try:
            yield Page.from_dict(_json(folder / name))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"is no page of tools/infer.py ({error!r})", str(folder / name)) from error


def _line_page(entry: dict[str, Any]) -> Page:
    width, height = int(entry["width"]), int(entry["height"])
    edge = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    line = Line(edge, str(entry["text"]), float(entry.get("confidence", 0.0)))
    return Page(str(entry["image"]), width, height, (line,) if line.text else (), () if line.text else (line,))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", str(path)) from error
    except ValueError as error:
        raise DataError("is no JSON; read the page again", str(path)) from error
