"""Text directions: what a set of labels and a network's texts have to do with the order of the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

from ppocr_like.text.order import Base, Direction, is_right_to_left, right_to_left_entries

MEANING: dict[Direction, str] = {
    "ltr": "labels and texts stand in the order of the page, from left to right; nothing is moved",
    "rtl": "labels and texts stand in reading order; the network reads from left to right; UAX #9 leads from one to the other, "
    "and a line with a right-to-left letter runs from right to left",
    "bidi": "labels and texts stand in reading order; the network reads from left to right; UAX #9 leads from one to the other, "
    "and the first strong character gives a line's base direction",
    "bidi_ltr": "labels and texts stand in reading order; UAX #9 leads to the order of the page, all lines with base direction L",
    "bidi_rtl": "labels and texts stand in reading order; UAX #9 leads to the order of the page, all lines with base direction R",
    "paddle": "labels stand in the order of the page, from left to right, as PaddleOCR's Arabic label files do; texts are put in "
    "reading order by PaddleOCR's rule, and so are the labels that they are compared with",
}
DIRECTION_KEY = "text_direction"  # in the metadata of ONNX files
DirectionSetting = Literal["auto", "ltr", "rtl", "paddle", "bidi", "bidi_ltr", "bidi_rtl"]
BASES: dict[Direction, Base] = {"rtl": "letters", "bidi": "first", "bidi_ltr": "ltr", "bidi_rtl": "rtl"}  # those that move


def resolve_direction(setting: DirectionSetting, entries: Iterable[str]) -> Direction:
    """What `Global.text_direction` means for a dictionary.

    `auto` is `rtl` where an entry holds a letter of a right-to-left script (Unicode's bidirectional classes R and AL). `paddle`
    matters with such letters alone, `bidi` and `bidi_ltr` also with Arabic digits.
    """
    if setting in ("ltr", "rtl", "bidi_rtl"):
        return setting
    if setting in ("bidi", "bidi_ltr"):
        return setting if any(is_right_to_left(entry) for entry in entries) else "ltr"
    if not right_to_left_entries(entries):
        return "ltr"
    return "rtl" if setting == "auto" else "paddle"


def told_direction(data: Mapping[str, Any]) -> Direction:
    """The direction that weights or a bundle tell; of those made before they did (`right_to_left` alone) the one that was in use
    then: labels in the file's order, and PaddleOCR's rule where the dictionary's path had "arabic" in it.

    Raises:
        KeyError, ValueError: neither is there, or a direction that is not known.
    """
    if "direction" not in data:
        return "paddle" if data["right_to_left"] else "ltr"
    if data["direction"] not in get_args(Direction):
        raise ValueError(f"direction {data['direction']!r}; known: {', '.join(get_args(Direction))}")
    direction: Direction = data["direction"]
    return direction


def graph_direction(metadata: Mapping[str, str], entries: Sequence[str]) -> Direction:
    """The direction of an ONNX file: the one that its metadata tell, and of PaddleOCR's own, which tell none, PaddleOCR's.

    Raises:
        ValueError: a direction that is not known.
    """
    if DIRECTION_KEY in metadata:
        return told_direction({"direction": metadata[DIRECTION_KEY]})
    return resolve_direction("paddle", entries)
