"""The test report of a recogniser: what an evaluation found, as plain data, as text and as a page for a browser."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ppocr_like.atomic import write_bytes, write_text
from ppocr_like.engine.evaluator import Evaluation
from ppocr_like.errors import CheckpointError, OcrError
from ppocr_like.metrics.alignment import pieces
from ppocr_like.metrics.analysis import Analysis, Group, WrongLine, length_names
from ppocr_like.metrics.line_counts import accuracy, page_spread
from ppocr_like.report.line_report_html import line_report_html
from ppocr_like.report.line_report_text import line_report_text
from ppocr_like.text.scripts import code_of, name_of, script_of, shown

TEXT, JSON, HTML = "report.txt", "report.json", "report.html"


def report_files(folder: str | Path) -> list[Path]:
    """What `write_line_report` writes."""
    return [Path(folder) / name for name in (TEXT, JSON, HTML)]


def write_line_report(evaluations: Sequence[Evaluation], folder: str | Path, model: str, recipe: str) -> None:
    """Writes the report as text, as JSON and as HTML; all three tell the same numbers.

    Args:
        evaluations: made with `analyse`.
        folder: where the files go; made when missing.
        model, recipe: named in the report.

    Raises:
        OcrError: a file cannot be written.
    """
    tree = line_report(evaluations, model, recipe)
    datasets = {evaluation.name: evaluation.dataset for evaluation in evaluations}
    as_text, as_json, as_html = report_files(folder)
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        text = json.dumps(tree, ensure_ascii=False, indent=1) + "\n"
        write_bytes(as_json, text.encode("utf-8", "backslashreplace"))  # names that are no UTF-8 become escapes
        write_text(as_text, line_report_text(tree))
        write_text(as_html, line_report_html(tree, datasets))
    except CheckpointError as error:
        raise OcrError(f"{error}, or another folder with --report") from error
    except OSError as error:
        raise OcrError(f"{folder}: cannot be made ({error.strerror or error}); choose another folder with --report") from error


def line_report(evaluations: Sequence[Evaluation], model: str, recipe: str) -> dict[str, Any]:
    """Plain data: `model`, `recipe`, and of each set by its name the metric's own numbers, those of other decoders (`beside`),
    what its `labels` hold that cannot be used, the lines of its files that are `left_out` of it by reason, and what `set_report`
    gives."""
    sets = {
        evaluation.name: {
            "metrics": evaluation.metrics,
            "beside": evaluation.beside,
            "labels": evaluation.labels,
            "left_out": evaluation.dataset.left_out_counts() if evaluation.dataset is not None else {},
            **set_report(evaluation.analysis),
        }
        for evaluation in evaluations
        if evaluation.analysis is not None
    }
    return {"model": model, "recipe": recipe, "sets": sets}


def set_report(analysis: Analysis) -> dict[str, Any]:
    """What is known of one evaluation set.

    Returns:
        `compared` (what counts, in words), the numbers of `LineCounts`, `case_insensitive` and, where the rules leave characters
        out, `every_character` (errors, characters, cer, accuracy), `rejected` by reason, `pages` (see `page_spread`),
        `by_script`, `by_source`, `by_page`, `by_line_type`, `by_length`, `by_character`, `confusions`, `calibration` (of
        `characters` and `lines`), and the `worst` lines.
    """
    groups = analysis.groups
    pages = groups["page"].counts if analysis.paged else {}
    return {
        "compared": analysis.rules.told(),
        **analysis.total.numbers(),
        "case_insensitive": _rates(*analysis.folded),
        "every_character": _rates(*analysis.whole) if analysis.rules.leaves_out else None,
        "rejected": dict(analysis.rejected.most_common()),
        "pages": page_spread(list(pages.values())),
        "by_script": _by_script(analysis),
        "by_source": _rows(groups["source"], list(groups["source"].counts)),
        "by_page": _rows(groups["page"], sorted(pages)),
        "by_line_type": _by_line_type(groups["line_type"]),
        "by_length": _rows(groups["length"], [name for name in length_names() if name in groups["length"].counts]),
        "by_character": _by_character(analysis),
        "confusions": _confusions(analysis),
        "calibration": {"characters": analysis.of_characters.numbers(), "lines": analysis.of_lines.numbers()},
        "worst": [_worst(line) for line in analysis.worst()],
    }


def _rates(errors: int, characters: int) -> dict[str, Any]:
    rate = errors / (characters or 1)
    return {"errors": errors, "characters": characters, "cer": rate, "accuracy": accuracy(rate)}


def _rows(group: Group, names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"name": name, **group.counts[name].numbers()} for name in names]


def _by_line_type(group: Group) -> list[dict[str, Any]]:
    """Most lines first; none where no line has a type."""
    names = sorted(group.counts, key=lambda name: (-group.counts[name].lines, name))
    return [] if names == [""] else _rows(group, names)


def _by_script(analysis: Analysis) -> list[dict[str, Any]]:
    """Characters of the references by script: how many there are, how many of them were left out or read as others; and how many
    characters of the script were read where nothing is. Most characters first."""
    kinds = ("count", "deletions", "substitutions", "insertions")
    found: dict[str, Counter[str]] = {}
    for character, count in analysis.characters.items():
        found.setdefault(script_of(character), Counter())["count"] += count
    for (wanted, got), count in analysis.edits.items():
        kind = "insertions" if not wanted else "substitutions" if got else "deletions"
        found.setdefault(script_of(wanted or got), Counter())[kind] += count
    rows = []
    for script, counts in sorted(found.items(), key=lambda item: (-item[1]["count"], item[0])):
        missed = counts["deletions"] + counts["substitutions"]
        share = accuracy(missed / counts["count"]) if counts["count"] else None
        rows.append({"script": script, **{kind: counts[kind] for kind in kinds}, "missed": missed, "accuracy": share})
    return rows


def _by_character(analysis: Analysis) -> list[dict[str, Any]]:
    """Each character of the references: how often it stands there and how often it was left out or read as another."""
    missed: Counter[str] = Counter()
    for (wanted, _), count in analysis.edits.items():
        missed[wanted] += count
    return [
        {"character": one, "code": code_of(one), "name": name_of(one), "count": analysis.characters[one], "missed": missed[one]}
        for one in sorted(analysis.characters, key=lambda one: (-missed[one], one))
    ]


def _confusions(analysis: Analysis) -> list[dict[str, Any]]:
    """Most frequent first. `correct`, `generated`: the characters, "" for nothing; `..._shown` as they can be seen."""
    ordered = sorted(analysis.edits.items(), key=lambda item: (-item[1], item[0]))
    return [
        {
            "errors": count,
            "correct": wanted,
            "generated": got,
            "correct_shown": shown(wanted),
            "generated_shown": shown(got),
            "correct_name": name_of(wanted),
            "generated_name": name_of(got),
        }
        for (wanted, got), count in ordered
    ]


def _worst(line: WrongLine) -> dict[str, Any]:
    """A wrong line with both texts beside each other: `diff` has rows of (kind, what it says, what was read)."""
    info = line.info
    reference, prediction = info.text.strip(), line.prediction.strip()
    return {
        "file": info.file,
        "line": info.line,
        "id": info.id,
        "place": info.place,
        "path": info.path,
        "index": info.index,
        "page": line.origin.page,
        "line_type": line.origin.line_type,
        "reference": reference,
        "prediction": prediction,
        "errors": line.errors,
        "confidence": line.confidence,
        "rejected": line.reason,
        "diff": [list(piece) for piece in pieces(reference, prediction)],
    }
