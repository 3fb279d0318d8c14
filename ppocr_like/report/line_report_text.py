"""The test report as text. It begins as kraken's does, with the same lines in the same order; the rest follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ppocr_like.printable import one_line
from ppocr_like.text.scripts import shown

PAGES, LINES = 20, 20  # of the worst
UNKNOWN = 20  # characters, the most frequent


def line_report_text(tree: dict[str, Any]) -> str:
    """All sets below each other.

    Args:
        tree: see `line_report.line_report`.
    """
    parts = ["\n".join(_set(f"{tree['model']}, {name}", one)) for name, one in tree["sets"].items()]
    return ("\n\n".join(parts) or "no evaluation set") + "\n"


def percent(rate: float | None) -> str:
    """ "96.35%", "n/a" where there is nothing to tell of."""
    return "n/a" if rate is None else f"{100 * rate:.2f}%"


def told_accuracy(rate: float | None) -> str:
    """What stands behind an accuracy that is below 0."""
    return " (below 0: there are more errors than characters)" if rate is not None and rate < 0 else ""


def beside(decoder: str, numbers: Mapping[str, float]) -> str:
    """ "With decoder greedy: CER 2.30%, WER 8.12%, 61.20% of lines without an error." """
    named = [f"{name.upper()} {percent(numbers[name])}" for name in ("cer", "wer") if name in numbers]
    named += [f"{percent(numbers['acc'])} of lines without an error"] if "acc" in numbers else []
    return f"With decoder {decoder}: {', '.join(named)}."


def between(ends: Sequence[float]) -> str:
    """ "3.10% to 5.62%" """
    return f"{percent(ends[0])} to {percent(ends[1])}"


def unknown_characters(labels: Mapping[str, Any]) -> str:
    """Which characters of the truth the network does not know; "": it knows all."""
    unknown = labels.get("unknown")
    if not unknown:
        return ""
    named = [f"{shown(character)} ({part['count']:,})" for character, part in list(unknown.items())[:UNKNOWN]]
    more = f"; and {len(unknown) - UNKNOWN} more" if len(unknown) > UNKNOWN else ""
    total = f"{labels['unknown_characters']:,} of {labels['characters']:,} characters"
    return f"{total} are not in the network's character set, and cannot be read right: {'; '.join(named)}{more}."


def place_of(line: Mapping[str, Any]) -> str:
    """Where a line stands, and its image, where that is a file of its own."""
    return line["place"] if line["path"].startswith(line["file"]) else f"{line['place']}: {line['path']}"


def sentence(text: str) -> str:
    """With a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def _set(title: str, one: dict[str, Any]) -> Iterator[str]:
    yield f"=== report {one_line(title)} ==="
    yield ""
    yield from _kraken(one)
    yield ""
    yield f"{percent(one['cer'])}\tCER ({one['compared']})"
    if one["every_character"]:
        yield f"{percent(one['every_character']['cer'])}\tCER, if every character counts, spaces too"
    yield f"{percent(one['wer'])}\tWER"
    yield f"{one['right']} of {one['lines']}\tlines without an error"
    for name, numbers in one["beside"].items():
        yield beside(name, numbers)
    for reason, count in one["rejected"].items():
        yield f"{count}\tlines that could not be read, all of each counted as left out: {one_line(reason)}"
    if unknown := unknown_characters(one["labels"]):
        yield sentence(unknown)
    for reason, count in one["left_out"].items():
        yield f"{count}\tlines of the files that are left out and count nowhere: {one_line(reason)}"
    yield ""
    yield from _pages(one["pages"])
    worst_pages = sorted(one["by_page"], key=lambda row: (-row["cer"], row["name"]))
    for title, rows in (
        ("Data set", one["by_source"]),
        (_first("Page", worst_pages, PAGES), worst_pages[:PAGES]),
        ("Line type", one["by_line_type"]),
        ("Characters in a line", one["by_length"]),
    ):
        if rows:
            yield ""
            yield from _group(title, rows)
    yield ""
    yield from _calibration(one["calibration"])
    if one["worst"]:
        yield ""
        yield from _worst(one["worst"])


def _kraken(one: dict[str, Any]) -> Iterator[str]:
    folded = one["case_insensitive"]["accuracy"] if one["lines"] else None
    yield f"{one['characters']}\tCharacters"
    yield f"{one['errors']}\tErrors"
    yield f"{percent(one['accuracy'])}\tCharacter Accuracy{told_accuracy(one['accuracy'])}"
    yield f"{percent(folded)}\tCharacter Accuracy (Case-insensitive)"
    below = " (below 0: there are more errors than words)" if told_accuracy(one["word_accuracy"]) else ""
    yield f"{percent(one['word_accuracy'])}\tWord Accuracy{below}"
    yield ""
    yield f"{one['insertions']}\tInsertions"
    yield f"{one['deletions']}\tDeletions"
    yield f"{one['substitutions']}\tSubstitutions"
    yield ""
    yield "Count\tMissed\t%Right"
    yield from (f"{row['count']}\t{row['missed']}\t{percent(row['accuracy'])}\t{row['script']}" for row in one["by_script"])
    yield ""
    yield "Errors\tCorrect-Generated"
    for row in one["confusions"]:
        yield f"{row['errors']}\t{{ {row['correct_shown']} }} - {{ {row['generated_shown']} }}"


def _pages(pages: dict[str, Any]) -> Iterator[str]:
    """Pooled and mean rates and their intervals."""
    interval = pages["interval"]
    if interval is None:
        yield f"No interval: {pages['note']}."
        return
    ends = {name: between(interval[name]) for name in ("cer", "wer", "mean_cer", "mean_wer") if name in interval}
    yield f"{interval['level']:.0%} intervals, from {interval['draws']} draws of {pages['count']} pages (seed {interval['seed']})"
    yield f"{ends.get('cer', 'n/a')}\tCER, every character as heavy"
    yield f"{ends.get('wer', 'n/a')}\tWER, every word as heavy"
    yield f"{ends.get('mean_cer', 'n/a')}\tCER, every page as heavy: {percent(pages['mean_cer'])}"
    yield f"{ends.get('mean_wer', 'n/a')}\tWER, every page as heavy: {percent(pages['mean_wer'])}"
    if pages["note"]:
        yield f"{sentence(pages['note'])}."


def _group(title: str, rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield f"CER\tWER\tLines\tCharacters\tErrors\t{title}"
    for row in rows:
        numbers = f"{percent(row['cer'])}\t{percent(row['wer'])}\t{row['lines']}\t{row['characters']}\t{row['errors']}"
        yield f"{numbers}\t{one_line(row['name'] or '(none)')}"


def _calibration(both: dict[str, Any]) -> Iterator[str]:
    for name, one in both.items():
        if one is None:
            yield f"No calibration of {name}: the network tells no confidence of them."
            continue
        numbers = f"sure to {percent(one['confidence'])}, right in {percent(one['accuracy'])}"
        yield f"Calibration of {one['n']} {name}: {numbers}; expected calibration error {one['expected_calibration_error']:.4f}"


def _worst(lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield _first("Lines", lines, LINES)
    for line in lines[:LINES]:
        yield f"{line['errors']} errors, confidence {line['confidence']:.2f}, {one_line(place_of(line))}"
        yield f"\tit says\t{one_line(line['reference'])}"
        yield f"\tread\t{one_line(line['prediction'])}" if not line["rejected"] else f"\tnot read\t{one_line(line['rejected'])}"


def _first(what: str, rows: Iterable[Any], most: int) -> str:
    count = len(list(rows))
    return f"{what} (the worst {most} of {count})" if count > most else f"{what} (the worst first)"
