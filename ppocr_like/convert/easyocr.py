"""EasyOCR's training data: a folder of crops with a `labels.csv` of the columns `filename` and `words`.

Its trainer cuts a line at the first comma, so that a text may hold more of them without quotes. Source: EasyOCR's trainer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ppocr_like.data.label_index import LabelIndex
from ppocr_like.documents.formats.icdar_columns import unquoted
from ppocr_like.errors import DataError

LABELS, HEADER = "labels.csv", ("filename", "words")


class EasyOcrCrops:
    """(image, text, place) for each line.

    Args:
        source: the folder, or its `labels.csv`.
        images: folder of the crops; None: that of `labels.csv`.

    Raises (on iteration):
        DataError: no such file, another header, a line that cannot be read.
    """

    def __init__(self, source: str | Path, images: str | Path | None = None) -> None:
        source = Path(source)
        self.file = source / LABELS if source.is_dir() else source
        self.images = Path(images) if images is not None else self.file.parent

    def __iter__(self) -> Iterator[tuple[Path, str, str]]:
        lines = LabelIndex(self.file)
        for position in range(len(lines)):
            number = lines.line_number(position)
            try:
                name, comma, words = lines.read(position).decode("utf-8").partition(",")
            except UnicodeDecodeError as error:
                raise DataError(f"is not UTF-8 ({error.reason}); save it as UTF-8", str(self.file), number) from error
            if position == 0:
                if (name.strip().lower(), words.strip().lower()) != HEADER:
                    found = f"begins with {name[:40]!r}, {words[:40]!r}"
                    raise DataError(f"{found}; EasyOCR's header is filename,words", str(self.file), number)
                continue
            if not comma or not name.strip():
                raise DataError(f"{name[:60]!r}: a file name, a comma and the text are needed", str(self.file), number)
            plain, own = unquoted(words.strip()), unquoted(name.strip())
            yield (
                self.images / (name.strip() if own is None else own),
                " ".join((words if plain is None else plain).split()),
                f"{self.file}, line {number}",
            )
