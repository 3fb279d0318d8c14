"""The test report as one HTML file: readable on a phone and on a desk, and all of it inside the file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rapidfuzz.distance import Prefix

from ppocr_like.contracts import Rejected
from ppocr_like.data.base import Dataset
from ppocr_like.errors import DataError
from ppocr_like.pipeline.preprocess import plain
from ppocr_like.printable import one_line
from ppocr_like.report.html import embedded, html_document
from ppocr_like.report.line_report_text import beside, between, percent, place_of, sentence, told_accuracy, unknown_characters
from ppocr_like.text import is_right_to_left
from ppocr_like.text.scripts import shown

PAGES, CONFUSIONS = 100, 60  # rows shown; the JSON has them all
LONGEST, QUALITY, HIGH = 900, 60, 40  # px of a line's picture: its greatest length; JPEG; its least height
_WORDS = re.compile(r"\S+\s*|\s+")
_DOTTED = "\u25cc"  # carries a mark that would stand alone
PLOT = {"left": 46, "top": 12, "wide": 264, "high": 200}  # px of the picture of the calibration


def line_report_html(tree: Mapping[str, Any], datasets: Mapping[str, Dataset | None]) -> str:
    """The document.

    Args:
        tree: see `line_report.line_report`.
        datasets: each set, from which the pictures of the worst lines come; None: no pictures.
    """
    sets = [_set(name, one, datasets.get(name)) for name, one in tree["sets"].items()]
    return html_document("line_report.html", "Test report", f"{tree['model']}, {tree['recipe']}", sets=sets)


def _set(name: str, one: Mapping[str, Any], dataset: Dataset | None) -> dict[str, Any]:
    pages = sorted(one["by_page"], key=lambda row: (-row["cer"], row["name"]))
    tables = [
        ("Data sets", "", _rows(one["by_source"])),
        ("Pages", how_many(len(pages), PAGES, "pages"), _rows(pages[:PAGES])),
        ("Types of lines", "", _rows(one["by_line_type"])),
        ("Characters in a line", "", _rows(one["by_length"])),
    ]
    return {
        "name": name,
        "cards": _cards(one),
        "notes": _notes(one),
        "pages": _page_rows(one["pages"], one),
        "scripts": [_script(row) for row in one["by_script"]],
        "tables": [table for table in tables if table[2]],
        "confusions": [_confusion(row) for row in one["confusions"][:CONFUSIONS]],
        "confusions_note": how_many(len(one["confusions"]), CONFUSIONS, "confusions"),
        "calibrations": [_calibration(what, numbers) for what, numbers in one["calibration"].items() if numbers],
        "worst": [_worst(line, picture) for line, picture in zip(one["worst"], _pictures(one["worst"], dataset), strict=True)],
        "worst_note": "Differences that do not count are marked, too." if one["every_character"] else "",
    }


def how_many(count: int, shown: int, what: str) -> str:
    """What is left out of a table; "": nothing."""
    return f"the first {shown} of {count} {what}; report.json has all" if count > shown else ""


def _cards(one: Mapping[str, Any]) -> list[tuple[str, str]]:
    folded = one["case_insensitive"]["accuracy"] if one["lines"] else None
    return [
        (percent(one["cer"]), "CER"),
        (percent(one["wer"]), "WER"),
        (percent(one["accuracy"]), f"character accuracy{told_accuracy(one['accuracy'])}"),
        (percent(folded), "character accuracy, case ignored"),
        (percent(one["word_accuracy"]), "word accuracy"),
        (f"{one['characters']:,}", "characters"),
        (f"{one['errors']:,}", "errors"),
        (f"{one['insertions']:,}", "insertions"),
        (f"{one['deletions']:,}", "deletions"),
        (f"{one['substitutions']:,}", "substitutions"),
        (f"{one['right']:,} of {one['lines']:,}", "lines without an error"),
    ]


def _notes(one: Mapping[str, Any]) -> list[str]:
    """What is to be known about the numbers."""
    notes = [f"{sentence(one['compared'])}."]
    if one["every_character"]:
        notes.append(f"If every character counted, spaces too, the CER would be {percent(one['every_character']['cer'])}.")
    notes += [beside(name, numbers) for name, numbers in one["beside"].items()]
    if told_accuracy(one["accuracy"]):
        notes.append("An accuracy below 0 means that there are more errors than characters.")
    if unknown := unknown_characters(one["labels"]):
        notes.append(unknown)
    notes += [
        f"{count} line{'' if count == 1 else 's'} could not be read, and all of each counts as left out: {reason}."
        for reason, count in one["rejected"].items()
    ]
    notes += [
        f"{count} line{' of the files is' if count == 1 else 's of the files are'} left out and count{'s' if count == 1 else ''} "
        f"nowhere: {reason}."
        for reason, count in one["left_out"].items()
    ]
    return notes


def _page_rows(pages: Mapping[str, Any], one: Mapping[str, Any]) -> dict[str, Any]:
    """`rows` of (what, rate, interval), and a `note`."""
    interval = pages["interval"]
    if interval is None:
        return {"rows": [], "note": f"No interval: {pages['note']}."}
    rates = {"cer": one["cer"], "wer": one["wer"], "mean_cer": pages["mean_cer"], "mean_wer": pages["mean_wer"]}
    rows = [
        (what, percent(rates[name]), between(interval[name]))
        for what, name in (
            ("CER, every character as heavy", "cer"),
            ("CER, every page as heavy", "mean_cer"),
            ("WER, every word as heavy", "wer"),
            ("WER, every page as heavy", "mean_wer"),
        )
        if name in interval
    ]
    note = (
        f"How far the numbers may be from those of other pages of this kind: {interval['level']:.0%} intervals from "
        f"{interval['draws']} draws of {pages['count']} pages (seed {interval['seed']})."
    )
    return {"rows": rows, "note": f"{note} {sentence(pages['note'])}." if pages["note"] else note}


def _rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """With `bar`, the length of a bar in percent of the longest; names without the folder that all share."""
    longest = max((row["cer"] for row in rows), default=0) or 1
    start = _shared_folder([row["name"] for row in rows])
    return [
        {
            "name": one_line(row["name"][start:]) or "(none)",
            "cer": percent(row["cer"]),
            "wer": percent(row["wer"]),
            "lines": f"{row['lines']:,}",
            "errors": f"{row['errors']:,} of {row['characters']:,}",
            "bar": f"{100 * row['cer'] / longest:.1f}",
        }
        for row in rows
    ]


def _shared_folder(names: Sequence[str]) -> int:
    """How many characters all paths begin with, up to a folder's end; of one path, all but its last part."""
    if not names:
        return 0
    first, last = min(names), max(names)
    return first[: Prefix.similarity(first, last)].rfind("/") + 1


