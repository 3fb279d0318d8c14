"""ICDAR: one text file per image, `gt_img_1.txt` for `img_1.jpg`, a box per line: coordinates, comma, text.

Forms: four points (ICDAR 2015, SROIE), left top right bottom (ICDAR 2013, also separated by spaces, text in quotes), and
polygons of any number of points. Source: the tasks' download pages at rrc.cvc.uab.es.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ppocr_like.documents.formats.icdar_columns import extra_columns, unquoted
from ppocr_like.documents.formats.paddle import IGNORED_TEXTS
from ppocr_like.documents.formats.reader import Reader, find_images, upright
from ppocr_like.documents.page import Line, Page
from ppocr_like.errors import DataError
from ppocr_like.outside import read_file

FORMS = ("auto", "quad", "ltrb", "polygon")
_LOOKED_AT = 50  # files that tell the form
_NUMBER = re.compile(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)\s*")
_LTRB = re.compile(r"\s*([-+]?[\d.]+)[,\s]+([-+]?[\d.]+)[,\s]+([-+]?[\d.]+)[,\s]+([-+]?[\d.]+)\s*(?:$|[,\s]\s*(.*))", re.S)
_PREFIXES = ("gt_", "poly_gt_")
_QUAD = 8  # coordinates


class Icdar(Reader):
    """Pages of a folder of ICDAR ground truth.

    A text may hold commas; one in quotes is taken out of them by the csv module's rules. `###` and `*` are ignored boxes; a line
    that ends after its coordinates is a box without text.

    Args:
        source: folder of the `.txt` files; where some begin with `gt_` or `poly_gt_`, only these are read.
        images: folder of the images; None: the same.
        form: "quad", "ltrb", "polygon", or "auto", which decides by the first files for the whole set (a text that is a number
            cannot be told from a coordinate line by line). In polygons all leading pairs of numbers are points, except
            the last field.
        extra_columns: columns between coordinates and text (1 for MLT's script); None: none, but a column that the first files
            show (a script's name, a flag, one constant word) is an error.
        keep_quotes: texts in quotes stay as they are.
        encoding: of the files; a byte-order mark is dropped in UTF-8.
        skip_bad: see `Reader`.
    """

    unit = "file"

    def __init__(
        self,
        source: str | Path,
        images: str | Path | None = None,
        form: str = "auto",
        extra_columns: int | None = None,
        encoding: str = "utf-8",
        skip_bad: bool = False,
        keep_quotes: bool = False,
    ) -> None:
        super().__init__(skip_bad)
        if form not in FORMS:
            raise ValueError(f"form is {form!r}; known: {', '.join(FORMS)}")
        if extra_columns is not None and extra_columns < 0:
            raise ValueError(f"extra_columns is {extra_columns}; 0 or more")
        self.source, self.form = Path(source), form
        self.extra_columns, self.asked = extra_columns or 0, extra_columns is None
        self.keep_quotes = keep_quotes
        self.images = Path(images) if images is not None else self.source
        try:
            self.encoding = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
        except LookupError as error:
            raise ValueError(f"encoding is {encoding!r}, which Python does not know") from error

    def __iter__(self) -> Iterator[tuple[Page, str]]:
        try:
            files = sorted(path for path in self.source.iterdir() if path.suffix.lower() == ".txt")
        except OSError as error:
            raise DataError(f"cannot list the ground truth ({error.strerror or error})", str(self.source)) from error
        if not files:
            raise DataError("holds no .txt files; ICDAR has one per image", str(self.source))
        files = [file for file in files if file.stem.startswith(_PREFIXES)] or files
        self.total = len(files)
        images = find_images(self.images)
        if self.form == "auto":
            self.form = self._guess(files)
        if self.asked:
            self._look_for_columns(files)
        self.left_out.clear()  # these files come again
        for self.done, file in enumerate(files, start=1):
            image = next((images[name] for name in _names(file.stem) if name in images), None)
            boxes = [box for number, row in self._rows(file) if (box := self._box(row, file, number)) is not None]
            yield Page(str(image or self.images / f"{_names(file.stem)[-1]}.jpg"), lines=tuple(boxes)), str(file)

    def _rows(self, file: Path) -> Iterator[tuple[int, str]]:
        """(number from 1, line) of each line that is not blank."""
        try:
            text = read_file(file).decode(self.encoding).replace("\r\n", "\n").replace("\r", "\n")
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror or error})", str(file)) from error
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            message = f"is not {self.encoding} ({error.reason}); give --encoding, as cp1252"
            if not self.skip_bad:
                raise DataError(message, str(file), line) from error
            self.left_out.add("file in another encoding", str(DataError(message, str(file), line)))
            return
        yield from ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())

    def _guess(self, files: list[Path]) -> str:
        """The form of the set: by how many numbers its lines begin with."""
        numbers: Counter[int] = Counter()
        for file in islice(files, _LOOKED_AT):
            for _, line in self._rows(file):
                fields = line.rstrip("\r").split(",")
                if len(fields) < _QUAD:
                    numbers[4] += _LTRB.match(line) is not None
                    continue
                last = 0 if len(fields) == _QUAD else 1  # the last of more than eight is text, even if it is a number
                numbers[_leading(fields[: len(fields) - last])] += 1
        quads = numbers[_QUAD] + numbers[_QUAD + 1]
        few = sum(count for n, count in numbers.items() if 4 <= n < _QUAD)
        many = sum(count for n, count in numbers.items() if n > _QUAD + 1)
        return "ltrb" if few > max(quads, many) else "polygon" if many > quads else "quad"

    def _look_for_columns(self, files: list[Path]) -> None:
        """Raises DataError where the first files show columns between coordinates and text."""
        rests = []
        for file in islice(files, _LOOKED_AT):
            for _, line in self._rows(file):
                try:
                    rests.append(self._parts(line.rstrip("\r"))[1])
                except ValueError:
                    continue  # said when the file is read
        count, values = extra_columns(rests)
        if count:
            raise DataError(
                f"between coordinates and text stands a column ({', '.join(map(repr, values))}) that is no part of the text: "
                f"give --extra-columns {count}; where it does belong to the text, --extra-columns 0",
                str(self.source),
            )

    def _box(self, line: str, file: Path, number: int) -> Line | None:
        place = f"{file}, line {number}"
        try:
            coordinates, rest = self._parts(line.rstrip("\r"))
            text = self._text(rest)
            points = self.polygon(coordinates, place)
        except ValueError as error:
            self.bad(f"{error} (form {self.form}; --form changes it)", file, number)
            return None
        return None if points is None else Line(points, text, ignored=text in IGNORED_TEXTS)

    def _parts(self, line: str) -> tuple[Any, str]:
        """(coordinates, what follows them)."""
        return self._ltrb(line) if self.form == "ltrb" else self._points(line)

    def _ltrb(self, line: str) -> tuple[list[list[float]], str]:
        match = _LTRB.match(line)
        if not match:
            raise ValueError(f"{line[:60]!r} does not begin with left, top, right, bottom")
        return upright(*(float(match[n]) for n in range(1, 5))), (match[5] or "").strip()

    def _points(self, line: str) -> tuple[list[float], str]:
        fields = line.split(",")
        count = _leading(fields)
        if self.form == "quad":
            if count < _QUAD:
                raise ValueError(f"{line[:60]!r} begins with {count} numbers, {_QUAD} are needed")
            count = _QUAD
        else:
            count = min(count, len(fields) - 1 if len(fields) % 2 else len(fields)) // 2 * 2
            if count < 6:
                raise ValueError(f"{line[:60]!r} begins with {count} numbers, 6 or more are needed")
        text = ",".join(fields[count:])
        if self.form == "polygon":
            text = text.removeprefix("####")  # CTW1500's mark before a text
        return [float(value) for value in fields[:count]], text.strip()

    def _text(self, rest: str) -> str:
        text = rest.split(",", self.extra_columns)[-1].strip() if self.extra_columns else rest
        plain = None if self.keep_quotes else unquoted(text)
        if plain is None:
            return text
        self.left_out.notes["texts in quotes, taken out of them (--keep-quotes leaves them)"] += 1
        return plain


def _leading(fields: list[str]) -> int:
    """How many fields from the first on are numbers."""
    return next((n for n, value in enumerate(fields) if not _NUMBER.fullmatch(value)), len(fields))


def _names(stem: str) -> list[str]:
    """Names without ending that the image of a ground-truth file may have."""
    return [stem, *(stem.removeprefix(prefix) for prefix in _PREFIXES if stem.startswith(prefix))]
