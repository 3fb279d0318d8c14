"""What an export can be asked for: known without torch, so that the command line can judge its arguments at once."""

from __future__ import annotations

TOLERANCE = 1e-3  # of a probability
INT8 = ("all", "matmul")  # which operators get int8 weights


def parse_size(text: str) -> tuple[int, int]:
    """(height, width) px of a text such as "48x320".

    Raises:
        ValueError: anything else.
    """
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise ValueError(f"the size {text!r}; HEIGHTxWIDTH in px is needed, such as 48x320")
    return int(height), int(width)
