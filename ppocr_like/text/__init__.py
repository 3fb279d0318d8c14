"""Rules of text: Unicode form and blanks, the order of the page and that of reading (UAX #9)."""

from ppocr_like.text.normal import Form, normalised
from ppocr_like.text.order import (
    Direction,
    Reordered,
    is_right_to_left,
    mostly_right_to_left,
    paddle_order,
    right_to_left_entries,
    to_logical,
    to_visual,
)

__all__ = [
    "Direction",
    "Form",
    "Reordered",
    "is_right_to_left",
    "mostly_right_to_left",
    "normalised",
    "paddle_order",
    "right_to_left_entries",
    "to_logical",
    "to_visual",
]
