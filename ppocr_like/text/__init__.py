"""Rules of text: Unicode form and blanks, the order of the page and that of reading (UAX #9)."""

from ppocr_like.text.bidi import LTR, RTL
from ppocr_like.text.direction import (
    BASES,
    DIRECTION_KEY,
    MEANING,
    DirectionSetting,
    graph_direction,
    resolve_direction,
    told_direction,
)
from ppocr_like.text.inverse import to_logical
from ppocr_like.text.normal import Form, normalised
from ppocr_like.text.order import (
    Base,
    BaseDir,
    Direction,
    Reordered,
    base_of,
    is_right_to_left,
    mostly_right_to_left,
    paddle_order,
    right_to_left_entries,
    to_visual,
)

__all__ = [
    "BASES",
    "Base",
    "BaseDir",
    "DIRECTION_KEY",
    "Direction",
    "DirectionSetting",
    "Form",
    "LTR",
    "MEANING",
    "RTL",
    "Reordered",
    "base_of",
    "graph_direction",
    "is_right_to_left",
    "mostly_right_to_left",
    "normalised",
    "paddle_order",
    "resolve_direction",
    "right_to_left_entries",
    "to_logical",
    "to_visual",
    "told_direction",
]
