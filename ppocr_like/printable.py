"""Text from outside as a terminal may show it: what would steer the terminal or turn the reading order is written as an escape.

A file name, a label or a message of a library may hold any character. ESC and the C1 controls move the cursor and repaint earlier
lines, bidirectional controls show `exe.txt` for `txt.exe`, a line break makes one message look like two.
"""

from __future__ import annotations

import re
from typing import Any

_CONTROLS = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and line feed, DEL, C1
    "\u2028\u2029"  # line and paragraph separators
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\ud800-\udfff"  # halves of characters: bytes of a file name that are no UTF-8
)
_STEERING = re.compile(f"[{_CONTROLS}]")
_BREAKING = re.compile(f"[{_CONTROLS}\\t\\n]")
_FURTHER = re.compile(r"\n(?=[^\s])")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: object) -> str:
    """The text with its control characters as escapes (`\\x1b`, `\\u202e`); tabs and line breaks stay."""
    return _STEERING.sub(_escape, str(text))


def one_line(text: object) -> str:
    """The same in one line: tabs and line breaks are escaped, too."""
    return _BREAKING.sub(_escape, str(text))


def message(text: object) -> str:
    """The same for a log or the console: further lines are indented, so that none can pass for a message of its own."""
    return _FURTHER.sub("\n  ", printable(text))


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    code = ord(character)
    return _NAMED.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


class PrintableStream:
    """A text stream whose `write` lets nothing through that steers a terminal."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(printable(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # flush, isatty, encoding ... as the stream has them
        return getattr(self._stream, name)
