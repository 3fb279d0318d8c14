"""Text from outside as a terminal may show it: what would steer the terminal or turn the reading order is written as an escape.

A file name, a label or a message of a library may hold any character. ESC and the C1 controls move the cursor and repaint earlier
lines, bidirectional controls show `exe.txt` for `txt.exe`, a line break makes one message look like two.
"""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
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
_BAR_MOVES = re.compile("(\r|\x1b\\[A)|[^\r\x1b]+|\x1b")
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


class PrintableFormatter(logging.Formatter):
    """Log records as `message` makes them."""

    def format(self, record: logging.LogRecord) -> str:
        return message(super().format(record))


@contextmanager
def printable_streams() -> Iterator[None]:
    """Within it, standard output and standard error show what steers a terminal as escapes, and what their encoding lacks too."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with redirect_stdout(PrintableStream(sys.stdout)), redirect_stderr(PrintableStream(sys.stderr, bars=True)):  # type: ignore
        yield


def _outside_moves(found: re.Match[str]) -> str:
    return found[1] or printable(found[0])


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    code = ord(character)
    return _NAMED.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


class PrintableStream:
    """A text stream whose `write` lets nothing through that steers a terminal.

    Args:
        stream: where the text goes.
        bars: leave what progress bars need: the carriage return, and the move to the line above.
    """

    def __init__(self, stream: Any, bars: bool = False) -> None:
        self._stream, self._bars = stream, bars

    def write(self, text: str) -> int:
        self._stream.write(_BAR_MOVES.sub(_outside_moves, text) if self._bars else printable(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # flush, isatty, encoding ... as the stream has them
        return getattr(self._stream, name)
