"""Characters of labels that look like others: one thing is written in two ways, and a network cannot know which is meant.

Characters alone say little: a Fraktur text has the long s and the round one, a commentary has Greek and Latin letters. So most
are counted where they stand for the same thing (an apostrophe within a word, a hyphen of a word), or are compared word by word.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MOST_WORDS = 100_000  # different ones that are remembered
_SHOWN = 4  # words named as examples
_LETTER = r"[^\W\d_]"


def _each(characters: str, before: str = "", after: str = "") -> dict[str, re.Pattern[str]]:
    """A pattern for each character, between what stands before and after."""
    return {character: re.compile(f"{before}{re.escape(character)}{after}") for character in characters}


# What is written with several characters -> how each is found. Two that are found in the same labels are named.
GROUPS: dict[str, dict[str, re.Pattern[str]]] = {
    "apostrophes within words": _each("'\u2019\u02bc\u2018\u00b4`\u2032\u02b9", f"(?<={_LETTER})", f"(?={_LETTER})"),
    "hyphens of words": _each("-\u2010\u2011\u00ac\u00ad\u2e17\u2e40\uff0d", f"(?<={_LETTER})", f"(?={_LETTER}|$)"),
    "quotation marks": {
        '"': re.compile('"'),
        "\u201c\u201d\u201e": re.compile("[\u201c\u201d\u201e\u201f]"),
        "\u2033": re.compile("\u2033"),
        "''": re.compile("''|\u2018\u2018|\u2019\u2019|,,"),
    },
    "blanks": {" ": re.compile(" "), **_each("\u00a0\u202f\t\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u3000")},
    "ligatures": {
        **_each("\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06"),
        "ff, fi, fl": re.compile("f[fil]"),
    },
    "small circles": _each("\u00b0\u00ba\u02da"),
    "micro sign and mu": _each("\u00b5\u03bc"),
    "dots in the middle": _each("\u00b7\u2022\u2027\u2219\u22c5\u30fb\u0387"),
    "three dots": {"\u2026": re.compile("\u2026"), "...": re.compile(r"\.\.\.")},
    "sharp s and beta": {"\u00df": re.compile("\u00df"), "\u03b2": re.compile("(?<=[A-Za-z])\u03b2")},
    "letters like a 3": _each("\ua76b\u0292\u021d"),
    "signs of paragraph": _each("\u00b6\u204b"),
}
_STARTS = {"ff, fi, fl": "f", "''": "'\u2018\u2019,", "\u201c\u201d\u201e": "\u201c\u201d\u201e\u201f", "...": "."}
PATTERNS = [  # (what, as what, pattern, characters of which one is in all that it finds)
    (what, name, pattern, frozenset(_STARTS.get(name, name))) for what, found in GROUPS.items() for name, pattern in found.items()
]
UNSEEN = re.compile(
    "[\u00ad\u200b\u200e\u200f\u2060\ufeff\u202a-\u202e\u2066-\u2069\u0000-\u0008\u000a-\u001f\u007f-\u009f\ufffd]"
)
UNSEEN_NAME = "characters that cannot be seen, or that stand for a lost one"
ABOVE = re.compile("[\u0363-\u036f]")
ABOVE_NAME = "letters above others"
WORD = re.compile(f"(?:{_LETTER}|[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff])+")
SCRIPTS = {  # of which letters look alike
    "Latin": re.compile("[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff]"),
    "Greek": re.compile("[\u0370-\u03ff\u1f00-\u1fff]"),
    "Cyrillic": re.compile("[\u0400-\u052f]"),
}
# Spellings of one word that differ in nothing else: what stands for what.
FOLDS = {
    "long s and s": str.maketrans({"\u017f": "s"}),
    "e above and diaeresis": str.maketrans({"\u0364": "\u0308"}),
    "tilde, macron and line above": str.maketrans({"\u0304": "\u0303", "\u0305": "\u0303"}),
}


@dataclass(frozen=True)
class Alike:
    """Things that look alike and are all in the labels.

    Args:
        what: they are.
        counts: how often each is there, the most frequent first.
        place: where the rarest was first seen.
        by_code: the eye sees no difference, code points tell it.
    """

    what: str
    counts: dict[str, int]
    place: str = ""
    by_code: bool = False


@dataclass
class Looks:
    """What labels hold of it: `found` counts (what, as what), `words` the spellings, `first` tells where each was first seen."""

    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    first: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, text: str, place: str) -> None:
        """Counts a label."""
        characters = set(text)
        for what, name, pattern, needed in PATTERNS:
            if not characters.isdisjoint(needed) and (count := len(pattern.findall(text))):
                self._note(what, name, place, count)
        if text.isascii():
            self._words(text, place)
            return
        for pattern, what in ((UNSEEN, UNSEEN_NAME), (ABOVE, ABOVE_NAME)):
            for character in pattern.findall(text):
                self._note(what, character, place)
        self._words(unicodedata.normalize("NFD", text), place)

    def merge(self, other: Looks) -> None:
        self.found.update(other.found)
        for word, count in other.words.items():
            if word in self.words or len(self.words) < MOST_WORDS:
                self.words[word] += count
        for key, place in other.first.items():
            self.first.setdefault(key, place)

    def alike(self, characters: Mapping[str, int]) -> list[Alike]:
        """What is worth a word.

        Args:
            characters: how often each stands in the labels.
        """
        return [*self._groups(), *self._above(characters), *self._spellings(), *self._scripts()]

    def _note(self, what: str, name: str, place: str, count: int = 1) -> None:
        self.found[what, name] += count
        self.first.setdefault((what, name), place)

    def _words(self, text: str, place: str) -> None:
        for word in WORD.findall(text):
            if word in self.words or len(self.words) < MOST_WORDS:
                self.words[word] += 1
                self.first.setdefault(("", word), place)

    def _groups(self) -> Iterator[Alike]:
        for what in (*GROUPS, UNSEEN_NAME):
            counts = {name: count for (group, name), count in self.found.most_common() if group == what}
            if len(counts) > 1 or (counts and what == UNSEEN_NAME):
                yield Alike(what, counts, self.first[what, list(counts)[-1]])

    def _above(self, characters: Mapping[str, int]) -> Iterator[Alike]:
        counts = {name: count for (group, name), count in self.found.items() if group == ABOVE_NAME}
        if not counts:
            return
        place = self.first[ABOVE_NAME, min(counts, key=lambda name: counts[name])]
        plain = {unicodedata.name(name)[-1].lower() for name in counts} | ({"e"} if "\u0363" in counts else set())
        beside = plain | set("\u00e4\u00f6\u00fc\u0308" if "\u0364" in counts else "")
        counts |= {name: characters[name] for name in beside if characters.get(name)}
        yield Alike(ABOVE_NAME, dict(sorted(counts.items(), key=lambda item: -item[1])), place)

    def _spellings(self) -> Iterator[Alike]:
        for what, fold in FOLDS.items():
            signs = {chr(code) for code in fold} | set(map(str, fold.values()))
            spellings: dict[str, list[str]] = defaultdict(list)
            for word in self.words:
                if len(word) > 1 and not signs.isdisjoint(word):
                    spellings[word.translate(fold)].append(word)
            several = [sorted(same, key=lambda w: -self.words[w]) for same in spellings.values() if len(same) > 1]
            if not several:
                continue
            several.sort(key=lambda same: -self.words[same[1]])
            counts = {unicodedata.normalize("NFC", word): self.words[word] for same in several[:_SHOWN] for word in same}
            yield Alike(f"{what} in {_words(len(several))}", counts, self.first["", several[0][-1]])

    def _scripts(self) -> Iterator[Alike]:
        mixed = {
            word: count
            for word, count in self.words.most_common()
            if not word.isascii() and sum(pattern.search(word) is not None for pattern in SCRIPTS.values()) > 1
        }
        if mixed:
            shown = dict(list(mixed.items())[:_SHOWN])
            what = f"letters of two scripts in {_words(len(mixed))}"
            yield Alike(what, shown, self.first["", next(iter(mixed))], by_code=True)


def _words(count: int) -> str:
    return "one word" if count == 1 else f"{count} words"
