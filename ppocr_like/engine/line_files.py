"""What became of every line of a run's sets of lines: `left_out.tsv`, `split.tsv`, and the log."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ppocr_like.atomic import atomic_write
from ppocr_like.contracts import Rejections
from ppocr_like.data.lines.line_set import LineSet
from ppocr_like.data.lines.lines import LeftOut
from ppocr_like.data.lines.partition import TRAIN, SplitRow
from ppocr_like.data.lines.selection import CHOSEN
from ppocr_like.errors import DataError
from ppocr_like.outside import LARGE, read_file
from ppocr_like.printable import one_line

logger = logging.getLogger("ppocr_like")
LEFT_OUT, SPLIT = "left_out.tsv", "split.tsv"
_HEAD = ("set", "file", "line", "reason", "detail")
_NAMED = 3  # lines of each reason in a message


def tell_line_sets(folder: Path, train_set: Any, eval_sets: Iterable[Any], resumed: bool) -> None:
    """Of a run's sets of lines: the files of the run folder, and what is to be said.

    Args:
        eval_sets: `EvalSet`s.

    Raises:
        OcrError: see `write_line_files` and `judge_left_out`.
    """
    sets = {"train": train_set, **{part.name: part.loader.dataset for part in eval_sets}}
    write_line_files(folder, sets, resumed)
    for name, dataset in sets.items():
        judge_left_out(dataset, name)


def write_line_files(folder: Path, sets: Mapping[str, Any], resumed: bool = False) -> None:
    """Writes both files into the run folder, as far as there is something to write.

    Args:
        sets: data sets by name; only sets of lines count.
        resumed: the run goes on, with the parts that it had.

    Raises:
        DataError: training and evaluation divide the same pages differently; or a part that an earlier start of this run
            evaluated on would be trained on now.
        CheckpointError: a file cannot be written.
    """
    line_sets = {name: dataset for name, dataset in sets.items() if isinstance(dataset, LineSet)}
    rows: dict[SplitRow, None] = {}
    for dataset in line_sets.values():
        rows.update(dict.fromkeys(dataset.split_rows()))
    if rows:
        place = folder / SPLIT
        _check_parts(rows)
        if resumed:
            _check_earlier(place, rows)
        _write(place, ("part", "file", "line"), rows)
    if line_sets:
        found: dict[LeftOut, list[str]] = {}
        for name, dataset in line_sets.items():
            for row in dataset.left_out():
                names = found.setdefault(row, [])
                if name not in names:
                    names.append(name)
        table = ((", ".join(names), row.file, row.id, row.reason, row.detail) for row, names in found.items())
        _write(folder / LEFT_OUT, _HEAD, table)


def add_rejected(folder: Path, name: str, rejections: Rejections) -> None:
    """Adds to `left_out.tsv` the samples that the chain rejected, each once.

    Args:
        name: of the set.
        rejections: of one pass over it.

    Raises:
        CheckpointError: the file cannot be written.
    """
    place = folder / LEFT_OUT
    try:
        there = read_file(place, LARGE).decode("utf-8", "replace").splitlines()
    except OSError:
        there = []
    known, rows = set(there), dict.fromkeys("\t".join(map(one_line, (name, *row))) for row in rejections.rows)
    if new := [row for row in rows if row not in known]:
        _write(place, _HEAD, (row.split("\t") for row in [*there[1:], *new]))


def judge_left_out(dataset: Any, name: str) -> None:
    """Says how many lines of a set are left out, by reason, and what was mended.

    Raises:
        DataError: more are lost than `max_left_out` allows.
    """
    if not isinstance(dataset, LineSet):
        return
    for note in dataset.notes():
        logger.info("%s: %s", name, note)
    counts = dataset.left_out_counts()
    if not counts:
        return
    lost = {reason: count for reason, count in counts.items() if reason not in CHOSEN}
    said = ", ".join(f"{count:,} {reason}" for reason, count in counts.items())
    logger.log(logging.WARNING if lost else logging.INFO, "%s: %s lines, left out: %s", name, f"{len(dataset):,}", said)
    share = dataset.lost_share()
    if lost and share > dataset.keys.max_left_out:
        named = "; ".join(_examples(dataset, reason) for reason in lost)
        raise DataError(
            f"{name}: {share:.1%} of the lines are lost, more than max_left_out: {dataset.keys.max_left_out:g}: {named}. Mend or "
            f"remove them ({LEFT_OUT} in the run folder names them all), or set max_left_out higher to go without them",
            ", ".join(dataset.label_files),
        )


def _examples(dataset: LineSet, reason: str) -> str:
    """A reason with the first lines that it holds for."""
    first = []
    for row in dataset.left_out():
        if row.reason == reason:
            first.append(" ".join(part for part in (row.file, row.id, row.detail) if part))
            if len(first) == _NAMED:
                break
    return f"{reason} ({'; '.join(first)})"


def _check_parts(rows: Iterable[SplitRow]) -> None:
    parts: dict[tuple[str, str], str] = {}
    for row in rows:
        if parts.setdefault((row.file, row.id), row.part) != row.part:
            raise DataError(
                "is trained on and evaluated on: partition, partition_by and partition_seed must be equal in Train.dataset and "
                "in Eval.dataset, and both must name the same files",
                row.file,
            )


def _check_earlier(place: Path, rows: Iterable[SplitRow]) -> None:
    """A run that goes on must not train on what it was judged by."""
    try:
        text = read_file(place, LARGE).decode("utf-8", "replace")
    except OSError:
        return
    earlier = {tuple(row.split("\t")[1:3]): row.split("\t")[0] for row in text.splitlines()[1:]}
    for row in rows:
        before = earlier.get((one_line(row.file), one_line(row.id)), row.part)
        if row.part == TRAIN and before != TRAIN:
            raise DataError(
                f"the run evaluated on {row.file} {row.id}".rstrip() + " and would train on it now, because files were added or "
                f"taken away, or partition was changed: begin another run, or remove {place} to go on all the same",
                row.file,
            )


def _write(place: Path, head: tuple[str, ...], rows: Iterable[Sequence[str]]) -> None:
    def content(file: Any) -> None:
        for row in (head, *rows):
            file.write(("\t".join(map(one_line, row)) + "\n").encode())

    atomic_write(place, content)
