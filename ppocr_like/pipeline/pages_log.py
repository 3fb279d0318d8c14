"""Which pages of a folder of results are done: `pages.jsonl`, by which a call goes on where an earlier one was stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ppocr_like.atomic import open_to_append
from ppocr_like.documents.results import WRITES, WRITTEN
from ppocr_like.documents.results import result_names as known_results
from ppocr_like.errors import DataError
from ppocr_like.outside import LARGE, Malformed, parse_json, read_file
from ppocr_like.pipeline.page_files import save
from ppocr_like.pipeline.page_sources import PageSource
from ppocr_like.pipeline.whole_files import WholeFile

LOG = "pages.jsonl"  # what is done, a line for each page; the first line says with what


class PagesLog:
    """Which pages are done, in a file of JSON lines.

    Raises:
        DataError: it was written with other settings and `overwrite` is not set; or it cannot be read or written.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], overwrite: bool) -> None:
        self.path, self.settings = path, json.loads(json.dumps(dict(settings), sort_keys=True, default=str))
        self.records: dict[str, dict[str, Any]] = {}
        earlier = sorted(known_results(path.parent) - {path.name}) if overwrite else []
        rows = [] if overwrite else self._rows()
        if rows:
            if rows[0].get("settings") != self.settings:
                raise DataError(
                    "holds results of other models or settings; choose another --out, or --overwrite to start anew",
                    str(path.parent),
                )
            self.records = {row["name"]: row for row in rows[1:] if isinstance(row.get("name"), str)}
        else:
            first: list[dict[str, Any]] = [{"settings": self.settings}, *([{WRITES: earlier}] if earlier else [])]
            save(path, "".join(json.dumps(row) + "\n" for row in first).encode())

    def _rows(self) -> list[dict[str, Any]]:
        """What stands there; a line that a stop left half written, the last, is cut off."""
        try:
            data = read_file(self.path, LARGE)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror or error})", str(self.path)) from error
        whole = data[: data.rfind(b"\n") + 1]
        rows = []
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                row = parse_json(line, names=True)
                if not isinstance(row, dict):
                    raise Malformed("is no JSON object")
                if not all(isinstance(name, str) for name in row.get("written") or ()):
                    raise Malformed("names no files under written")
            except (Malformed, TypeError) as error:
                raise DataError(f"is damaged ({error}); use --overwrite to start anew", str(self.path), number) from error
            rows.append(row)
        if len(whole) < len(data):
            save(self.path, whole)
        return rows

    def done(self, page: PageSource, name: str, folder: Path) -> bool:
        """The page's file is as it was, and all that was written for it is there."""
        record = self.records.get(name)
        if record is None or record.get("page") != page.name or record.get("file") != _mark(page.path):
            return False
        return all(os.path.isfile(folder / file) for file in record.get(WRITTEN) or ())

    def all_done(self, file: WholeFile, pages: Sequence[PageSource], names: Sequence[str], folder: Path) -> bool:
        """Whether all pages of a file are done; `names` are those of the results of `pages`."""
        return all(self.done(page, name, folder) for page, name in zip(pages, names, strict=True) if name in file.pages)

    def announce(self, names: Sequence[str]) -> None:
        """Names files before they are written: a call that is killed leaves no result that looks like a page."""
        if names:
            self._append({WRITES: list(names)}, sync=False)

    def add(self, page: PageSource, name: str, written: Sequence[Path]) -> None:
        row: dict[str, Any] = {
            "name": name,
            "page": page.name,
            "file": _mark(page.path),
            WRITTEN: [path.name for path in written],
        }
        self._append(row)
        self.records[name] = row

    def _append(self, row: Mapping[str, Any], sync: bool = True) -> None:
        try:
            with open_to_append(self.path) as file:
                file.write(json.dumps(row) + "\n")
                file.flush()
                if sync:
                    os.fsync(file.fileno())
        except OSError as error:
            raise DataError(f"cannot be written ({error.strerror or error})", str(self.path)) from error


def _mark(path: str) -> list[int]:
    """Size and time of a file: another picture under the same name is read again."""
    try:
        status = os.stat(path)
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]
