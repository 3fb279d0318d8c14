"""What `tools/infer.py --det ... --rec ...` does: pages in, text and the other formats out; goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ppocr_like.atomic import open_to_append
from ppocr_like.documents.page import Page
from ppocr_like.documents.results import WRITES, WRITTEN
from ppocr_like.documents.results import result_names as known_results
from ppocr_like.errors import ConfigError, DataError, Problem
from ppocr_like.outputs import claim
from ppocr_like.outside import LARGE, Malformed, parse_json, read_file
from ppocr_like.pipeline.ink import unread_print
from ppocr_like.pipeline.ocr import OCR, PageResult
from ppocr_like.pipeline.page_files import KINDS, PICTURE, SKIP, PageFiles, result_files, save
from ppocr_like.pipeline.page_sources import PageSource, find_pages, result_names
from ppocr_like.pipeline.runner import Source
from ppocr_like.pipeline.sheets import page_dpi
from ppocr_like.pipeline.whole_files import JOINERS, WholeFile, join, whole_files
from ppocr_like.printable import one_line

DEFAULT_KINDS = ("txt", "json", PICTURE)
LOG = "pages.jsonl"  # what is done, a line for each page; the first line says with what
ADVICE = "choose another folder with --out"


@dataclass
class PagesSummary:
    """What came of a call.

    Args:
        read: pages read now.
        before: pages that an earlier call had read.
        lines: lines of text on the pages read now.
        failed: what went wrong with the other pages, by name.
        files: written now.
        notes: on pages read now, of which far less was found than there is to be seen.
    """

    read: int = 0
    before: int = 0
    lines: int = 0
    failed: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, page: Page, picture: np.ndarray, written: Sequence[Path]) -> None:
        """Counts a page that was read now, and looks whether it promised more."""
        self.notes += _notes(page, picture)
        self.read += 1
        self.lines += len(page.lines)
        self.files += written


def read_pages(
    ocr: OCR,
    files: Iterable[str],
    out: str | Path,
    *,
    kinds: Sequence[str] = DEFAULT_KINDS,
    font: str | Path | None = None,
    overwrite: bool = False,
    settings: Mapping[str, Any] | None = None,
    reads: Iterable[str | Path | None] = (),
    password: str | None = None,
    languages: Sequence[str] = (),
    pdf_text: str = SKIP,
    progress: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> PagesSummary:
    """Reads pages and writes for each the files asked for to `out`, named after the page; text and searchable PDF also of a
    file of several pages as a whole, once all of them are read.

    `pages.jsonl` keeps which pages are done: a call that was stopped is repeated and reads the rest; pages whose file changed
    since are read again, and so are those that could not be read, which the summary names.

    Args:
        ocr, files: the models; images, and files of several pages.
        out: folder, made when missing.
        kinds: of KINDS.
        font: font file for the pictures; None finds one that has the recogniser's characters.
        overwrite: start anew in a folder that holds results of other models or settings.
        settings: what the results depend on (models, thresholds): `out` must have been written with the same.
        reads, password: what else is read (models, a font): nothing is written over it; of PDF files that need one.
        languages, pdf_text: of the text, for the formats that name them (BCP 47: "de", "sr-Latn"); see `PageFiles`.
        progress, say: a bar, on a terminal alone; gets a line for each page as it comes.

    Raises:
        ConfigError: an unknown kind.
        DataError: `out` holds results of other models or settings, or cannot be written; a result would replace what is read.
    """
    check_kinds(kinds)
    folder = Path(out).expanduser()
    pages = find_pages(files, password)
    names = result_names(pages)
    wholes = whole_files(pages, names)
    _claim(folder, names, wholes, kinds, [*(page.path for page in pages), *reads])
    log = _Log(folder / LOG, {"kinds": sorted(kinds), **(settings or {})}, overwrite)
    writer = PageFiles(folder, kinds, ocr, font, pdf_text, say)
    left = [(page, name) for page, name in zip(pages, names, strict=True) if not log.done(page, name, folder)]
    summary = PagesSummary(before=len(pages) - len(left))
    with tqdm(total=len(pages), initial=summary.before, unit="page", disable=None if progress else True, smoothing=0.05) as bar:
        for (page, name), load in zip(left, _loaded_ahead([page for page, _ in left]), strict=True):
            result = _read(ocr, page, load, languages)
            if result.page is None or result.picture is None:
                summary.failed.append(result.error)
            else:
                summary.add(result.page, result.picture, _written(log, writer, name, page, result))
                say(f"{one_line(page.name)}\t{len(result.page.lines)} lines")
            bar.update()
    summary.notes += writer.notes()
    wholes = [file for file in wholes if log.all_done(file, pages, names, folder)]
    summary.files += _join_wholes(wholes, writer, log, {name for _, name in left})
    return summary


def _claim(folder: Path, names: Sequence[str], wholes: Sequence[WholeFile], kinds: Sequence[str], reads: Iterable[Any]) -> None:
    """Raises DataError where a result would replace what is read."""
    outputs = [LOG, *result_files(names, kinds), *(name for file in wholes for name in _wholes(file, kinds))]
    claim((folder / name for name in outputs), reads, advice=ADVICE)


def _written(log: _Log, writer: PageFiles, name: str, page: PageSource, result: PageResult) -> list[Path]:
    """Writes a page's files, which the log names before and after."""
    log.announce(result_files([name], writer.kinds))
    written = writer.write(name, page, result)
    log.add(page, name, written)
    return written


