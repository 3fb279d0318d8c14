"""What a character is: its script, and a name under which it can be seen in print."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from fontTools import unicodedata as scripts


@lru_cache(maxsize=1 << 16)
def script_of(character: str) -> str:
    """The name of a character's script by Unicode's property Script: "Latin", "Han", "Arabic"; "Common" for what all scripts
    share (blanks, digits, most signs), "Inherited" for marks that take the script of their letter, "Unknown" for what Unicode
    has not assigned."""
    return str(scripts.script_name(scripts.script(character))).replace("_", " ")


@lru_cache(maxsize=1 << 16)
def shown(character: str) -> str:
    """The character itself where it can be seen on its own, else its name: "SPACE", "COMBINING ACUTE ACCENT", or its code where
    it has none ("U+0007"). Nothing stays nothing."""
    if not character or unicodedata.category(character)[0] in "LNPS":
        return character
    return unicodedata.name(character, code_of(character))


@lru_cache(maxsize=1 << 16)
def name_of(character: str) -> str:
    """Its name in Unicode, else its code."""
    return unicodedata.name(character, code_of(character)) if character else ""


def code_of(character: str) -> str:
    """ "U+0301" """
    return f"U+{ord(character):04X}" if character else ""
