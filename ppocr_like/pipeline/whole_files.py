"""Files of several pages (a PDF, a TIFF) as one text and one searchable PDF again, beside the files of their pages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ppocr_like.documents.formats.pdf import join_pdf
from ppocr_like.errors import DataError
from ppocr_like.pipeline.page_sources import PageSource, free_name

PAGE_END = b"\f"  # between pages of text, as pdftotext does


@dataclass(frozen=True)
class WholeFile:
    """A file of several pages.

    Args:
        path: the file.
        name: for its results, without an ending.
        pages: names of its pages' results, in order.
    """

    path: str
    name: str
    pages: tuple[str, ...]


def whole_files(pages: Sequence[PageSource], names: Sequence[str]) -> list[WholeFile]:
    """Those of which all pages are among `pages`, whose results have `names`; where a name is taken a number is added."""
    found: dict[str, list[tuple[PageSource, str]]] = {}
    for page, name in zip(pages, names, strict=True):
        if page.number is not None:
            found.setdefault(page.path, []).append((page, name))
    taken = {name.lower() for name in names}
    files = []
    for path, members in found.items():
        if len(members) < 2:
            continue
        ordered = sorted(members, key=lambda member: member[0].number or 0)
        files.append(WholeFile(path, free_name(path, "", taken), tuple(name for _, name in ordered)))
    return files


def join(
    folder: Path, file: WholeFile, kinds: Collection[str], anew: Collection[str], save: Callable[[Path, bytes], None]
) -> list[Path]:
    """Writes what of `kinds` can be joined, where a page was read `anew` or the whole is not there yet.

    Args:
        folder: of the results.
        file: see there.
        kinds: formats of the pages' files.
        anew: names of pages that were read now.
        save: writes a file.

    Returns:
        the files written; none where a page's result is missing: half a document must not look like a whole one.

    Raises:
        DataError: a page's file cannot be read.
    """
    written = []
    for kind in sorted(set(kinds) & set(JOINERS)):
        path = folder / f"{file.name}.{kind}"
        parts = [folder / f"{page}.{kind}" for page in file.pages]
        if not all(part.is_file() for part in parts) or (path.is_file() and not set(file.pages) & set(anew)):
            continue
        try:
            content = JOINERS[kind]([part.read_bytes() for part in parts])
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror or error})", str(error.filename)) from error
        save(path, content)
        written.append(path)
    return written


JOINERS: Mapping[str, Callable[[Sequence[bytes]], bytes]] = MappingProxyType({"pdf": join_pdf, "txt": PAGE_END.join})
