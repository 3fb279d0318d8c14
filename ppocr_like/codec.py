"""A codec: the classes of a recogniser whose entries may be several code points long, and may be written with several classes."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from ppocr_like.charset import Charset, Decoded
from ppocr_like.errors import DataError
from ppocr_like.outside import Malformed, parse_json, read_file
from ppocr_like.text import BaseDir, Direction, DirectionSetting, resolve_direction, told_direction

CODEC_KEY = "codec"  # in the metadata of weights and checkpoints
MOST_CLASSES = 200_000
MOST_BYTES = 64 * 2**20  # of a codec file


class Codec(Charset):
    """Texts and the classes that stand for them. Class 0 is the blank of CTC.

    A label is cut into entries from its beginning, always the longest entry that fits; a code point that begins none is left out
    (`unknown`). Of right-to-left lines that is done in the order of the page. No two entries may have the same classes, and no
    entry's classes may begin another's: so what was written can be read.

    Args:
        mapping: entry (one or more code points, in reading order) -> its classes, from 1 on. Classes that no entry has may be
            there; they are never learned.
        direction: see `Charset`.

    Raises:
        ValueError: the mapping is no codec; the message names the entry, or the pair of entries.
    """

    def __init__(self, mapping: Mapping[str, Sequence[int]], direction: Direction = "ltr") -> None:
        self.mapping = checked(mapping)
        alone = {classes[0]: entry for entry, classes in self.mapping.items() if len(classes) == 1}
        most = max(chain.from_iterable(self.mapping.values()))
        super().__init__([alone.get(number, "") for number in range(1, most + 1)], direction=direction)
        self._index = {entry: number for number, entry in alone.items()}
        if len(self.mapping) > len(alone):  # `visual` asks which characters there are, whatever they are written with
            self._index |= dict.fromkeys((entry for entry in self.mapping if entry not in self._index), 0)
        shown = {self.look(entry): entry for entry in self.mapping}
        if len(shown) != len(self.mapping):
            lost = next(entry for entry in self.mapping if entry not in shown.values())
            raise ValueError(f"{_named(lost)} and {_named(shown[self.look(lost)])} look the same on the page")
        self._classes = {look: self.mapping[entry] for look, entry in shown.items()}
        self._looks = {classes: look for look, classes in self._classes.items()}
        self._key_lengths = sorted({len(look) for look in self._classes}, reverse=True)
        self._run_lengths = sorted({len(classes) for classes in self._looks if len(classes) > 1})

    @classmethod
    def of_characters(cls, characters: Iterable[str], direction: Direction = "ltr") -> Codec:
        """The automatic codec: the different code points in their order, a class each."""
        return cls({character: (number,) for number, character in enumerate(sorted(set(characters)), 1)}, direction)

    @classmethod
    def from_metadata(cls, data: Mapping[str, Any]) -> Codec:
        """Raises KeyError, TypeError, ValueError: no such data."""
        return cls(data[CODEC_KEY], told_direction(data))

    def with_direction(self, direction: Direction) -> Codec:
        return Codec(self.mapping, direction)

    @property
    def by_character(self) -> bool:
        return self._key_lengths == [1]

    @property
    def sequences(self) -> bool:
        return bool(self._run_lengths)

    @property
    def digest(self) -> str:
        """SHA-256 over entries and classes."""
        return hashlib.sha256(codec_text(self.mapping).encode()).hexdigest()

    def index(self, entry: str) -> int | None:
        """The class of an entry that has one; None also where it is written with several."""
        return self._index.get(entry) or None

    def odd_entries(self, most: int = 8) -> list[str]:
        used = set(chain.from_iterable(self.mapping.values()))
        unused = [number for number in range(1, self.num_classes) if number not in used]
        if not unused:
            return []
        named = ", ".join(map(str, unused[:most])) + (f" and {len(unused) - most} more" if len(unused) > most else "")
        return [f"codec: {len(unused)} classes belong to no entry and are never learned: {named}"]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.mapping)

    def unseen(self, characters: Container[str]) -> list[str]:
        return [entry for entry in self.mapping if any(character not in characters for character in entry)]

    def unlisted(self) -> str:
        for entry, classes in self.mapping.items():
            if len(classes) > 1:
                return f"the codec writes {_named(entry)} with the classes {list(classes)}, and such a list has one text a class"
        return "the codec has classes of no entry" if "" in self.entries else ""

    def encode(self, text: str, base_dir: BaseDir = "") -> list[int]:
        text, classes = self.visual(text, base_dir).text, self._classes
        if self.by_character:
            return [number for character in text if character in classes for number in classes[character]]
        return [number for piece, _ in self._pieces(text) if piece for number in classes[piece]]

    def unknown(self, text: str) -> list[str]:
        visual = self.visual(text)
        return [text[i] for i in sorted(visual.order[place] for piece, place in self._pieces(visual.text) if not piece)]

    def decode(self, indices: Sequence[int], base_dir: BaseDir = "") -> Decoded:
        """As `Charset.decode`. Of an entry all classes must be there, in their order; those of a part of it say nothing."""
        if not self.sequences:
            return super().decode(indices, base_dir)
        kept = [(place, number) for place, number in enumerate(indices) if number != 0]
        pieces, start = [], 0
        while start < len(kept):
            for length in (1, *self._run_lengths):
                run = kept[start : start + length]
                look = self._looks.get(tuple(number for _, number in run))
                if look is not None:
                    pieces.append((look, run[0][0], run[-1][0]))
                    start += length
                    break
            else:
                start += 1
        return self._joined(pieces, base_dir)

    def to_metadata(self) -> dict[str, object]:
        return {CODEC_KEY: {entry: list(classes) for entry, classes in self.mapping.items()}, "direction": self.direction}

    def __hash__(self) -> int:
        return hash(tuple(self.mapping.items()))

    def __repr__(self) -> str:
        return f"Codec({len(self.mapping)} entries, {self.num_classes} classes)"

    def _pieces(self, text: str) -> Iterator[tuple[str, int]]:
        """(entry, its place) of a text in the order of the page; "" for a code point that begins no entry."""
        place = 0
        while place < len(text):
            piece = next((text[place : place + n] for n in self._key_lengths if text[place : place + n] in self._classes), "")
            yield piece, place
            place += len(piece) or 1


def checked(mapping: Mapping[str, Sequence[int] | int]) -> dict[str, tuple[int, ...]]:
    """The mapping with tuples, in the order of its classes.

    Raises:
        ValueError: no texts, no classes from 1 on, or two entries that cannot be told apart.
    """
    if not isinstance(mapping, Mapping) or not mapping:
        raise ValueError("a codec is a mapping of texts to their classes: {a: [1], b: [2]}")
    found: dict[str, tuple[int, ...]] = {}
    for entry, given in mapping.items():
        if not isinstance(entry, str) or not entry:
            raise ValueError(f"{entry!r} is no text; in YAML a digit needs quotation marks")
        classes = (given,) if isinstance(given, int) else tuple(given) if isinstance(given, list | tuple) else ()
        if not classes or not all(isinstance(n, int) and not isinstance(n, bool) and 0 < n < MOST_CLASSES for n in classes):
            raise ValueError(f"{_named(entry)} has the classes {given!r}; a list of numbers from 1 on is needed (0 is the blank)")
        found[entry] = classes
    ordered = sorted(found.items(), key=lambda item: item[1])
    for (entry, classes), (other, longer) in pairwise(ordered):  # what begins another stands right before one that it begins
        if classes == longer[: len(classes)]:
            what = "both have the classes" if classes == longer else "cannot be told apart: the second begins with the classes"
            raise ValueError(f"{_named(entry)} and {_named(other)} {what} {list(classes)}")
    return dict(ordered)


def read_codec(path: str | Path) -> dict[str, tuple[int, ...]]:
    """A codec file: JSON, {"a": [1], "ff": [2, 2]}.

    Raises:
        DataError: missing, no JSON, no codec.
    """
    try:
        return checked(parse_json(read_file(path, MOST_BYTES), hook=_once))
    except OSError as error:
        raise DataError(f"cannot read the codec ({error.strerror or error}); set Global.codec", str(path)) from error
    except (Malformed, ValueError) as error:
        raise DataError(f"no codec: {error}", str(path)) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's entries, each there once: of two equal ones JSON's readers keep the last."""
    found = dict[str, Any]()
    for key, value in pairs:
        if key in found:
            raise Malformed(f"has {_named(key)} twice")
        found[key] = value
    return found


def codec_text(mapping: Mapping[str, Sequence[int]]) -> str:
    """The text of a codec file, an entry a line."""
    rows = (f"{json.dumps(entry, ensure_ascii=False)}: {json.dumps(list(classes))}" for entry, classes in mapping.items())
    return "{\n" + ",\n".join(rows) + "\n}\n"


def make_codec(mapping: Mapping[str, Sequence[int] | int], setting: DirectionSetting) -> Codec:
    """The codec of a recipe whose text direction is `setting` (`charset.resolve_direction`).

    Raises:
        ValueError: see `Codec`.
    """
    classes = checked(mapping)
    return Codec(classes, resolve_direction(setting, classes))


def classes_from_metadata(data: Mapping[str, Any]) -> Charset:
    """The Charset or Codec that `to_metadata` gave. Raises KeyError, TypeError, ValueError: no such data."""
    return Codec.from_metadata(data) if CODEC_KEY in data else Charset.from_metadata(data)


def _named(entry: str) -> str:
    codes = " ".join(f"U+{ord(character):04X}" for character in entry[:8])
    name = unicodedata.name(entry, "") if len(entry) == 1 else ""
    return f"{entry!r} ({codes}{' ' if name else ''}{name})"
