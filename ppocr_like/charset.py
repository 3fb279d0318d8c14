"""The character set of a recogniser: dictionary file, blank, space, encoding and decoding in one place.

Index 0 is the CTC blank, then the dictionary's entries in file order, then (with `use_space_char`) a space, as in
PaddleOCR's CTCLabelEncode / CTCLabelDecode.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ppocr_like.errors import DataError
from ppocr_like.outside import read_file
from ppocr_like.text import (
    BASES,
    MEANING,
    Base,
    BaseDir,
    Direction,
    DirectionSetting,
    Reordered,
    is_right_to_left,
    paddle_order,
    resolve_direction,
    right_to_left_entries,
    to_logical,
    to_visual,
    told_direction,
)

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


def untold_direction(data: Mapping[str, Any], charset: Charset) -> str:
    """A line to be said of weights or a bundle of right-to-left letters that do not tell their direction; "" of all others."""
    if "direction" in data or not right_to_left_entries(charset.entries):
        return ""
    return (
        f"made before the text direction was kept; it is taken to be {charset.direction}: {MEANING[charset.direction]}. "
        "Another one: Global.text_direction"
    )


def dictionary_bytes(entries: Sequence[str], path: str | Path) -> bytes:
    """A dictionary file's content, which `read_dictionary` reads as the same entries.

    Raises:
        DataError: an entry that a file of one entry a line cannot hold; `path` is named.
    """
    for number, entry in enumerate(entries, 1):
        if "\n" in entry or entry.endswith("\r") or (number == 1 and entry.startswith("\ufeff")):
            codes = " ".join(f"U+{ord(character):04X}" for character in entry)
            raise DataError(
                f"entry {number}, {entry!r} ({codes}), cannot stand in a dictionary file of one entry a line", str(path)
            )
    if not entries:
        raise DataError("there are no characters to write", str(path))
    return "".join(f"{entry}\n" for entry in entries).encode("utf-8")


def one_class_each(charset: Charset) -> None:
    """Raises ValueError where an entry is written with several classes, which only CTC's steps know here."""
    if charset.sequences:
        raise ValueError(f"Global.codec: {charset.unlisted()}; of the encoders of labels CTCLabelEncode alone takes it")


class Decoded(NamedTuple):
    """What classes say: `text` in reading order, and for each of its characters the first and the last place, among the classes,
    of those that it was read from."""

    text: str
    first: Sequence[int]
    last: Sequence[int]


