"""One spelling of a text: its Unicode form, and the blanks within it and at its ends."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
BLANK = re.compile(r"\s")


def normalised(text: str, form: Form | None = None, whitespace: bool = True) -> str:
    """The text in a Unicode form (null: as it stands), then, with `whitespace`, each blank of any kind as U+0020 and none at the
    ends. Several blanks in a row stay several."""
    if form is not None:
        text = unicodedata.normalize(form, text)
    return BLANK.sub(" ", text).strip() if whitespace else text
