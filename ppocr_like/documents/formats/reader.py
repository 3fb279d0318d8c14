"""What every reader of annotated pages does: it gives pages with their lines, and counts what it leaves out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ppocr_like.documents.page import Page
from ppocr_like.errors import DataError
from ppocr_like.geometry import corners_in_order, crosses_itself, smallest_box
from ppocr_like.outside import outline

T = TypeVar("T")

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")
# Names of tags that a reader gives lines.
VERTICAL = "vertical"  # the source says that the text runs from top to bottom
COVERAGE = "coverage"  # share of the line's upright box that its words' upright boxes cover
_LEAST_AREA = 1.0  # px²
# What Python throws where a record has not the shape that its format asks for.
MISSHAPEN = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError)


@dataclass
class LeftOut:
    """Counts by reason what was filtered, with the first place of each; `notes` counts what was kept and is worth knowing."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)

    def add(self, reason: str, place: str) -> None:
        self.counts[reason] += 1
        self.first.setdefault(reason, place)

    def clear(self) -> None:
        """Back to nothing."""
        for table in (self.counts, self.first, self.notes):
            table.clear()


class Reader(ABC):
    """Iterating gives (page, place) pairs, one at a time; whatever the size of the source, little is held in memory.

    `page` has its image's path as `source`, no size (0 x 0), and a line for each annotated word or line: its outline (P, 2)
    float64 px with P >= 4, its text as annotated ("" where the source gives none), and whether it is ignored (illegible,
    difficult, `###`). `place` is the file and the line (or record) of the annotation, for messages. `left_out` counts what was
    filtered on the way. `total` and `done` say how far reading is, in `unit`s.

    Raises (on iteration):
        DataError: the source cannot be used; names file and line or record. With `skip_bad` a broken line or record is
            counted instead; a file that is cut or is no JSON at all stops the reading always.
    """

    unit = "B"

    def __init__(self, skip_bad: bool = False) -> None:
        self.skip_bad = skip_bad
        self.order_corners = False  # of quadrangles that cross themselves; otherwise they stay as they are
        self.left_out = LeftOut()
        self.total = 0
        self.done = 0

    @abstractmethod
    def __iter__(self) -> Iterator[tuple[Page, str]]: ...

    def bad(self, message: str, file: str | Path, line: int = 0) -> None:
        """Stops at a broken line or record, or counts it."""
        error = DataError(f"{message}; --skip-bad leaves such records out", str(file), line)
        if not self.skip_bad:
            raise error
        self.left_out.add("broken record", str(DataError(message, str(file), line)))

    def each(self, files: Sequence[Path], load: Callable[[Path], T]) -> Iterator[tuple[Path, T]]:
        """(file, its contents) of a format with one file per image; `done` counts them."""
        self.total = len(files)
        for self.done, file in enumerate(files, start=1):
            try:
                contents = load(file)
            except DataError as error:
                if not self.skip_bad:
                    raise
                self.left_out.add("broken record", str(error))
                continue
            yield file, contents

    def polygon(self, points: Any, place: str) -> np.ndarray | None:
        """(P, 2) float64 with P >= 4; None (counted) for what is no area. Three points become their smallest box.

        Raises:
            ValueError: not a list of pairs of numbers.
        """
        array = self._uncrossed(outline(points), place)
        if len(array) == 2:
            self.left_out.add("box of 2 points", place)
            return None
        if len(array) < 3 or _area(array.tolist()) < _LEAST_AREA:
            self.left_out.add("box without area", place)
            return None
        if len(array) == 3:
            self.left_out.notes["boxes of 3 points, taken as their smallest rectangle"] += 1
            array = smallest_box(array)[0].astype(np.float64)
        return array

    def _uncrossed(self, array: np.ndarray, place: str) -> np.ndarray:
        """A bow-tie's corners in order, where that is asked for; otherwise it is counted."""
        if not crosses_itself(array):
            return array
        if self.order_corners:
            self.left_out.notes["quadrangles that crossed themselves, their corners put in order"] += 1
            return corners_in_order(array)
        self.left_out.notes["quadrangles that cross themselves; --order-corners puts their corners in order"] += 1
        return array


def _area(points: list[list[float]]) -> float:
    """px²; in plain Python, which is quicker than numpy for a handful of points."""
    return 0.5 * abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise([*points, points[0]])))


def upright(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    """The four corners of an upright rectangle, clockwise from the top left."""
    left, right = min(left, right), max(left, right)
    top, bottom = min(top, bottom), max(top, bottom)
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def files_of(folder: Path, ending: str, what: str) -> list[Path]:
    """The files of an ending, in order.

    Raises:
        DataError: no folder; none of them is there.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ending)
    except OSError as error:
        raise DataError(f"cannot list the annotations ({error.strerror or error})", str(folder)) from error
    if not files:
        raise DataError(f"holds no {ending} files; {what}", str(folder))
    return files


def find_images_below(folder: str | Path) -> dict[str, Path]:
    """The same, with those of the folders directly in it (LSVT's images come in two)."""
    found = find_images(folder)
    for below in sorted(path for path in Path(folder).iterdir() if path.is_dir()):
        found = {**find_images(below), **found}
    return found


def find_images(folder: str | Path) -> dict[str, Path]:
    """Image files directly in a folder, by name without ending.

    Raises:
        DataError: no folder, or unreadable.
    """
    try:
        files = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in IMAGE_ENDINGS)
    except OSError as error:
        raise DataError(f"cannot list the images ({error.strerror or error}); check --images", str(folder)) from error
    return {path.stem: path for path in files}
