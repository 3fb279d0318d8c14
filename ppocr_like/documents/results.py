"""Which files of a folder are results of earlier calls: what reads a folder of images leaves them alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ppocr_like.atomic import open_to_append
from ppocr_like.errors import DataError
from ppocr_like.outside import LARGE, Malformed, parse_json, read_file

PAGES, LINES, TEXT = "pages.jsonl", "predictions.json", "predictions.txt"
DRAWN = "pictures.jsonl"  # pictures of one model alone, named before they are written; those of earlier calls stay named
WRITES = "writes"  # key of a row of `pages.jsonl`: files that are about to be written, or that an earlier log named
WRITTEN = "written"  # of a row of a page that is done
PICTURES = "pictures"  # of an entry of `predictions.json`
_SHEETS = re.compile(r"predictions(_\d+)?\.png")  # of lines


def result_names(folder: str | Path) -> frozenset[str]:
    """Names of the files in `folder` that `tools/infer.py` wrote, as `pages.jsonl`, `pictures.jsonl` and `predictions.json` tell.

    A file of these names that is missing or damaged names none; whoever needs what it says raises the error.
    """
    folder = Path(folder)
    names: set[str] = set()
    for row in _rows(folder / PAGES):
        names.update(_texts(row.get(WRITES)), _texts(row.get(WRITTEN)))
    if names or (folder / PAGES).is_file():
        names.add(PAGES)
    drawn = [name for row in _rows(folder / DRAWN) for name in _texts(row.get(WRITES))]
    names.update([*drawn, DRAWN] if drawn else [])
    entries = _entries(folder / LINES)
    if entries is not None:
        names |= {LINES, TEXT}
        for entry in entries:
            names.update(_texts(entry.get(PICTURES)))
        names.update(path.name for path in folder.glob("predictions*.png") if _SHEETS.fullmatch(path.name))
    return frozenset(names)


def result_files(folder: str | Path) -> list[Path]:
    """The same as paths."""
    return [Path(folder) / name for name in sorted(result_names(folder))]


class PictureLog:
    """Names the pictures of a folder before they are written: a call that is killed leaves none that looks like an image to read.

    Args:
        folder: of the pictures.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder) / DRAWN
        self._known: set[str] | None = None

    def announce(self, names: Sequence[str]) -> None:
        """Pictures that are about to be written; those that are named already are not named again.

        Raises:
            DataError: the log cannot be written.
        """
        if self._known is None:
            self._known = {name for row in _rows(self.path) for name in _texts(row.get(WRITES))}
        new = [name for name in names if name not in self._known]
        if not new:
            return
        self._known.update(new)
        try:
            with open_to_append(self.path) as file:
                file.write(json.dumps({WRITES: new}) + "\n")
        except OSError as error:
            raise DataError(f"cannot be written ({error.strerror or error})", str(self.path)) from error


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = read_file(path, LARGE).splitlines()
    except OSError:
        return
    for line in lines:
        try:
            row = parse_json(line, names=True)
        except Malformed:
            continue
        if isinstance(row, dict):
            yield row


def _entries(path: Path) -> list[dict[str, Any]] | None:
    """The records of a `predictions.json`, recognised by their key `image`; None where there is no such file."""
    try:
        entries = parse_json(read_file(path, LARGE), names=True)
    except (OSError, Malformed):
        return None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "image" in entry for entry in entries):
        return None
    return entries


def _texts(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
