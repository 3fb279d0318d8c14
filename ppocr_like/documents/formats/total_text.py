"""Total-Text: a folder of `poly_gt_img1.txt`, one per image, in its `.txt` form.

    x: [[206 251 386 542]], y: [[633 811 931 946]], ornt: [u'c'], transcriptions: [u'ASRAMA']

Source: github.com/cs-chan/Total-Text-Dataset (Groundtruth/Text).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ppocr_like.documents.formats.reader import MISSHAPEN, Reader, files_of, find_images_below
from ppocr_like.documents.page import Line, Page
from ppocr_like.outside import SMALL, load_text

_BEGIN = re.compile(r"^\s*x:", re.MULTILINE)
_RECORD = re.compile(
    r"\s*x:\s*\[\[(.*?)\]\]\s*,\s*y:\s*\[\[(.*?)\]\]\s*,\s*ornt:\s*\[(.*?)\]\s*,\s*transcriptions:\s*\[(.*)\]\s*", re.DOTALL
)
_PREFIX = "poly_gt_"
UNREADABLE = "#"  # as orientation or as text: "don't care"


class TotalText(Reader):
    """Pages of Total-Text's polygons; `#` is an ignored box.

    Args:
        source: folder of the `.txt` files.
        images: folder of the images (`img1.jpg` for `poly_gt_img1.txt`); also several folders within it.
        skip_bad: see `Reader`.
    """

    unit = "file"

    def __init__(self, source: str | Path, images: str | Path, skip_bad: bool = False) -> None:
        super().__init__(skip_bad)
        self.source, self.images = Path(source), Path(images)

    def __iter__(self) -> Iterator[tuple[Page, str]]:
        files = files_of(self.source, ".txt", "the .txt form of the ground truth is needed, not the .mat files")
        images = find_images_below(self.images)
        for file, text in self.each(files, partial(load_text, limit=SMALL)):
            name = file.stem.removeprefix(_PREFIX).removeprefix("gt_")
            yield Page(str(images.get(name, self.images / f"{name}.jpg")), lines=tuple(self._boxes(text, file))), str(file)

    def _boxes(self, text: str, file: Path) -> Iterator[Line]:
        starts = [match.start() for match in _BEGIN.finditer(text)]
        if not starts and text.strip():
            self.bad("is not as Total-Text writes it: no record begins with `x: [[`", file, 1)
        for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
            line = text.count("\n", 0, start + 1) + 1
            try:
                box = self._box(text[start:end], f"{file}, line {line}")
            except MISSHAPEN as error:
                self.bad(f"is not as Total-Text writes it: {error}", file, line)
                continue
            if box is not None:
                yield box

    def _box(self, record: str, place: str) -> Line | None:
        match = _RECORD.fullmatch(record)
        if not match:
            raise ValueError(f"{record.strip()[:60]!r} has not the fields x, y, ornt and transcriptions")
        across, down = ([float(n) for n in match[k].replace(",", " ").split()] for k in (1, 2))
        if len(across) != len(down):
            raise ValueError(f"{len(across)} numbers for x and {len(down)} for y")
        points = self.polygon([list(pair) for pair in zip(across, down, strict=True)], place)
        kind, text = _string(match[3]), _string(match[4])
        return None if points is None else Line(points, text, ignored=UNREADABLE in (kind, text))


def _string(literal: str) -> str:
    """A Python 2 or 3 literal, `u'text'`; "" for an empty list."""
    literal = literal.strip()
    if not literal:
        return ""
    try:
        value = ast.literal_eval(literal)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"{literal[:60]!r} is no text in quotes") from error
    if not isinstance(value, str):
        raise ValueError(f"{literal[:60]!r} is no text in quotes")
    return value
