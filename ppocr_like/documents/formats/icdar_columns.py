"""Columns that stand between an ICDAR line's coordinates and its text: noticed before they become part of the text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ppocr_like.documents.formats.paddle import IGNORED_TEXTS

# What RRC-MLT writes there, and what its successors add.
_NAMES = """
arabic bangla chinese hindi japanese korean latin mixed none symbols english french german italian russian hebrew greek cyrillic
thai devanagari tamil telugu kannada gujarati gurmukhi malayalam odia
"""
SCRIPTS = frozenset(_NAMES.split())
_QUOTED = re.compile(r'"(?:[^"\\]|\\.|"")*"', re.DOTALL)
_MOST = 0.95  # of the lines: a few may be damaged
_FLAGS = frozenset("0123")
_FEW = 3  # lines; fewer say nothing of a column's being constant


def extra_columns(texts: Sequence[str]) -> tuple[int, list[str]]:
    """(number of columns before the text, some of the first column's values) of what follows the coordinates of a set's lines.

    A column is noticed where nearly all lines begin with the name of a script, with a flag before a text in quotes (RCTW), or
    with one and the same word or number.
    """
    rest = [text.strip() for text in texts if text.strip() and text.strip() not in IGNORED_TEXTS]
    found: list[str] = []
    count = 0
    while rest and count < 3:
        parts = [text.partition(",") for text in rest]
        columned = [(first.strip(), after.strip()) for first, comma, after in parts if comma]
        if len(columned) < _MOST * len(rest) or not _is_column(columned):
            break
        found = found or list(dict.fromkeys(first for first, _ in columned))[:3]
        rest = [after for _, after in columned]
        count += 1
    return count, found


def _is_column(columned: Sequence[tuple[str, str]]) -> bool:
    total = len(columned)
    if sum(first.lower() in SCRIPTS for first, _ in columned) >= _MOST * total:
        return True
    if sum(first in _FLAGS and bool(_QUOTED.fullmatch(after)) for first, after in columned) >= _MOST * total:
        return True
    return total >= _FEW and len({first for first, _ in columned}) == 1


def unquoted(text: str) -> str | None:
    """A text out of its quotes by the csv module's rules (two quotes are one), or with backslashes as in ICDAR 2013; None where
    it has none."""
    if not _QUOTED.fullmatch(text):
        return None
    return re.sub(r'\\(["\\])', r"\1", text[1:-1].replace('""', '"'))