class Charset:
    """Blank, entries and optional space, with encode and decode. A `codec.Codec` is one whose entries may be several characters
    or several classes; whoever holds a Charset need not know which it is.

    A network reads a line from left to right. `direction` says what that means for the labels:

    - `ltr`: they stand in the same order, nothing is moved.
    - `rtl`: they stand in logical order, as people read and type (`text.to_visual`); texts that are read come out so, too. A
      line with a right-to-left letter runs from right to left.
    - `bidi`, `bidi_ltr`, `bidi_rtl`: so, too; the base direction of a line is that of its first strong character, or L, or R.
    - `paddle`: labels stand in the order of the page, as PaddleOCR's Arabic label files do; texts that are read are put in
      reading order by PaddleOCR's rule (`text.paddle_order`).

    A base direction that a file tells of a line (`base_dir`: "ltr" or "rtl") wins over `bidi`, and over `rtl` for lines with
    right-to-left letters.

    Args:
        entries: dictionary entries in order, without blank and without the appended space.
        use_space_char: append " " as the last class.
        lower: lower-case a text before encoding (PaddleOCR's default 36 classes).
        direction: see above; `resolve_direction` finds it.
    """

    def __init__(
        self, entries: Iterable[str], use_space_char: bool = False, *, lower: bool = False, direction: Direction = "ltr"
    ) -> None:
        self.entries: tuple[str, ...] = tuple(entries)
        self.use_space_char = use_space_char
        self.lower = lower
        self.direction: Direction = direction
        self.labels: tuple[str, ...] = (BLANK, *self.entries, *((" ",) if use_space_char else ()))
        # Of duplicate entries the last index wins in encoding (PaddleOCR's rule); decoding goes by index.
        self._index = {entry: i for i, entry in enumerate(self.labels) if i > 0}
        # What an entry looks like: of several right-to-left characters the last stands on the left.
        self._base: Base | None = BASES.get(direction)
        self.shown = tuple(e if len(e) < 2 else self.look(e) for e in self.labels) if self.moves else self.labels
        self._plain = direction == "ltr" and all(len(entry) == 1 for entry in self.labels[1:])

    @classmethod
    def from_file(cls, path: str | Path | None, use_space_char: bool = False, direction: DirectionSetting = "auto") -> Charset:
        """Reads a dictionary; None gives PaddleOCR's default of 0-9a-z in lower case (which ignores `use_space_char`).

        Raises:
            DataError: see `read_dictionary`; no entry that a label can hold.
        """
        if path is None:
            return cls(DEFAULT_ENTRIES, False, lower=True)
        entries = read_dictionary(path)
        if not any(len(entry) == 1 and entry != " " for entry in entries):
            raise DataError(unusable_entries(entries), str(path))
        return cls(entries, use_space_char, direction=resolve_direction(direction, entries))

    def with_direction(self, direction: Direction) -> Charset:
        """The same classes in another direction."""
        return Charset(self.entries, self.use_space_char, lower=self.lower, direction=direction)

    def describe_direction(self, setting: str) -> str:
        """A line for the start of a run, "" where nothing is to be said: no right-to-left letters.

        Args:
            setting: what decided: "Global.text_direction: auto".
        """
        letters = right_to_left_entries(self.entries)
        if not letters and self.direction != "bidi_rtl":
            return ""
        told = f"text direction {self.direction} ({setting}; {len(letters)} of {len(self.entries)} entries are right-to-left): "
        return told + MEANING[self.direction]

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

    @property
    def moves(self) -> bool:
        """Whether labels are in reading order and are put in the order of the page by UAX #9."""
        return self._base is not None

    def base(self, text: str, base_dir: BaseDir = "") -> Base | None:
        """What says the base direction of a line, where a file tells `base_dir` of it; None where nothing moves."""
        if base_dir and (self._base == "first" or (self._base == "letters" and is_right_to_left(text))):
            return base_dir
        return self._base

    def look(self, entry: str) -> str:
        """An entry in the order of the page: of several right-to-left characters the last stands on the left."""
        return to_visual(entry, self._index).text if self.moves else entry

    def visual(self, text: str, base_dir: BaseDir = "") -> Reordered:
        """A label's text in the order in which a network reads the line."""
        base = self.base(text, base_dir)
        return Reordered.unchanged(text) if base is None else to_visual(text, self._index, base)

    def logical(self, text: str, base_dir: BaseDir = "") -> Reordered:
        """What a network read, in reading order."""
        base = self.base(text, base_dir)
        if base is not None:
            return to_logical(text, self._index, base)
        return paddle_order(text) if self.direction == "paddle" else Reordered.unchanged(text)

    def label(self, text: str) -> str:
        """The label of a line that says `text` (in reading order), as label files of this direction have it."""
        return text if self.moves else to_visual(text).text

    def reference(self, label: str) -> str:
        """What a network that makes no mistake is read as, of a line with this label: the label itself, in lower case where the
        set is, and under `paddle` in reading order."""
        label = label.lower() if self.lower else label
        return self.logical(label).text if self.direction == "paddle" else label

    def beside(self, left: str, right: str, base_dir: BaseDir = "") -> str:
        """The label of a picture made of two pictures with these labels: of two Hebrew words the right one is read first."""
        if not self.moves:
            return left + right
        return self.logical(self.visual(left, base_dir).text + self.visual(right, base_dir).text, base_dir).text

    def looks_alike(self, label: str, base_dir: BaseDir = "") -> str | None:
        """Another text that looks the same on the page and is what a network will be read as; None for nearly all labels."""
        if not self.moves:
            return None
        read = self.logical(self.visual(label, base_dir).text, base_dir).text
        return None if read == label else read

    def encode(self, text: str, base_dir: BaseDir = "") -> list[int]:
        """Class indices of a label's characters in the order of the page; characters outside the set are left out (see
        `unknown`)."""
        if self.lower:
            text = text.lower()
        index = self._index
        return [index[c] for c in self.visual(text, base_dir).text if c in index]

    def unknown(self, text: str) -> list[str]:
        """Characters of `text` that the set lacks, in order."""
        if self.lower:
            text = text.lower()
        return [c for c in text if c not in self._index]

    def index(self, entry: str) -> int | None:
        """Class of an entry, None when it is not in the set."""
        return self._index.get(entry)

    @property
    def by_character(self) -> bool:
        """Whether each character is known or unknown on its own, whatever stands beside it."""
        return True

    @property
    def sequences(self) -> bool:
        """Whether some entry is written with several classes, which CTC alone can do here."""
        return False

    @property
    def keys(self) -> tuple[str, ...]:
        """What a label can be made of: the entries and the appended space."""
        return self.labels[1:]

    def unseen(self, characters: Container[str]) -> list[str]:
        """The keys that texts made of these characters do not hold."""
        return [entry for entry in self.keys if entry not in characters]

    def unlisted(self) -> str:
        """Why a list of texts, one for each class, does not say what this set says; "" where it does."""
        return ""

    def decode(self, indices: Sequence[int], base_dir: BaseDir = "") -> Decoded:
        """Entries joined, in reading order; blanks (0) are left out. Repeats are kept: merging them is the decoder's task."""
        if self._plain and 0 not in indices:
            places = range(len(indices))
            return Decoded("".join([self.shown[i] for i in indices]), places, places)
        return self._joined([(self.shown[i], place, place) for place, i in enumerate(indices) if i != 0], base_dir)

    def _joined(self, pieces: Sequence[tuple[str, int, int]], base_dir: BaseDir) -> Decoded:
        """(entry as it is shown, first, last place) -> what they say; the characters of an entry share its places."""
        text = "".join(entry for entry, _, _ in pieces)
        first = [place for entry, place, _ in pieces for _ in entry]
        last = [place for entry, _, place in pieces for _ in entry]
        if self.direction == "ltr":
            return Decoded(text, first, last)
        logical = self.logical(text, base_dir)
        return Decoded(logical.text, [first[i] for i in logical.order], [last[i] for i in logical.order])

    def to_metadata(self) -> dict[str, object]:
        """Plain data from which `from_metadata` makes an equal set (stands in checkpoints and weights)."""
        return {
            "entries": list(self.entries),
            "use_space_char": self.use_space_char,
            "lower": self.lower,
            "direction": self.direction,
        }

    @classmethod
    def from_metadata(cls, data: Mapping[str, Any]) -> Charset:
        """Raises KeyError, TypeError, ValueError: no such data."""
        direction = told_direction(data)
        return cls(data["entries"], bool(data["use_space_char"]), lower=bool(data["lower"]), direction=direction)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Charset) and self.to_metadata() == other.to_metadata()

    def __hash__(self) -> int:
        return hash(self.labels)

    def __len__(self) -> int:
        return self.num_classes

    def __repr__(self) -> str:
        return f"Charset({self.num_classes} classes, space appended: {self.use_space_char})"
