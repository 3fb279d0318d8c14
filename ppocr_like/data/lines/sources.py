"""Which files a set of lines is made of: lists of them (`manifests`), and patterns (`files`)."""

from __future__ import annotations

import codecs
import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ppocr_like.data.lines.lines import LeftOut
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.outside import LARGE, read_file
from ppocr_like.printable import one_line

MISSING = "file of the list is missing"
FILES = "files"  # name of the source that patterns make
_COMMENT = "#"


class Entry(NamedTuple):
    """A file of a source.

    Args:
        path: as it will be opened.
        place: where it is named: "train.txt, line 3", or the pattern.
    """

    path: str
    place: str


@dataclass(frozen=True)
class Source:
    """Files whose lines are drawn together.

    Args:
        name: the manifest's path, or "files".
        entries: those that are there, in their order, each once.
        missing: those that are not.
        again: how many are named more than once.
    """

    name: str
    entries: tuple[Entry, ...]
    missing: tuple[LeftOut, ...] = ()
    again: int = 0


def as_list(given: str | Sequence[str] | None) -> list[str]:
    """One, several or none as a list."""
    return [] if given is None else [given] if isinstance(given, str) else list(given)


def source_names(manifests: Sequence[str], files: Sequence[str]) -> tuple[str, ...]:
    """Of each manifest one source, and one for all the patterns."""
    return (*manifests, *([FILES] if files else []))


def read_sources(manifests: Sequence[str], files: Sequence[str], where: str) -> list[Source]:
    """The files that manifests and patterns name.

    Raises:
        ConfigError: everything that is wrong with a manifest; one of which no file is there; a pattern that finds nothing.
    """
    problems: list[Problem] = []
    sources = []
    for manifest in manifests:
        try:
            sources.append(_of_manifest(manifest))
        except _Unusable as error:
            problems.append(Problem("manifests", f"{one_line(manifest)}: {error}"))
    if files:
        sources.append(_of_patterns(files, problems))
    if not manifests and not files:
        problems.append(Problem("manifests", "is missing, and so is files; one of them names the files"))
    if problems:
        raise ConfigError(problems, where)
    return sources


class _Unusable(Exception):
    """Why a manifest names nothing."""


def named_in(manifest: str) -> list[tuple[int, str]]:
    """(line, path as it is written) of a manifest's entries.

    Raises:
        _Unusable: it cannot be read, is no text, or names nothing.
    """
    try:
        raw = read_file(manifest, LARGE)
    except OSError as error:
        raise _Unusable(f"cannot be read ({error.strerror or error})") from error
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _Unusable("is UTF-16; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unusable(f"is no text in UTF-8 (line {raw[: error.start].count(10) + 1}); {_WANTED}") from error
    if "\0" in text:
        raise _Unusable(f"is no text: line {text[: text.index(chr(0))].count(chr(10)) + 1} holds a zero byte; {_WANTED}")
    rows = [(number, row.strip()) for number, row in enumerate(text.split("\n"), start=1)]
    rows = [(number, row) for number, row in rows if row and not row.startswith(_COMMENT)]
    if not rows:
        raise _Unusable(f"names no file; {_WANTED}")
    return rows


_WANTED = "each line names one file, lines that begin with # are comments"


def _of_manifest(manifest: str) -> Source:
    folder, own = os.path.dirname(manifest), os.path.abspath(manifest)
    ending = os.path.basename(manifest)
    entries: dict[str, Entry] = {}
    missing, again = [], 0
    for number, name in named_in(manifest):
        place = f"{manifest}, line {number}"
        path = next((path for path in (os.path.join(folder, name), name) if os.path.isfile(path)), None)
        if path is None:
            missing.append(LeftOut(manifest, "", MISSING, f"line {number}: {name}", 0))
        elif path.endswith(ending) and os.path.abspath(path) == own:
            raise _Unusable(f"names itself in line {number}; {_WANTED}")
        elif path in entries:
            again += 1
        else:
            entries[path] = Entry(path, place)
    if not entries:
        raise _Unusable(
            f"none of the {len(missing)} files that it names is there (the first: {missing[0].detail}); paths count from the "
            "folder of the list, and then from the current one"
        )
    return Source(manifest, tuple(entries.values()), tuple(missing), again)


def _of_patterns(files: Sequence[str], problems: list[Problem]) -> Source:
    entries: dict[str, Entry] = {}
    again = 0
    for pattern in files:
        found = [path for path in sorted(glob.glob(pattern, recursive=True)) if os.path.isfile(path)]
        if not found:
            problems.append(Problem("files", f"{one_line(pattern)}: no file is called so"))
        again += sum(path in entries for path in found)
        entries.update((path, Entry(path, pattern)) for path in found if path not in entries)
    return Source(FILES, tuple(entries.values()), (), again)
