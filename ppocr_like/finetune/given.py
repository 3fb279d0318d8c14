"""What is given to fine-tune on: label files of lines, label files of pages, or pages in XML; and which part is held back."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ppocr_like.contracts import Rejected
from ppocr_like.convert.target import Target
from ppocr_like.convert.write import convert_det
from ppocr_like.convert.xml_pages import XMLPages
from ppocr_like.data.base import Dataset
from ppocr_like.data.lines.lines import stable_name
from ppocr_like.documents.formats.label_line import parse_line
from ppocr_like.errors import DataError
from ppocr_like.outside import open_regular

Kind = Literal["lines", "boxes", "xml"]
PAGES = "pages.txt"  # in the run folder: boxes of the lines of pages in XML
HELD_BACK = 0.1  # share of the samples that are measured and not trained on
MOST_HELD_BACK = {"lines": 400, "boxes": 30, "xml": 400}  # more would only cost time
LEAST = {"lines": 20, "boxes": 5, "xml": 0}  # samples; of fewer nothing can be spared
_LOOKED_AT = 50  # rows by which a label file's kind and folder are told
GROUPS = 4  # pages or folders; of fewer one cannot be held back


@dataclass(frozen=True)
class Given:
    """Data of one kind.

    Args:
        kind: "lines": image<TAB>text; "boxes": image<TAB>JSON of a page's boxes; "xml": lists or patterns of ALTO and PAGE files.
        files: label files, or lists of XML files.
        patterns: of XML files.
        folder: where the images' names of label files begin.
    """

    kind: Kind
    files: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    folder: str = ""

    @property
    def task(self) -> str:
        return "det" if self.kind == "boxes" else "rec"


def as_boxes(given: Given, out: Path) -> tuple[Given, str]:
    """Pages in XML as a label file of their lines' boxes, `out`/pages.txt, for a detector; what came of it, for people.

    Pages that cannot be read are counted there, as a recogniser's set counts them.

    Raises:
        DataError: no page has a line with a place; the file cannot be written.
    """
    reader = XMLPages([*given.files, *given.patterns], skip_bad=True)
    made = convert_det(reader, Target(out / PAGES, overwrite=True), progress=False)
    return Given("boxes", (str(out / PAGES),), (), str(out.resolve())), made.text()


def look_at(sources: Sequence[str]) -> Given:
    """What the sources are.

    Raises:
        DataError: nothing there, of several kinds, or images that are not found.
    """
    if not sources:
        raise DataError("no data given: name label files, lists of XML files, or patterns of XML files")
    found = [(source, *_kind_of(source)) for source in sources]
    kinds = {kind for _, kind, _ in found}
    if len(kinds) > 1:
        told = ", ".join(f"{source} ({_WORDS[kind]})" for source, kind, _ in found)
        raise DataError(f"data of several kinds cannot be one set: {told}; give one kind")
    kind = found[0][1]
    if kind == "xml":
        patterns = tuple(source for source, _, pattern in found if pattern)
        return Given(kind, tuple(source for source, _, pattern in found if not pattern), patterns)
    folders = {_folder_of(source) for source in sources}
    if len(folders) > 1:
        told = ", ".join(sorted(folders))
        raise DataError(f"the label files' images are named from several folders ({told}); put the label files into one folder")
    return Given(kind, tuple(sources), (), folders.pop())


_WORDS: dict[Kind, str] = {"lines": "lines with texts", "boxes": "pages with boxes", "xml": "pages in XML"}


_FORMS = "has neither tabs nor paths that are there: label files have lines of image<TAB>text, lists of pages a path in a line"


def _kind_of(source: str) -> tuple[Kind, bool]:
    """(what a source is, whether it is a pattern or an XML file itself)."""
    if (glob.has_magic(source) and not os.path.exists(source)) or source.lower().endswith(".xml"):
        if not glob.glob(source, recursive=True):
            raise DataError("no file of that name", source)
        return "xml", True
    rows = _first_rows(source)
    if not rows:
        raise DataError("an empty file", source)
    tabs = [row for row in rows if "\t" in row]
    if not tabs:
        folder = Path(source).parent
        if not any((folder / row).is_file() or Path(row).is_file() for row in rows if not row.startswith("#")):
            raise DataError(f"{_FORMS}; its first line is {rows[0][:80]!r}", source)
        return "xml", False
    boxes = sum(row.partition("\t")[2].lstrip().startswith(("[{", "[]")) for row in tabs)
    return ("boxes" if boxes > len(tabs) / 2 else "lines"), False


def _first_rows(source: str) -> list[str]:
    if os.path.isdir(source):
        raise DataError("is a folder; name its label files, or a pattern of its XML files such as FOLDER/*.xml", source)
    try:
        with open_regular(source) as file:
            rows = [file.readline(1 << 20) for _ in range(_LOOKED_AT)]
        return [row.decode("utf-8-sig").rstrip("\r\n") for row in rows if row.strip()]
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", source) from error
    except UnicodeDecodeError as error:
        raise DataError("is no text in UTF-8: label files have lines of image<TAB>text", source) from error


def _folder_of(source: str) -> str:
    """The folder from which a label file names its images: its own, one above, or the current one."""
    names = []
    for row in _first_rows(source):
        try:
            names.append(parse_line(row.encode("utf-8"), "\t").names[0])
        except (Rejected, IndexError):
            continue
    own = Path(source).resolve().parent
    tried = list(dict.fromkeys([own, *own.parents[:2], Path.cwd()]))
    counts = [sum((folder / name).is_file() for name in names) for folder in tried]
    best = int(np.argmax(counts))
    if not counts[best]:
        where = ", ".join(map(str, tried))
        raise DataError(
            f"not one of its first images is found ({names[0] if names else 'no usable line'}); looked in {where}", source
        )
    return str(tried[best])


@dataclass(frozen=True)
class Division:
    """Which samples are measured and which are trained on; `said`: how that was decided, in a sentence."""

    train: np.ndarray
    held_back: np.ndarray
    said: str


def divide(dataset: Dataset, kind: Kind, share: float = HELD_BACK, most: int | None = None) -> Division:
    """Holds a part of a set back: whole pages or folders where the images' names show them, else single samples.

    Nothing is held back of very few samples: they are trained on and measured.

    Args:
        share: of the samples.
        most: samples; None: `MOST_HELD_BACK`.
    """
    count = len(dataset)
    everything = np.arange(count)
    what = "pages" if kind == "boxes" else "lines"
    if count < LEAST[kind]:
        said = f"{count} {what} are too few to hold some back: all are trained on, and measured on what was trained"
        return Division(everything, everything, said)
    wanted = min(max(1, round(share * count)), MOST_HELD_BACK[kind] if most is None else most)
    for name, keys in _groupings(dataset, kind, everything):
        groups: dict[str, list[int]] = {}
        for index, key in enumerate(keys):
            groups.setdefault(key, []).append(index)
        if len(groups) < GROUPS:
            continue
        chosen: list[int] = []
        for key in sorted(groups, key=lambda key: _draw(stable_name(key))):  # the same where the folder is moved
            if len(chosen) + len(groups[key]) <= max(2 * wanted, wanted + 10):
                chosen += groups[key]
            if len(chosen) >= wanted:
                break
        if chosen:
            held = np.array(sorted(chosen))
            n = len({keys[index] for index in chosen})
            unit = f"{len(held)} {what}" if name == what else f"{len(held)} {what} of {n} of {len(groups)} {name}"
            return Division(np.setdiff1d(everything, held), held, f"held back: {unit}")
    held = np.array(sorted(sorted(range(count), key=lambda n: _draw(str(n)))[:wanted]))
    return Division(np.setdiff1d(everything, held), held, f"held back: {len(held)} of {count} {what}, for names show no pages")


def _groupings(dataset: Dataset, kind: Kind, everything: np.ndarray) -> list[tuple[str, list[str]]]:
    """Ways of grouping the samples, the best first, each with a key for every sample."""
    infos = [dataset.info(int(index)) for index in everything]
    folders = [os.path.dirname(info.path) for info in infos]
    if kind == "boxes":
        return [("folders", folders), ("pages", [info.path for info in infos])]
    pages = [dataset.page_of(info) for info in infos]
    several = len(set(pages)) * 1.5 < len(pages)  # a page has several lines
    return [*([("pages", pages)] if several else []), ("folders", folders)]


def _draw(key: str) -> bytes:
    """The order of a draw: the same for the same name, whatever else is there."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
