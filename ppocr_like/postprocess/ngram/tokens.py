"""How labels are spelt in the files of language models, where a token may hold no blank."""

from __future__ import annotations

import re

from ppocr_like.charset import Charset

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
SPECIALS = (UNKNOWN, BEGIN, END)  # the first words of every model that is made here
SPACE = "<space>"
_CODES = re.compile(r"<U\+([0-9A-F]{4,6}(?:_[0-9A-F]{4,6})*)>")


def token_of(label: str) -> str:
    """The token of a label's text.

    A space is `<space>`. A text with another blank or with a character that cannot be printed, and one that looks like
    `<...>` itself, is written as its code points: `<U+3000>`, `<U+0020_0301>`.
    """
    if label == " ":
        return SPACE
    looks_special = len(label) > 2 and label[0] == "<" and label[-1] == ">"
    if label and not looks_special and not any(c.isspace() or not c.isprintable() for c in label):
        return label
    return "<U+" + "_".join(f"{ord(character):04X}" for character in label) + ">"


def label_of(token: str) -> str:
    """The reverse of `token_of`; any other token is its own text."""
    if token == SPACE:
        return " "
    codes = _CODES.fullmatch(token)
    if codes is None:
        return token
    numbers = [int(code, 16) for code in codes[1].split("_")]
    return "".join(map(chr, numbers)) if max(numbers) < 0x110000 else token


def class_tokens(charset: Charset) -> list[str]:
    """The token of each class; "" for the blank. A class that has no text of its own, as a codec's may, is `<class=17>`."""
    texts = charset.labels[1:]
    return ["", *(token_of(text) if text else f"<class={number}>" for number, text in enumerate(texts, 1))]
