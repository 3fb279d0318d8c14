"""What the dataset doctor found, as text and as JSON."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ppocr_like.doctor.alike import Alike, Looks
from ppocr_like.text import Form

_EXAMPLES = 5  # places named per finding
_SHOWN = 24  # characters named per line of the text

FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC")
# What to do about a finding; the kinds that are not here are the reasons a reader or transform rejects a sample with.
ADVICE = {
    "missing image": "check data_dir and the paths; the line cannot be used",
    "missing label": "the record cannot be used; pack the data again",
    "unreadable image": "replace the image or remove its line",
    "image too large": "make it smaller, or raise DecodeImage.max_pixels",
    "line without a delimiter": "write `image path<TAB>text`, or set the data set's delimiter",
    "line not in UTF-8": "save the label file as UTF-8",
    "empty label": "write the text or remove the line",
    "label too long": "raise Global.max_text_length",
    "no known characters": "is this the right dictionary?",
    **{
        f"label not in {form}, as the dictionary is": f"write `TextNormalize: {{form: {form}}}` before the step that encodes, in "
        "Train and in Eval: the characters outside the dictionary are others there"
        for form in FORMS
    },
    "label not in NFC": "some characters are written in two ways, as one code point and as two: `TextNormalize: {form: NFC}` "
    "before the step that encodes, in Train and in Eval, makes them one",
    "characters outside the dictionary": "add them to Global.character_dict_path; they cannot be learned or read",
    "label does not fit the width": "CTC needs a step per character and one between equal ones: a wider canvas "
    "(image_shape; bucket_by_width.min_width, step; a sampler's scales) or a smaller stride; behind STN_ON its tps_outputsize",
    "canvas that the network cannot take": "training would stop there: cut the line in parts, or see what the network's keys say",
    "looks like another text": "its words and numbers could stand in another order; the picture does not tell, and the other "
    "text will be read",
    "same image, other label": "one of the labels is wrong",
    "image of one colour": "nothing can be seen on it: is it empty, or was it written with transparent ground?",
    "image too small to show text": "is it damaged, or a box without extent that was cut out?",
    "more characters than the image has room for": "is it the label of another image, or are there several lines in the crop?",
    "crop higher than wide": "turn it so that the text runs from left to right, or leave it out",
    "nearly the same image in training": "take it out of one of the sets; the evaluation would flatter",
    "image also in training": "take it out of one of the sets; the evaluation would flatter",
    "path also in training": "take it out of one of the sets; the evaluation would flatter",
    "two records in one line": "write each record on a line of its own",
    "delimiter in the text": "put such texts in quotes, as the csv module does, or separate the columns by tabs",
    "columns behind the text": "they are not used: is the text in another column, or does it hold the delimiter?",
    "numbers behind the text": "they are not used",
    "no usable box": "nothing can be learned or measured here; see what is said of the boxes",
    "no boxes": "the line is not used; remove it",
    "broken label": 'write [{"transcription": "text", "points": [[x, y], ...]}, ...]',
    "coordinate that is no number": "the box is ignored; mend it",
    "polygon of fewer than 4 points": "give the corners of the text; four at least",
    "polygon without area": "the box counts for nothing; remove it or give its corners in order (two corners are no box); "
    "DetLabelEncode: {order_corners: true} orders the corners of quadrangles",
    "self-intersecting polygon": "the box counts for nothing: give the points in their order around the text; "
    "DetLabelEncode: {order_corners: true} orders the corners of quadrangles",
    "box outside the image": "is it the label of another image, or of the image at another size or before turning?",
    "points outside the image": "is it the label of the image at another size or before turning? The box is cut at the edge",
    "text below min_text_size": "training ignores text so small, and evaluation asks for it: "
    "resize to more px (DetResizeForTest), or lower min_text_size",
    "a few texts below min_text_size": "training ignores text so small",
    "text below min_text_size where the whole image is taken": "such text is learned only from crops of a part",
    "all boxes ignored": "teaches nothing about text",
    "page without boxes": "a page without text: whatever is found there is wrong",
}
# Worth knowing, but nothing is lost or wrong by it.
NOTES = (
    "same image again",
    "same path again",
    "text also in training",
    "label not in NFC",
    "looks like another text",
    "space at an end of the label",
    "points just outside the image",
    "a few texts below min_text_size",
    "text below min_text_size where the whole image is taken",
    "all boxes ignored",
    "page without boxes",
    "numbers behind the text",
    "same box twice",
)


@dataclass
class Finding:
    """One kind of finding in one set: how many, and the first places."""

    kind: str
    count: int = 0
    places: list[str] = field(default_factory=list)

    @property
    def problem(self) -> bool:
        """False: a note only."""
        return self.kind not in NOTES

    def add(self, place: str, count: int = 1) -> None:
        self.count += count
        if len(self.places) < _EXAMPLES:
            self.places.append(place)


class Findings(dict[str, Finding]):
    """By kind, in the order they were met."""

    def note(self, kind: str, place: str, count: int = 1) -> None:
        self.setdefault(kind, Finding(kind)).add(place, count)

    def merge(self, other: Findings) -> None:
        for kind, finding in other.items():
            mine = self.setdefault(kind, Finding(kind))
            mine.count += finding.count
            mine.places = (mine.places + finding.places)[:_EXAMPLES]

    def rename(self, kind: str, other: str) -> None:
        """Calls a kind of finding by another name."""
        finding = self.pop(kind)
        finding.kind = other
        self[other] = finding


@dataclass
class Spread:
    """Distribution of a number: median, 95 % quantile, greatest, 5 % quantile, least."""

    median: float
    most: float
    greatest: float
    few: float = 0.0
    least: float = 0.0

    def __str__(self) -> str:
        low, high = f"{self.few:.0f} to {self.most:.0f}", f"{self.least:.0f} to {self.greatest:.0f}"
        return f"median {self.median:.0f}, nine in ten {low}, all {high}"


@dataclass
class SetReport:
    """One data set.

    Args:
        name: "Train", or "Eval" with the set's name.
        files: its label files.
        lines, examined: how many it has and how many were looked at.
        error: why it could not be read at all.
        findings: by kind.
        summary: what stands in its labels, in a few words.
        characters: how often each character stands in the labels (recognition).
        unknown: the same for those outside the dictionary.
        notes: sentences about the set as a whole.
        spreads: distributions by name. units: what their numbers are, where the name does not say.
        looks: what its labels hold of characters that look like others.
    """

    name: str
    files: tuple[str, ...] = ()
    lines: int = 0
    examined: int = 0
    error: str = ""
    findings: Findings = field(default_factory=Findings)
    summary: str = ""
    characters: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    spreads: dict[str, Spread] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    looks: Looks = field(default_factory=Looks)

    @property
    def problems(self) -> int:
        """Kinds of findings that are more than notes."""
        return sum(finding.problem for finding in self.findings.values()) + bool(self.error)

    def text(self) -> str:
        rows = [f"{self.name}: {', '.join(self.files)}"]
        if self.error:
            return "\n".join([*rows, f"  cannot be read: {self.error}"])
        part = "" if self.examined == self.lines else f", {self.examined:,} of them looked at"
        rows.append(f"  {self.lines:,} lines{part}; {self.summary}")
        rows += [f"  {note}" for note in self.notes]
        rows += [f"  {name}: {spread} {self.units.get(name, '')}".rstrip() for name, spread in self.spreads.items()]
        for finding in sorted(self.findings.values(), key=lambda f: (not f.problem, -f.count)):
            rows += _finding_rows(finding)
        if self.unknown:
            rows.append(f"  outside the dictionary: {_characters(self.unknown.most_common())}")
        if not self.findings:
            rows.append("  nothing to complain about")
        return "\n".join(rows)


@dataclass
class DoctorReport:
    """All sets of a recipe.

    Args:
        sets: one report each, training first.
        sampled: only a sample was looked at, so that what is said about repeats and leakage is a lower bound.
        dictionary: file or name, and number of classes; "" where no text is read.
        unseen: characters of the dictionary that no training label has.
        untrained: characters of evaluation labels that no training label has, with counts.
        alike: what looks alike and is written in several ways, over all sets.
    """

    sets: list[SetReport]
    sampled: bool
    dictionary: str = ""
    unseen: list[str] = field(default_factory=list)
    untrained: Counter[str] = field(default_factory=Counter)
    alike: list[Alike] = field(default_factory=list)

    @property
    def problems(self) -> int:
        """Kinds of problems over all sets; 0 means good."""
        return sum(part.problems for part in self.sets)

    @property
    def characters(self) -> Counter[str]:
        """Frequencies over all sets."""
        return sum((part.characters for part in self.sets), Counter())

    def text(self) -> str:
        """The report for people."""
        rows = [part.text() for part in self.sets]
        if self.dictionary:
            rows.append("\n".join(self._character_rows()))
        if self.sampled:
            rows.append("Only a sample was looked at: repeats and leakage may be more than is said here.")
        found = "1 kind of problem" if self.problems == 1 else f"{self.problems} kinds of problems"
        rows.append(found if self.problems else "no problem found")
        return "\n\n".join(rows)

    def _character_rows(self) -> list[str]:
        common = self.characters.most_common()
        rows = [f"Characters over all sets, {len(common)} different ({self.dictionary})"]
        rows.append(f"  most frequent: {_characters(common)}")
        rows.append(f"  least frequent: {_characters(common[::-1])}")
        if self.unseen:
            rows.append(f"  in the dictionary, but in no training label: {len(self.unseen)}: {_names(self.unseen)}")
        if self.untrained:
            rows.append(f"  in evaluation labels only: {_characters(self.untrained.most_common())}")
        for alike in self.alike:
            counts = ", ".join(f"{_word(name, alike.by_code)} ({count:,})" for name, count in alike.counts.items())
            rows.append(f"  note: look alike: {alike.what}: {counts}")
            rows.append(f"{'':20}{alike.place}")
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with all character frequencies."""
        sets = []
        for part in self.sets:
            data = asdict(replace(part, looks=Looks()))
            del data["looks"]
            data["problems"] = part.problems
            data["findings"] = [
                {**asdict(f), "problem": f.problem, "advice": ADVICE.get(f.kind, "")} for f in part.findings.values()
            ]
            data["characters"] = dict(part.characters.most_common())
            data["unknown"] = dict(part.unknown.most_common())
            sets.append(data)
        return {
            "problems": self.problems,
            "sampled": self.sampled,
            "dictionary": self.dictionary,
            "unseen": self.unseen,
            "untrained": dict(self.untrained.most_common()),
            "alike": [asdict(alike) for alike in self.alike],
            "sets": sets,
        }

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1)


