"""Where a recogniser errs: confusions, error rates by character, length and script, and the worst lines.

Pure functions over pairs of texts. Error counts are those of a shortest edit script (Levenshtein), as in the CER.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import Levenshtein

NOTHING = ""  # stands for the missing side of an insertion or deletion
LENGTH_EDGES = (10, 20, 40, 80)  # characters; lines are grouped as up to 10, 11-20, ...


@dataclass(frozen=True)
class Pair:
    """A line as it should read and as it was read.

    Args:
        reference: what it says.
        prediction: what was recognised.
        confidence: the recogniser's, [0, 1].
        path: its image.
    """

    reference: str
    prediction: str
    confidence: float = 0.0
    path: str = ""

    @property
    def errors(self) -> int:
        """Character edits from the reference to the prediction."""
        return Levenshtein.distance(self.reference, self.prediction)


@dataclass(frozen=True)
class Rate:
    """Errors among `count` reference characters."""

    count: int = 0
    errors: int = 0

    @property
    def rate(self) -> float:
        """errors / count; of nothing: the number of errors."""
        return self.errors / (self.count or 1)

    def __add__(self, other: Rate) -> Rate:
        return Rate(self.count + other.count, self.errors + other.errors)


def edits(pair: Pair) -> list[tuple[str, str]]:
    """The edits as (wanted, got): ("a", "b") read as another, ("a", "") left out, ("", "b") read where nothing is."""
    found = []
    for operation in Levenshtein.editops(pair.reference, pair.prediction):
        wanted = NOTHING if operation.tag == "insert" else pair.reference[operation.src_pos]
        got = NOTHING if operation.tag == "delete" else pair.prediction[operation.dest_pos]
        found.append((wanted, got))
    return found


def confusions(pairs: Iterable[Pair]) -> Counter[tuple[str, str]]:
    """How often each (wanted, got) happened; `most_common(20)` gives the list people want to see."""
    return Counter(edit for pair in pairs for edit in edits(pair))


def error_rate(pairs: Iterable[Pair]) -> Rate:
    """Character errors over reference characters: the CER."""
    return sum((Rate(len(pair.reference), pair.errors) for pair in pairs), Rate())


def by_character(pairs: Sequence[Pair]) -> dict[str, Rate]:
    """For each reference character: how often it stands there and how often it was left out or read as another. The
    entry "" counts characters read where nothing is. Most errors first, then by character."""
    return _by(pairs, lambda character: character)


def by_script(pairs: Sequence[Pair]) -> dict[str, Rate]:
    """As `by_character`, by script ("latin", "greek", "digit", "punctuation", "space" ...); inserted characters count as
    errors of their own script, so the errors add up to the CER's."""
    return _by(pairs, script, own_insertions=True)


def by_length(pairs: Sequence[Pair], edges: Sequence[int] = LENGTH_EDGES) -> dict[str, Rate]:
    """Error rate of lines grouped by their reference's length ("1-10", "11-20", ..., "81+"); empty groups are left out.

    Args:
        pairs: the lines.
        edges: longest length of each group but the last, rising.
    """
    names = [f"{low + 1}-{high}" for low, high in zip((0, *edges), edges, strict=False)] + [f"{edges[-1] + 1}+"]
    rates: dict[str, Rate] = {}
    for pair in pairs:
        length = len(pair.reference)
        name = "0" if length == 0 else names[sum(length > edge for edge in edges)]
        rates[name] = rates.get(name, Rate()) + Rate(length, pair.errors)
    return {name: rates[name] for name in ("0", *names) if name in rates}


def worst(pairs: Sequence[Pair], n: int) -> list[Pair]:
    """The `n` worst lines with any error: by edits per character, among equals the most edits, then the highest confidence
    (a confident mistake is often a wrong label)."""

    def badness(pair: Pair) -> tuple[float, int, float]:
        errors = pair.errors
        return errors / max(len(pair.reference), len(pair.prediction)), errors, pair.confidence

    wrong = [pair for pair in pairs if pair.reference != pair.prediction]
    return sorted(wrong, key=badness, reverse=True)[:n]


@lru_cache(maxsize=65536)
def script(character: str) -> str:
    """Script or class of a character, from its Unicode name and category: "latin", "cjk", "digit", "space", "other" ..."""
    category = unicodedata.category(character)
    if category == "Nd":
        return "digit"
    if category.startswith("Z") or character.isspace():
        return "space"
    if category.startswith("P"):
        return "punctuation"
    if category.startswith("S"):
        return "symbol"
    if category.startswith("M"):
        return "combining"
    word = unicodedata.name(character, "OTHER").split()[0].split("-")[0]
    return word.lower() if category.startswith("L") else "other"


def _by(pairs: Sequence[Pair], group: Callable[[str], str], own_insertions: bool = False) -> dict[str, Rate]:
    counts: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for pair in pairs:
        counts.update(map(group, pair.reference))
        for wanted, got in edits(pair):
            errors[group(wanted) if wanted else (group(got) if own_insertions else NOTHING)] += 1
    names = sorted(set(counts) | set(errors), key=lambda name: (-errors[name], name))
    return {name: Rate(counts[name], errors[name]) for name in names}
