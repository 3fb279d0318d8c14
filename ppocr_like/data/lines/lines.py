"""All lines of a source, before any is chosen: what each says, and what it is chosen by."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ppocr_like.data.cache import FileKey
from ppocr_like.text import BaseDir

SPLITS = ("", "train", "validation", "test")


class Told(NamedTuple):
    """What a source says of one line.

    Args:
        file: that the line stands in.
        line: its place among the lines of that file, from 1.
        id: its name in the file; "": it has none.
        path: by which `Lines.image` finds its picture; no two lines share one.
        text: as the file has it.
        line_type: what the file calls the line; "": it does not say.
        base_dir: "ltr" or "rtl"; "": it does not say.
    """

    file: str
    line: int
    id: str
    path: str
    text: str
    line_type: str = ""
    base_dir: BaseDir = ""


class LeftOut(NamedTuple):
    """A line, or a whole file, that no sample is made of.

    Args:
        file: that it stands in.
        id: of the line; "": the whole file.
        reason: a short fixed phrase that is counted.
        detail: what is particular about this one.
        lines: how many lines are lost with it; 0: that is not known.
    """

    file: str
    id: str
    reason: str
    detail: str = ""
    lines: int = 1


class LineMarks(NamedTuple):
    """What is packed with a line beside its text.

    Args:
        languages: of the text.
        split: "train", "validation", "test" or "".
        page: name of its page, as `Marks.page_keys` has it; "": it is not known.
    """

    languages: tuple[str, ...] = ()
    split: str = ""
    page: str = ""


NO_MARKS = LineMarks()


@dataclass(frozen=True, eq=False)
class Marks:
    """What lines are chosen by: columns of n values, and the tables that they point into.

    Args:
        page: (n,) integers, the number of each line's page.
        page_keys: by number a page's name, the same wherever the archive lies ("folder/page.xml"): the partition draws by it.
        folders: by number the path of the folder that a page lies in.
        names: tuples of names; the first one is empty. The three columns that follow point into it.
        line_type, regions, language: (n,) integers: the line's types, the types of the regions it stands in, its languages.
        split: (n,) integers, places in SPLITS.
        reasons: why lines cannot be used; the first one is "".
        fault: (n,) integers, places in `reasons`.
        blank: (n,) bool, the text is empty, or blanks alone.
    """

    page: np.ndarray
    page_keys: Sequence[str]
    folders: Sequence[str]
    names: Sequence[tuple[str, ...]]
    line_type: np.ndarray
    regions: np.ndarray
    language: np.ndarray
    split: np.ndarray
    reasons: Sequence[str]
    fault: np.ndarray
    blank: np.ndarray

    @classmethod
    def plain(cls, page: np.ndarray, page_keys: Sequence[str], folders: Sequence[str], blank: np.ndarray) -> Marks:
        """Of lines that have pages and texts and no marks."""
        nothing = np.zeros(len(page), np.uint8)
        return cls(page, page_keys, folders, ((),), nothing, nothing, nothing, nothing, ("",), nothing, blank)

    def __len__(self) -> int:
        return len(self.page)


class Lines(ABC):
    """The lines 0 .. n - 1 of a source.

    Attributes:
        key: state of all its files.
        marks: what its lines are chosen by.
        lost: whole files of it that cannot be used.
        notes: what is to be said once: what was mended, and what is odd.
    """

    key: FileKey
    marks: Marks
    lost: Sequence[LeftOut] = ()
    notes: Sequence[str] = ()

    @abstractmethod
    def told(self, position: int) -> Told:
        """All about one line."""

    @abstractmethod
    def image(self, path: str) -> np.ndarray | None:
        """The picture of `Told.path`: encoded, as a uint8 vector, or (H, W, C) uint8 as the chain's DecodeImage would give it.
        None: it is none of this source's.

        Raises:
            Rejected: it cannot be read.
        """

    def texts(self, positions: Sequence[int]) -> list[str]:
        """The texts of some lines; sources know quicker ways."""
        return [self.told(position).text for position in positions]

    def base_dirs(self, positions: Sequence[int]) -> list[BaseDir] | None:
        """`Told.base_dir` of some lines; None: none of the source's lines has one."""
        found = [self.told(position).base_dir for position in positions]
        return found if any(found) else None

    def choose(self, positions: np.ndarray) -> None:  # noqa: B027 (most sources need not know)
        """Told once: which lines (int64, ascending) will be asked for."""

    def sizes(self, positions: np.ndarray) -> np.ndarray | None:
        """(n, 2) int32 width and height px of some lines' pictures, (0, 0): not known; None: they must be measured."""
        return None

    def detail(self, position: int) -> str:
        """What is particular about a line that cannot be used (`Marks.fault`)."""
        return ""

    def has_page(self, position: int) -> bool:
        """Whether it is known which page a line comes from."""
        return True


@dataclass
class Names:
    """Numbers for things that repeat, in the order in which they come; 0 stands for `first`."""

    first: object
    known: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known[self.first] = 0

    def number(self, thing: object) -> int:
        """The thing's number, a new one where it was not seen."""
        return self.known.setdefault(thing, len(self.known))

    def table(self) -> list:
        """The things by number."""
        return list(self.known)


def joined_key(name: str, paths: Iterable[str], *further: object) -> FileKey:
    """The state of several files as that of one: their sizes together, and in the place of the time a number that every change
    of a name, size or time changes. A file that is not there counts as such.

    Args:
        name: of the source, a path.
        further: whatever else what is cached depends on.
    """
    digest, size = hashlib.sha256(repr(further).encode()), 0
    for path in paths:
        try:
            key = FileKey.of(path)
        except OSError:
            key = FileKey(os.path.abspath(path), -1, 0)
        digest.update(f"{key.path}\0{key.size}\0{key.mtime}\n".encode("utf-8", "surrogateescape"))
        size += max(key.size, 0)
    return FileKey(os.path.abspath(name), size, int.from_bytes(digest.digest()[:7], "little"))


def stable_name(path: str) -> str:
    """The last two parts of a path, which stay where an archive is moved: "folder/page.xml"."""
    above, name = os.path.split(os.path.abspath(path))
    return f"{os.path.basename(above)}/{name}"