def _finding_rows(finding: Finding) -> list[str]:
    mark = "PROBLEM" if finding.problem else "note"
    advice = ADVICE.get(finding.kind, "")
    rows = [f"  {mark:7} {finding.count:>8,}  {finding.kind}" + (f" ({advice})" if advice else "")]
    rows += [f"{'':20}{place}" for place in finding.places]
    more = finding.count - len(finding.places)
    return [*rows, f"{'':20}and {more:,} more"] if more > 0 and finding.places else rows


def shown(character: str) -> str:
    """A character as it stands, with its code point where the eye needs it."""
    code = "+".join(f"U+{ord(c):04X}" for c in character)
    plain = len(character) == 1 and character.isascii() and character.isprintable() and character != " "
    if plain:
        return character
    if any(unicodedata.category(c)[0] in "CZM" for c in character):
        return code  # control, space or combining: nothing to see
    return f"{character} {code}"


def _word(name: str, by_code: bool) -> str:
    return shown(name) if by_code or len(name) == 1 else name


def _characters(counts: list[tuple[str, int]]) -> str:
    rows = [f"{shown(character)} ({count:,})" for character, count in counts[:_SHOWN]]
    return ", ".join(rows) + (f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else "")


def _names(characters: list[str]) -> str:
    return " ".join(shown(c) for c in characters[:_SHOWN]) + (" ..." if len(characters) > _SHOWN else "")
