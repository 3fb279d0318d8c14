"""What a line of a label file means: image names, a text, and what stands behind it.

Behind a tab the text is taken as it stands, as in PaddleOCR. Another delimiter may stand within a text, so the csv module's
quoting rules hold there: `a.jpg,"Ca, rpark"`.
"""

from __future__ import annotations

import csv
import json
import re
from typing import NamedTuple

from ppocr_like.contracts import Rejected
from ppocr_like.outside import Malformed, parse_json

TAB = "\t"
TWO_RECORDS = "two records in one line"
CUT_TEXT = "delimiter in the text"
_IMAGE_NAME = re.compile(r"\S\.(?:jpe?g|jp2|png|bmp|tiff?|webp|gif)\"?\]?\s*$", re.IGNORECASE)
_NUMBER = re.compile(r"\s*[-+]?\d*\.?\d+(?:e[-+]?\d+)?\s*", re.IGNORECASE)


class LabelLine(NamedTuple):
    """One line.

    Args:
        names: the images' paths as written; several of the same text.
        text: the label.
        further: what stands behind a further delimiter and is not used. PaddleOCR's multi-scale label files have the image's
            width and height there.
    """

    names: list[str]
    text: str
    further: tuple[str, ...] = ()


def parse_line(raw: bytes, delimiter: str) -> LabelLine:
    """Reads `name<delimiter>text`, without the line's end.

    A name `["a.jpg", "b.jpg"]` lists images of the same text; anything else in brackets is a plain file name.

    Raises:
        Rejected: "line not in UTF-8", "line without a delimiter", "line without an image path"; "two records in one line" where
            a further field names an image or holds JSON; "delimiter in the text" where another delimiter than the tab stands
            in a text without quotes.
    """
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Rejected("line not in UTF-8", str(error.reason)) from error
    name, found, rest = line.partition(delimiter)
    if not found:
        raise Rejected("line without a delimiter", f"{line[:80]!r} holds no {delimiter!r}")
    if not name:
        raise Rejected("line without an image path", repr(line[:80]))
    if delimiter != TAB:
        return _quoted(line, delimiter)
    if delimiter not in rest:
        return LabelLine(_names(name), rest)
    text, *more = rest.split(delimiter)
    further = tuple(field for field in more if field.strip())
    _refuse_second_record(text, further)
    return LabelLine(_names(name), text, further)


def only_numbers(further: tuple[str, ...]) -> bool:
    """Whether the further fields of a line are numbers (the image's width and height, a score), so that no text is lost."""
    return all(_NUMBER.fullmatch(field) for field in further)


def _refuse_second_record(text: str, further: tuple[str, ...]) -> None:
    """Two lines of which the first lost its end read `a.jpg<TAB>Oneb.jpg<TAB>Two`: the text would be wrong."""
    names = [field for field in (text, *further) if _IMAGE_NAME.search(field)] if further else []
    documents = [field for field in further if _is_json(field)]
    if names or documents:
        found = (names or documents)[0]
        what = "names an image" if names else "holds JSON"
        shown = found if len(found) <= 60 else f"{found[:28]} ... {found[-28:]}"
        raise Rejected(TWO_RECORDS, f"the field {shown!r} {what}: a line's end is missing there")


def _is_json(field: str) -> bool:
    if not field.lstrip().startswith(("[", "{")):
        return False
    try:
        return isinstance(parse_json(field), list | dict)
    except Malformed:
        return field.lstrip().startswith(("[{", '{"', "[["))  # cut short


def _quoted(line: str, delimiter: str) -> LabelLine:
    """A line whose delimiter is no tab. Only a text in quotes, or a detector's JSON, may hold the delimiter."""
    listed = _listed_names(line, delimiter)
    name, _, rest = line.partition(delimiter)
    if listed is not None:
        name, rest = listed
    if (delimiter not in rest and '"' not in line) or rest.lstrip().startswith("[{"):
        return LabelLine(_names(name), rest)
    row = line if listed is None else f"x{delimiter}{rest}"
    try:
        fields = next(csv.reader([row], delimiter=delimiter, strict=True))
    except (csv.Error, TypeError) as error:
        if delimiter not in rest:
            return LabelLine(_names(name), rest)  # quotes that are part of the text
        raise Rejected(CUT_TEXT, _advice(rest, delimiter, f" ({error})")) from error
    if len(fields) != 2:
        raise Rejected(CUT_TEXT, _advice(rest, delimiter))
    return LabelLine(_names(name if listed is not None else fields[0]), fields[1])


def _advice(rest: str, delimiter: str, why: str = "") -> str:
    return (
        f"{rest[:80]!r} holds {delimiter!r}{why}; put the text in quotes as the csv module does ('a.jpg{delimiter}\"text\"'), or "
        "separate the columns by tabs"
    )


def _listed_names(line: str, delimiter: str) -> tuple[str, str] | None:
    """(JSON list of names, what follows the delimiter); None for a line that begins otherwise."""
    if not line.startswith("["):
        return None
    try:
        _, end = json.JSONDecoder().raw_decode(line)
    except (ValueError, RecursionError):
        return None
    return (line[:end], line[end + len(delimiter) :]) if line.startswith(delimiter, end) else None


def _names(name: str) -> list[str]:
    if name.startswith("["):
        try:
            names = parse_json(name)
        except Malformed:
            return [name]
        if isinstance(names, list) and names and all(isinstance(n, str) and n for n in names):
            return names
    return [name]