def _script(row: Mapping[str, Any]) -> dict[str, str]:
    counts = {name: f"{row[name]:,}" for name in ("count", "missed", "deletions", "substitutions", "insertions")}
    return {"script": row["script"], "right": percent(row["accuracy"]), **counts}


def _confusion(row: Mapping[str, Any]) -> dict[str, Any]:
    sides = []
    for side in ("correct", "generated"):
        mark = row[side] and unicodedata.category(row[side])[0] == "M"
        sides.append((carried(row[side]) if mark else row[f"{side}_shown"], row[f"{side}_name"]))
    return {"errors": f"{row['errors']:,}", "sides": [(seen, _told_name(seen, name)) for seen, name in sides]}


def _told_name(seen: str, name: str) -> str:
    """The name beside a character; "": everybody knows it (letters of the alphabet, also with accents, and digits), or it is told
    already."""
    letter = unicodedata.normalize("NFD", seen)[:1]
    return "" if name == seen or (letter.isascii() and letter.isalnum()) else name


def _calibration(what: str, numbers: Mapping[str, Any]) -> dict[str, Any]:
    """The bars of the picture, in px, and the numbers."""
    left, top, wide, high = (PLOT[name] for name in ("left", "top", "wide", "high"))
    bars = [
        {
            "x": f"{left + one['from'] * wide + 1:.1f}",
            "y": f"{top + (1 - one['accuracy']) * high:.1f}",
            "width": f"{(one['to'] - one['from']) * wide - 2:.1f}",
            "height": f"{one['accuracy'] * high:.1f}",
            "dot": (f"{left + one['confidence'] * wide:.1f}", f"{top + (1 - one['accuracy']) * high:.1f}"),
            "told": f"{one['n']:,}: sure to {percent(one['confidence'])}, right in {percent(one['accuracy'])}",
            "range": f"{one['from']:.1f} to {one['to']:.1f}",
            "n": f"{one['n']:,}",
            "sure": percent(one["confidence"]),
            "right": percent(one["accuracy"]),
        }
        for one in numbers["bins"]
    ]
    ticks = [
        {"label": f"{100 * share:.0f} %", "x": left + share * wide, "y": top + (1 - share) * high}
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    return {
        "what": what,
        "n": f"{numbers['n']:,}",
        "sure": percent(numbers["confidence"]),
        "right": percent(numbers["accuracy"]),
        "ece": f"{numbers['expected_calibration_error']:.4f}",
        "bars": bars,
        "ticks": ticks,
        **PLOT,
        "end_x": left + wide,
        "end_y": top + high,
    }


def _worst(line: Mapping[str, Any], picture: dict[str, Any] | None) -> dict[str, Any]:
    texts = line["reference"], line["prediction"]
    count = line["errors"]
    place = [place_of(line), line["line_type"]]
    return {
        "picture": picture,
        "groups": list(_grouped(line["diff"])),
        # The pieces of a line that runs from right to left may lie otherwise than in the line itself: show that, too.
        "plain": [one_line(text) for text in texts] if any(is_right_to_left(text) for text in texts) else [],
        "told": f"{count} error{'' if count == 1 else 's'}, confidence {line['confidence']:.2f}",
        "rejected": line["rejected"],
        "place": one_line(" · ".join(filter(None, place))),
    }


def _grouped(diff: Sequence[Sequence[str]]) -> Iterator[list[tuple[str, str, str]]]:
    """The pieces in groups that should not be parted where a line of the browser ends: words, as far as both texts have them.
    Each piece is (kind, what it says, what was read), as it can be seen."""
    group: list[tuple[str, str, str]] = []
    for kind, wanted, got in diff:
        if kind != "equal":
            group.append((kind, visible(wanted), visible(got)))
            continue
        for word in _WORDS.findall(wanted):
            group.append((kind, *2 * (carried(one_line(word)),)))
            if word[-1].isspace():
                yield group
                group = []
    if group:
        yield group


def visible(text: str) -> str:
    """Characters that were read wrong as a reader can see them: spaces as ␣, marks on a dotted circle, others that cannot be seen
    by their names."""
    if not text:
        return ""
    seen = ["␣" if one == " " else one if unicodedata.category(one)[0] == "M" else _named(one) for one in text]
    return carried("".join(seen))


def _named(character: str) -> str:
    seen = shown(character)
    return seen if seen == character else f"⟨{seen}⟩"


def carried(text: str) -> str:
    """With a dotted circle before a mark at its beginning, whose letter stands in another piece."""
    return _DOTTED + text if text and unicodedata.category(text[0])[0] == "M" else text


def _pictures(lines: Sequence[Mapping[str, Any]], dataset: Dataset | None) -> list[dict[str, Any] | None]:
    """For each line `source`, `width` and `height` (px) of its picture; None where it cannot be shown. Lines of one page are read
    one after the other, so that the page is opened once."""
    found = {path: _picture(path, dataset) for path in sorted(line["path"] for line in lines)} if dataset is not None else {}
    return [found.get(line["path"]) for line in lines]


def _picture(path: str, dataset: Dataset) -> dict[str, Any] | None:
    try:
        image = dataset.read_image(path)
        picture = plain(image.tobytes(), path) if image.ndim == 1 else image
    except (Rejected, DataError):
        return None
    assert isinstance(picture, np.ndarray)
    source, (width, height) = embedded(_three(picture), LONGEST, QUALITY, HIGH)
    return {"source": source, "width": width, "height": height}


def _three(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) of an image (H, W) or (H, W, C)."""
    image = image if image.ndim == 3 else image[:, :, None]
    return image if image.shape[2] == 3 else np.repeat(image[:, :, :1], 3, axis=2)
