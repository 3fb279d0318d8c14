"""Rules of text: the order of the page and that of reading (UAX #9)."""

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
    "Reordered",
    "is_right_to_left",
    "mostly_right_to_left",
    "paddle_order",
    "right_to_left_entries",
    "to_logical",
    "to_visual",
]
