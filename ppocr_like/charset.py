"""The character set of a recogniser: dictionary file, blank, space, encoding and decoding in one place.

Index 0 is the CTC blank, then the dictionary's entries in file order, then (with `use_space_char`) a space, as in
PaddleOCR's CTCLabelEncode / CTCLabelDecode.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from ppocr_like.errors import DataError
from ppocr_like.outside import read_file

RUN = re.compile(r"[a-zA-Z0-9 :*./%+-]")  # characters that keep their order in a right-to-left line (PaddleOCR's rule)
SAR_SPECIALS = ("<UKN>", "<BOS/EOS>", "<PAD>")  # PaddleOCR's names, in this order behind the entries
NRTR_SPECIALS = ("blank", "<unk>", "<s>", "</s>")  # before the entries; "blank" is the padding
BLANK = "blank"  # the name PaddleOCR gives class 0
DEFAULT_ENTRIES = "0123456789abcdefghijklmnopqrstuvwxyz"  # PaddleOCR without character_dict_path: 36 classes, lower-cased


def read_dictionary(path: str | Path) -> list[str]:
    """Entries of a dictionary file, one per line.

    Only the line's own end is cut ("\\n" or "\\r\\n"): an entry may be a space, U+3000, U+2028 or several characters, so
    neither `strip` nor `splitlines` may touch it. A byte-order mark at the start is dropped. A final empty line is no entry.

    Raises:
        DataError: missing, empty, or not UTF-8 (with the line).
    """
    path = Path(path)
    try:
        raw = read_file(path)
    except OSError as error:
        raise DataError(
            f"cannot read the dictionary ({error.strerror or error}); set Global.character_dict_path", str(path)
        ) from error
    entries = []
    lines = raw.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    for number, line in enumerate(lines, 1):
        try:
            entries.append(line.removesuffix(b"\r").decode("utf-8"))
        except UnicodeDecodeError as error:
            raise DataError(f"not UTF-8 ({error.reason}); save the dictionary as UTF-8", str(path), number) from error
    if not entries:
        raise DataError("the dictionary is empty; it needs one character per line", str(path))
    return entries


def unusable_entries(entries: Sequence[str]) -> str:
    """What to say of a dictionary of which no entry is one character, with the likely reason."""
    columns = sum("\t" in entry for entry in entries)
    blanks = sum(len(entry.strip()) == 1 for entry in entries)
    first = next((entry for entry in entries if len(entry) != 1), entries[0])
    shown = repr(first if len(first) <= 40 else first[:37] + "...")
    if len(entries) == 1 and len(first) > 1:
        why = "all characters stand on one line; write one per line"
    elif columns > len(entries) / 2:
        why = "its lines have columns, separated by tabs; keep the column of the characters alone"
    elif blanks > len(entries) / 2:
        why = "its lines end or begin with blanks; write the character alone on its line"
    else:
        why = "a label is encoded character by character; write one character per line"
    return f"none of its {len(entries)} entries is a single character, so no label could be written with it ({shown}): {why}"


def right_to_left_order(text: str) -> list[int]:
    """Order in which the characters of a line that was read from left to right follow each other in a right-to-left
    script: reversed, but runs of Latin letters, digits and their punctuation keep their own order (PaddleOCR's rule for
    Arabic dictionaries). `"".join(text[i] for i in order)` is the text as written."""
    runs: list[list[int]] = []
    inside = False
    for i, character in enumerate(text):
        keeps = bool(RUN.match(character))
        if keeps and inside:
            runs[-1].append(i)
        else:
            runs.append([i])
        inside = keeps
    return [i for run in reversed(runs) for i in run]


class Charset:
    """Blank, entries and optional space, with encode and decode.

    Args:
        entries: dictionary entries in order, without blank and without the appended space.
        use_space_char: append " " as the last class.
        lower: lower-case a text before encoding (PaddleOCR's default 36 classes).
        right_to_left: the dictionary's script is written right to left ("arabic" in the path, as in PaddleOCR).
    """

    def __init__(
        self, entries: Iterable[str], use_space_char: bool = False, *, lower: bool = False, right_to_left: bool = False
    ) -> None:
        self.entries: tuple[str, ...] = tuple(entries)
        self.use_space_char = use_space_char
        self.lower = lower
        self.right_to_left = right_to_left
        self.labels: tuple[str, ...] = (BLANK, *self.entries, *((" ",) if use_space_char else ()))
        # Of duplicate entries the last index wins in encoding (PaddleOCR's rule); decoding goes by index.
        self._index = {entry: i for i, entry in enumerate(self.labels) if i > 0}

    @classmethod
    def from_file(cls, path: str | Path | None, use_space_char: bool = False) -> Charset:
        """Reads a dictionary; None gives PaddleOCR's default of 0-9a-z in lower case (which ignores `use_space_char`).

        Raises:
            DataError: see `read_dictionary`; no entry that a label can hold.
        """
        if path is None:
            return cls(DEFAULT_ENTRIES, False, lower=True)
        entries = read_dictionary(path)
        if not any(len(entry) == 1 and entry != " " for entry in entries):
            raise DataError(unusable_entries(entries), str(path))
        return cls(entries, use_space_char, right_to_left="arabic" in str(path))

    @property
    def num_classes(self) -> int:
        """Classes of a CTC head: blank, entries, appended space."""
        return len(self.labels)

    @property
    def sar_classes(self) -> int:
        """Classes of SAR's labels: entries from 0 on, appended space, then SAR_SPECIALS."""
        return len(self.labels) - 1 + len(SAR_SPECIALS)

    @property
    def nrtr_classes(self) -> int:
        """Classes of NRTR's labels: NRTR_SPECIALS, then entries, appended space."""
        return len(NRTR_SPECIALS) + len(self.labels) - 1

    @property
    def duplicates(self) -> list[str]:
        """Entries that stand more than once (the appended space counts)."""
        return [entry for entry, n in Counter(self.labels[1:]).items() if n > 1]

    def odd_entries(self, most: int = 8) -> list[str]:
        """What is probably a mistake in the dictionary, though one can train with it; names up to `most` of each kind."""
        places: dict[str, list[int]] = {}
        for line, entry in enumerate(self.entries, 1):
            places.setdefault(entry, []).append(line)
        twice = [f"{entry!r} (lines {', '.join(map(str, places[entry]))})" for entry in self.duplicates if len(places[entry]) > 1]
        spaces = [f"' ' (line {places[' '][0]}, and use_space_char appends it)"] if self.use_space_char and " " in places else []
        long = [f"{entry!r} (line {lines[0]})" for entry, lines in places.items() if len(entry) != 1]
        found = []
        for what, names in (
            ("stand twice, only the last of each is trained", twice + spaces),
            ("are not one character, so no label can hold them", long),
        ):
            if names:
                more = f" and {len(names) - most} more" if len(names) > most else ""
                found.append(f"dictionary: {len(names)} entries {what}: {', '.join(names[:most])}{more}")
        return found

    @property
    def digest(self) -> str:
        """SHA-256 over the labels in order."""
        return hashlib.sha256("\0".join(self.labels).encode()).hexdigest()

    def encode(self, text: str) -> list[int]:
        """Class indices of the text's characters; characters outside the set are left out (see `unknown`)."""
        if self.lower:
            text = text.lower()
        index = self._index
        return [index[c] for c in text if c in index]

    def unknown(self, text: str) -> list[str]:
        """Characters of `text` that the set lacks, in order."""
        if self.lower:
            text = text.lower()
        return [c for c in text if c not in self._index]

    def index(self, entry: str) -> int | None:
        """Class of an entry, None when it is not in the set."""
        return self._index.get(entry)

    def decode(self, indices: Sequence[int]) -> str:
        """Entries joined; blanks (0) are left out. Repeats are kept: merging them is the decoder's task."""
        return "".join(self.labels[i] for i in indices if i != 0)

    def to_metadata(self) -> dict[str, object]:
        """Plain data from which `from_metadata` makes an equal set (stands in checkpoints and weights)."""
        return {
            "entries": list(self.entries),
            "use_space_char": self.use_space_char,
            "lower": self.lower,
            "right_to_left": self.right_to_left,
        }

    @classmethod
    def from_metadata(cls, data: dict) -> Charset:
        return cls(
            data["entries"], bool(data["use_space_char"]), lower=bool(data["lower"]), right_to_left=bool(data["right_to_left"])
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Charset) and self.to_metadata() == other.to_metadata()

    def __hash__(self) -> int:
        return hash(self.labels)

    def __len__(self) -> int:
        return self.num_classes

    def __repr__(self) -> str:
        return f"Charset({self.num_classes} classes, space appended: {self.use_space_char})"