def _join_wholes(wholes: Sequence[WholeFile], writer: PageFiles, log: _Log, anew: Collection[str]) -> list[Path]:
    """Files of several pages, all of which are done; gives what was written."""
    folder, kinds = writer.folder, writer.kinds
    written = []
    for file in wholes:
        log.announce(_wholes(file, kinds))
        written += join(folder, file, kinds, anew, save)
    return written


def check_kinds(kinds: Sequence[str]) -> None:
    """Raises ConfigError, with every format that is not known."""
    unknown = [kind for kind in kinds if kind not in KINDS]
    known = f"known are {', '.join(KINDS)}"
    if not kinds:
        raise ConfigError([Problem("", f"no format is given; {known}")], "--format")
    if unknown:
        raise ConfigError([Problem(kind, f"is no format; {known}") for kind in unknown], "--format")


def _wholes(file: WholeFile, kinds: Sequence[str]) -> list[str]:
    """Names of what a file of several pages becomes as a whole."""
    return [f"{file.name}.{kind}" for kind in kinds if kind in JOINERS]


def _notes(page: Page, picture: np.ndarray) -> list[str]:
    unread = unread_print(picture, [line.points for line in (*page.lines, *page.left_out)])
    return [one_line(f"{page.source}: {unread}")] if unread else []


def _loaded_ahead(pages: Sequence[PageSource]) -> Iterator[Callable[[], Source]]:
    """For each page what gives its image; the next one's (a PDF's page is rendered) is made while a page is read."""
    with ThreadPoolExecutor(1) as helper:
        following = None
        for number, page in enumerate(pages):
            current = following or helper.submit(page.image)
            following = helper.submit(pages[number + 1].image) if number + 1 < len(pages) else None
            yield current.result


def _read(ocr: OCR, page: PageSource, load: Callable[[], Source], languages: Sequence[str]) -> PageResult:
    if page.error:
        return PageResult(page.path, error=page.error)
    try:
        result = ocr.read(load(), page.name)
    except DataError as error:
        return PageResult(page.path, error=str(error))
    if result.page is None:
        return result
    return replace(result, page=replace(result.page, dpi=page_dpi(page), languages=tuple(languages)))


class _Log:
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


def model_mark(model: str | Path) -> str:
    """A short digest of a model's files, to tell whether two calls used the same."""
    path = Path(model).expanduser()
    files = sorted(p for p in path.iterdir() if p.suffix in (".onnx", ".yml")) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        try:
            digest.update(file.name.encode() + file.read_bytes())
        except OSError:
            digest.update(str(file).encode())
    return digest.hexdigest()[:16]
