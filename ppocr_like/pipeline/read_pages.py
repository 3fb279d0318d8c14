"""What `tools/infer.py --det ... --rec ...` does: pages in, text and the other formats out; goes on where it was stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ppocr_like.config.plugins import named_on_command_line
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.outputs import claim
from ppocr_like.pipeline.ocr import OCR
from ppocr_like.pipeline.page_files import KINDS, PICTURE, SKIP, kept_note, result_files, save
from ppocr_like.pipeline.page_sources import find_pages, result_names
from ppocr_like.pipeline.page_work import Done, Job, PageWork
from ppocr_like.pipeline.page_workers import Orders, read_in_processes
from ppocr_like.pipeline.pages_log import LOG, PagesLog
from ppocr_like.pipeline.whole_files import JOINERS, WholeFile, join, whole_files

DEFAULT_KINDS = ("txt", "json", PICTURE)
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
        kept: pages of PDF files, read now, that stay as they are in the searchable PDF.
    """

    read: int = 0
    before: int = 0
    lines: int = 0
    failed: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    kept: int = 0

    def add(self, done: Done) -> None:
        """Counts a page that was read now."""
        self.notes += done.notes
        self.read += 1
        self.lines += done.lines
        self.files += done.written
        self.kept += done.kept


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
    workers: int = 1,
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
        workers: processes that read pages, each with models of its own; 1: this one, with all threads of `ocr`.
        progress, say: a bar, on a terminal alone; gets a line for each page as it comes.

    Raises:
        ConfigError: an unknown kind; several processes, and a model that was not given by its path.
        DataError: `out` holds results of other models or settings, or cannot be written; a result would replace what is read.
    """
    check_kinds(kinds)
    folder = Path(out).expanduser()
    pages = find_pages(files, password)
    names = result_names(pages)
    wholes = whole_files(pages, names)
    _claim(folder, names, wholes, kinds, [*(page.path for page in pages), *reads])
    log = PagesLog(folder / LOG, {"kinds": sorted(kinds), **(settings or {})}, overwrite)
    left = [Job(page, name) for page, name in zip(pages, names, strict=True) if not log.done(page, name, folder)]
    summary = PagesSummary(before=len(pages) - len(left))
    writing = {"folder": folder, "kinds": tuple(kinds), "font": font, "pdf_text": pdf_text, "languages": tuple(languages)}
    with (
        tqdm(total=len(pages), initial=summary.before, unit="page", disable=None if progress else True, smoothing=0.05) as bar,
        closing(_outcomes(ocr, left, writing, workers, log)) as outcomes,
    ):
        for job, done in zip(left, outcomes, strict=True):
            _note(summary, log, job, done, say)
            bar.update()
    summary.notes += [kept_note(summary.kept)] if summary.kept else []
    wholes = [file for file in wholes if log.all_done(file, pages, names, folder)]
    summary.files += _join_wholes(wholes, folder, kinds, log, {job.name for job in left})
    return summary


def _note(summary: PagesSummary, log: PagesLog, job: Job, done: Done, say: Callable[[str], None]) -> None:
    """Tells, logs and counts what became of a page."""
    for line in done.said:
        say(line)
    if done.error:
        summary.failed.append(done.error)
    else:
        log.add(job.page, job.name, done.written)
        summary.add(done)


def _outcomes(
    ocr: OCR, jobs: Sequence[Job], writing: Mapping[str, Any], workers: int, log: PagesLog
) -> Generator[Done, None, None]:
    """What becomes of each page, in order; the log names its files before they are written."""

    def announce(job: Job) -> None:
        log.announce(result_files([job.name], writing["kinds"]))

    if workers > 1 and len(jobs) > 1:
        yield from read_in_processes(Orders(_opening(ocr), writing, named_on_command_line()), jobs, workers, announce)
        return
    work = PageWork(ocr, **writing)
    for job, result in zip(jobs, ocr.stream(job.page for job in jobs), strict=True):
        if result.page is not None:
            announce(job)
        yield work.finish(job, result)


def _opening(ocr: OCR) -> Mapping[str, Any]:
    if ocr.opening is None:
        raise ConfigError([Problem("workers", "several processes need each model's path, and get an object; give the paths")])
    return {**ocr.opening, "threads": ocr.opening["threads"] or 1}


def _claim(folder: Path, names: Sequence[str], wholes: Sequence[WholeFile], kinds: Sequence[str], reads: Iterable[Any]) -> None:
    """Raises DataError where a result would replace what is read."""
    outputs = [LOG, *result_files(names, kinds), *(name for file in wholes for name in _wholes(file, kinds))]
    claim((folder / name for name in outputs), reads, advice=ADVICE)


def _join_wholes(
    wholes: Sequence[WholeFile], folder: Path, kinds: Sequence[str], log: PagesLog, anew: Collection[str]
) -> list[Path]:
    """Files of several pages, all of which are done; gives what was written."""
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
