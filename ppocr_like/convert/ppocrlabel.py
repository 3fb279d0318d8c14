"""PPOCRLabel: `Label.txt`, a line per image; beside it `fileState.txt` (images a person confirmed) and `rec_gt.txt` (crops).

Source: the files that PPOCRLabel writes; paths in `Label.txt` begin with the name of the folder of images.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ppocr_like.contracts import Rejected
from ppocr_like.data.label_index import LabelIndex
from ppocr_like.documents.formats.label_line import parse_line
from ppocr_like.documents.formats.paddle import line_of, read_boxes
from ppocr_like.documents.formats.reader import MISSHAPEN, Reader
from ppocr_like.documents.page import Line, Page
from ppocr_like.errors import DataError
from ppocr_like.outside import LARGE, load_text

LABELS, STATE, CROPS = "Label.txt", "fileState.txt", "rec_gt.txt"


class PPOCRLabel(Reader):
    """Pages of a `Label.txt`. Boxes marked `difficult`, `###` and `*` are ignored boxes.

    Args:
        source: the folder of images, or its `Label.txt`.
        images: folder of the images; None: that of `Label.txt`.
        confirmed: take only the images that `fileState.txt` marks as done.
        skip_bad: see `Reader`.
    """

    unit = "line"

    def __init__(
        self, source: str | Path, images: str | Path | None = None, confirmed: bool = False, skip_bad: bool = False
    ) -> None:
        super().__init__(skip_bad)
        source = Path(source)
        self.file = source / LABELS if source.is_dir() else source
        self.images = Path(images) if images is not None else self.file.parent
        self.confirmed = _confirmed(self.file.with_name(STATE)) if confirmed else None

    def __iter__(self) -> Iterator[tuple[Page, str]]:
        lines = LabelIndex(self.file)
        self.total = len(lines)
        for self.done in range(1, len(lines) + 1):
            number = lines.line_number(self.done - 1)
            place = f"{self.file}, line {number}"
            try:
                names, text, further = parse_line(lines.read(self.done - 1), "\t")
                if further:
                    self.left_out.notes["lines with further columns, which are not used"] += 1
                name = names[0].replace("\\", "/")
                if self.confirmed is not None and Path(name).name not in self.confirmed:
                    self.left_out.add(f"image not confirmed in {STATE}", place)
                    continue
                found = self._lines(text, place)
            except (Rejected, *MISSHAPEN) as error:
                self.bad(str(error), self.file, number)
                continue
            yield Page(str(self._image(name)), lines=tuple(found)), place

    def _image(self, name: str) -> Path:
        """`folder/a.jpg` stands for `a.jpg` in the folder of `Label.txt`, whatever that is called by now."""
        own = self.images / Path(name).name
        whole = self.images.parent / name
        return own if os.path.exists(own) or not os.path.exists(whole) else whole

    def _lines(self, text: str, place: str) -> list[Line]:
        found = []
        for number, box in enumerate(read_boxes(text), start=1):
            if not isinstance(box, dict) or "points" not in box:
                raise ValueError(f"box {number} has no points")
            points = self.polygon(box["points"], place)
            if points is not None:
                found.append(line_of(box, points))
        return found


class RecGt:
    """The crops that PPOCRLabel exported: (image, text, place) for each line of a `rec_gt.txt`.

    Args:
        source: the folder, or its `rec_gt.txt`.

    Raises (on iteration):
        DataError: a line that cannot be read.
    """

    def __init__(self, source: str | Path) -> None:
        source = Path(source)
        self.file = source / CROPS if source.is_dir() else source

    def __iter__(self) -> Iterator[tuple[Path, str, str]]:
        lines = LabelIndex(self.file)
        for position in range(len(lines)):
            number = lines.line_number(position)
            try:
                names, text, _ = parse_line(lines.read(position), "\t")
            except Rejected as error:
                raise DataError(str(error), str(self.file), number) from error
            yield self.file.parent / names[0].replace("\\", "/"), text, f"{self.file}, line {number}"


def _confirmed(file: Path) -> set[str]:
    """Names of the images that a `fileState.txt` marks with 1; it holds whole paths of the machine where it was written."""
    try:
        text = load_text(file, LARGE)
    except DataError as error:
        raise DataError(f"{error}; without this file leave --confirmed away") from error
    rows = (line.rsplit("\t", 1) for line in text.splitlines() if line.strip())
    return {row[0].replace("\\", "/").rsplit("/", 1)[-1] for row in rows if len(row) == 2 and row[1].strip() == "1"}
