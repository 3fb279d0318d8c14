"""Which images a person means by files, folders and lists."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path

from ppocr_like.documents.results import result_names
from ppocr_like.errors import DataError
from ppocr_like.outputs import IMAGE_ENDINGS as SUFFIXES
from ppocr_like.outside import LARGE, Malformed, decode, read_file


def natural_key(path: str) -> list[tuple[int, int | str]]:
    """Sorts `line2` before `line10`."""
    return [(0, int(part)) if part.isdecimal() else (1, part.lower()) for part in re.split(r"(\d+)", path)]


def find_images(
    sources: Iterable[str | Path], suffixes: Collection[str] = SUFFIXES, say: Callable[[str], None] = lambda line: None
) -> list[str]:
    """Files as given (whatever they are called; missing ones too, so that they are named later), folders with all images in
    them and in folders below, in natural order; patterns (`scans/*.jpg`, `**` too) where no file is called so.

    Of folders and patterns, results of earlier calls are left out (`documents.results`), and of folders hidden files and those
    with other endings.

    Args:
        sources: what a person named.
        suffixes: of the files that are taken from folders.
        say: gets a line for what is left out, hidden files aside.

    Raises:
        DataError: nothing given, a folder without images, a pattern that fits nothing.
    """
    images: list[str] = []
    for source in sources:
        if os.path.isdir(source):
            search = _Search(suffixes)
            inside = sorted(search.below(str(source)), key=natural_key)
            for line in search.left_out():
                say(f"{source}: {line}")
            if not inside:
                raise DataError(f"no images in this folder or below (looked for {', '.join(sorted(suffixes))})", str(source))
            images += inside
        elif has_magic(str(source)) and not os.path.exists(source):
            search = _Search(None)
            fitting = sorted(search.among(_fitting(str(source))), key=natural_key)
            for line in search.left_out():
                say(f"{source}: {line}")
            if not fitting:
                raise DataError("no file fits this pattern", str(source))
            images += fitting
        else:
            images.append(str(source))
    if not images:
        raise DataError("no images given: name files or folders, or set Global.infer_img")
    return images


def read_list(path: str | Path) -> list[str]:
    """Image paths of a text file, one per line; of a label file the part before the tab.

    Raises:
        DataError: missing, not UTF-8, or empty.
    """
    try:
        text = decode(read_file(path, LARGE))
    except OSError as error:
        raise DataError(f"cannot read the list of images ({error.strerror or error})", str(path)) from error
    except Malformed as error:
        raise DataError(f"the list of images {error}", str(path), error.line) from error
    images = [line.rstrip("\r").partition("\t")[0] for line in text.split("\n") if line.strip()]
    if not images:
        raise DataError("the list of images is empty", str(path))
    return images


def _fitting(pattern: str) -> Iterator[str]:
    try:
        yield from (path for path in glob(pattern, recursive=True) if os.path.isfile(path))
    except (ValueError, OSError) as error:  # a NUL within, or a name longer than the system takes
        raise DataError(f"is no pattern of file names ({error})", pattern) from error


class _Search:
    """Takes images out of many files, and counts what it leaves.

    Args:
        suffixes: that are taken; None: all.
    """

    def __init__(self, suffixes: Collection[str] | None) -> None:
        self.suffixes = suffixes
        self.others: Counter[str] = Counter()
        self.results = 0
        self._known: dict[str, frozenset[str]] = {}

    def below(self, folder: str) -> Iterator[str]:
        """The images of a folder and those below."""
        for parent, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            yield from self.among(os.path.join(parent, name) for name in names if not name.startswith("."))

    def among(self, paths: Iterable[str]) -> Iterator[str]:
        """The images of these files."""
        for path in paths:
            folder, name = os.path.split(path)
            if folder not in self._known:
                self._known[folder] = result_names(folder or ".")
            suffix = os.path.splitext(name)[1].lower()
            if name in self._known[folder]:
                self.results += 1
            elif self.suffixes is None or suffix in self.suffixes:
                yield path
            else:
                self.others[suffix or "without an ending"] += 1

    def left_out(self) -> Iterator[str]:
        """For people: what was not taken."""
        if self.results:
            yield f"{self.results} files are results of an earlier call and are not read"
        if self.others:
            shown = ", ".join(f"{count} {suffix}" for suffix, count in self.others.most_common(6))
            yield f"{self.others.total()} files are left out by their endings ({shown}); name them one by one if they are images"
