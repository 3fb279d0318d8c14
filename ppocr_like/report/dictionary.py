"""A dictionary from the characters of label files."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ppocr_like.atomic import write_text
from ppocr_like.contracts import Rejected
from ppocr_like.data.label_index import LabelIndex
from ppocr_like.documents.formats.label_line import only_numbers, parse_line
from ppocr_like.errors import CheckpointError, DataError

logger = logging.getLogger("ppocr_like")


def count_characters(files: Sequence[str | Path], delimiter: str = "\t") -> Counter[str]:
    """How often each character (code point) stands in the texts of the label files; the space is counted too.

    Raises:
        DataError: a file that cannot be read; a line without delimiter or not UTF-8, with its number.
    """
    counts: Counter[str] = Counter()
    further, first = 0, ""
    for file in files:
        index = LabelIndex(file)
        for position in range(len(index)):
            try:
                line = parse_line(index.read(position), delimiter)
                counts.update(line.text)
            except Rejected as error:
                raise DataError(str(error), str(file), index.line_number(position)) from error
            if line.further and not only_numbers(line.further):
                further += 1
                first = first or f"{file}, line {index.line_number(position)}: {', '.join(line.further)[:60]!r}"
    if further:
        logger.warning("%s lines have further columns behind the text, which are not counted (first: %s)", f"{further:,}", first)
    return counts


def write_dictionary(path: str | Path, counts: Counter[str], min_count: int = 1, overwrite: bool = False) -> list[str]:
    """Writes the characters that occur at least `min_count` times, sorted by code point, one per line, without the space
    (`use_space_char: true` stands for it); returns them.

    Raises:
        DataError: nothing to write, the file exists (and `overwrite` is false), or it cannot be written.
    """
    entries = sorted(character for character, count in counts.items() if count >= min_count and character != " ")
    if not entries:
        raise DataError(f"no character but the space occurs {min_count} times or more: there is nothing to write", str(path))
    if "\n" in entries or "\r" in entries:
        raise DataError(
            "a label holds a line break within its text, which a dictionary cannot list; mend the label file", str(path)
        )
    refuse_existing(path, overwrite)
    try:
        write_text(path, "".join(f"{entry}\n" for entry in entries))
    except CheckpointError as error:
        raise DataError(str(error)) from error
    return entries


def refuse_existing(path: str | Path, overwrite: bool) -> None:
    """Raises DataError where the dictionary is there and shall not be replaced."""
    if os.path.lexists(path) and not overwrite:
        raise DataError("exists already; give another name, or --force to replace it", str(path))


def describe_character(character: str) -> str:
    """ "é U+00E9 LATIN SMALL LETTER E WITH ACUTE"; a character that cannot stand alone is shown by its code only."""
    shown = character if character.isprintable() and not unicodedata.combining(character) else " "
    return f"{shown} U+{ord(character):04X} {unicodedata.name(character, 'without a name')}"
