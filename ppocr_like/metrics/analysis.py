"""Where a recogniser errs: everything that a test report tells, gathered line by line.

Only sums are kept, and the worst lines: a set of a million lines takes no more memory than its pages, its characters and its
confusions do.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from rapidfuzz.distance import Levenshtein

from ppocr_like.contracts import Origin, SampleInfo, TextLine
from ppocr_like.metrics.alignment import Step, edits
from ppocr_like.metrics.calibration import Calibration
from ppocr_like.metrics.line_counts import LineCounts
from ppocr_like.metrics.line_rules import LineRules

WORST = 100
LENGTHS = (10, 20, 40, 80)  # characters: lines of up to 10, of 11 to 20, ...


@dataclass(frozen=True)
class WrongLine:
    """A line that was read wrong.

    Args:
        info: its sample; the text is what it was compared with.
        origin: where it stands.
        prediction: what was read.
        errors: character edits.
        confidence: of the network, [0, 1].
        reason: why it could not be read at all; "": it was read.
    """

    info: SampleInfo
    origin: Origin
    prediction: str
    errors: int
    confidence: float
    reason: str = ""


class _Ranked(NamedTuple):
    """A wrong line among the worst: the greatest is the worst. Of one process no two are equal."""

    share: float  # of the longer text
    errors: int
    confidence: float  # a confident mistake is often a wrong label
    before: tuple[int, int]
    line: WrongLine


def _place(ranked: _Ranked) -> tuple[Any, ...]:
    return ranked[:-1]


class Group:
    """Counts by name, of lines that are alike in something."""

    def __init__(self) -> None:
        self.counts: dict[str, LineCounts] = {}

    def add(self, name: str, line: LineCounts) -> None:
        """A line's, or many lines' counts."""
        counts = self.counts.get(name)
        if counts is None:
            counts = self.counts[name] = LineCounts()
        counts.add(line)


class Analysis:
    """Gathers the lines of one evaluation set.

    Attributes:
        rules: how texts are compared.
        total: of all lines.
        groups: counts by `source`, `page`, `line_type` and `length`.
        characters: how often each character stands in the references.
        edits: how often (wanted, got) happened: ("a", "b") read as another, ("a", "") left out, ("", "b") read where nothing is.
        folded: (errors, characters) in lower case.
        whole: (errors, characters) where every character counts, also those that the rules leave out.
        of_characters, of_lines: how right the network is where it says it is.
        paged: whether the data set tells all lines' pages.
        rejected: lines that could not be read, by reason; all of such a line counts as left out.
    """

    def __init__(self, rules: LineRules) -> None:
        self.rules = rules
        self.total = LineCounts()
        self.groups = {name: Group() for name in ("source", "page", "line_type", "length")}
        self.characters: Counter[str] = Counter()
        self.edits: Counter[tuple[str, str]] = Counter()
        self.folded, self.whole = [0, 0], [0, 0]
        self.of_characters, self.of_lines = Calibration(), Calibration()
        self.paged = True
        self.rejected: Counter[str] = Counter()
        self._worst: list[_Ranked] = []
        self._seen = 0

    def add(self, info: SampleInfo, result: Any, origin: Origin) -> None:
        """A line.

        Args:
            info: its sample; the text is what the metric compares with (`Metric.references`).
            result: what the post-processing gave.
            origin: where it stands.
        """
        read = self.rules.result(result)
        wrong = self._add(info, read.text, origin, read.confidence)
        self._judge(read, wrong)

    def reject(self, info: SampleInfo, origin: Origin, reason: str) -> None:
        """A line that could not be read: nothing of it is right, even where nothing stands there."""
        self.rejected[reason] += 1
        self._add(info, "", origin, 0.0, reason)

    def merge(self, other: Analysis) -> None:
        """Adds what another process gathered."""
        self.total.add(other.total)
        for name, group in other.groups.items():
            for key, counts in group.counts.items():
                self.groups[name].add(key, counts)
        self.characters.update(other.characters)
        self.edits.update(other.edits)
        for mine, its in ((self.folded, other.folded), (self.whole, other.whole)):
            mine[:] = [one + more for one, more in zip(mine, its, strict=True)]
        self.of_characters.merge(other.of_characters)
        self.of_lines.merge(other.of_lines)
        self.paged = self.paged and other.paged
        self.rejected.update(other.rejected)
        self._worst = heapq.nlargest(WORST, self._worst + other._worst, key=_place)

    @classmethod
    def joined(cls, shares: Iterable[Analysis]) -> Analysis:
        """Those of several processes as one."""
        first, *others = shares
        for share in others:
            first.merge(share)
        return first

    def worst(self) -> list[WrongLine]:
        """Those with the most errors for their length; of equal ones the longer, then the one that the network was surer of."""
        return [ranked.line for ranked in sorted(self._worst, key=_place, reverse=True)]

    def _add(self, info: SampleInfo, prediction: str, origin: Origin, confidence: float, reason: str = "") -> list[Step]:
        reference = info.text
        wanted, got = self.rules.compared(reference), self.rules.compared(prediction)
        wrong = edits(wanted, got)
        line = self._counts(reference, prediction, wanted, wrong)
        line.right = int(not wrong and not reason)
        self.total.add(line)
        self.characters.update(wanted)
        for kind, i, j in wrong:
            self.edits["" if kind == "insert" else wanted[i], "" if kind == "delete" else got[j]] += 1
        self._compare(reference, prediction, wanted, got)
        self.groups["source"].add(origin.source, line)
        self.groups["line_type"].add(origin.line_type, line)
        self.groups["length"].add(_length(len(wanted)), line)
        if origin.page:
            self.groups["page"].add(origin.page, line)
        else:
            self.paged = False
        if wrong:
            share = len(wrong) / max(len(wanted), len(got))
            self._rank(share, WrongLine(info, origin, prediction, len(wrong), confidence, reason))
        return wrong

    def _counts(self, reference: str, prediction: str, wanted: str, wrong: list[Step]) -> LineCounts:
        line = LineCounts(1, 0, len(wanted), len(wrong))
        for kind, _, _ in wrong:
            if kind == "insert":
                line.insertions += 1
            elif kind == "delete":
                line.deletions += 1
            else:
                line.substitutions += 1
        words, read = self.rules.words(reference), self.rules.words(prediction)
        line.words = len(words)
        line.word_errors = 0 if words == read else Levenshtein.distance(words, read)
        return line

    def _compare(self, reference: str, prediction: str, wanted: str, got: str) -> None:
        """The two other ways to compare."""
        low = wanted.lower()
        self.folded[0] += 0 if wanted == got else Levenshtein.distance(low, got.lower())
        self.folded[1] += len(low)
        if self.rules.leaves_out:
            reference, prediction = reference.strip(), prediction.strip()
            self.whole[0] += 0 if reference == prediction else Levenshtein.distance(reference, prediction)
            self.whole[1] += len(reference)

    def _judge(self, read: TextLine, wrong: list[Step]) -> None:
        """Each character's confidence against whether it stands there, the line's against whether all of it is right."""
        self.of_lines.add((read.confidence,), (not wrong,))
        if len(read.confidences) != len(read.text):
            return  # a post-processing that tells no confidence of characters
        places = self.rules.places(read.text)
        right = [True] * len(places)
        for kind, _, place in wrong:
            if kind != "delete":
                right[place] = False
        confidences = read.confidences
        self.of_characters.add((confidences[place] for place in places), right)

    def _rank(self, share: float, line: WrongLine) -> None:
        self._seen += 1
        ranked = _Ranked(share, line.errors, line.confidence, (-line.info.index, -self._seen), line)
        if len(self._worst) < WORST:
            heapq.heappush(self._worst, ranked)
        elif ranked > self._worst[0]:
            heapq.heapreplace(self._worst, ranked)


def length_names() -> list[str]:
    """The names of the groups of lengths, from short to long."""
    starts = (1, *(edge + 1 for edge in LENGTHS))
    return ["0", *(f"{start} to {edge}" for start, edge in zip(starts, LENGTHS, strict=False)), f"over {LENGTHS[-1]}"]


_NAMES = length_names()


def _length(length: int) -> str:
    return _NAMES[0] if not length else _NAMES[1 + sum(length > edge for edge in LENGTHS)]
