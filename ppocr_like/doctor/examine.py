"""The dataset doctor: looks at every line and image of a recipe's sets before a run wastes a night on them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ppocr_like.config.build import Builder
from ppocr_like.data.apart import cores
from ppocr_like.data.base import Dataset
from ppocr_like.data.lines.line_set import LineSet
from ppocr_like.data.lines.selection import CHOSEN
from ppocr_like.doctor.alike import Looks
from ppocr_like.doctor.findings import DoctorReport, SetReport
from ppocr_like.doctor.near import near_leakage
from ppocr_like.doctor.size import expectation
from ppocr_like.doctor.stream import Examiner, examine_set, leakage
from ppocr_like.errors import ConfigError, OcrError, Problem
from ppocr_like.printable import one_line
from ppocr_like.tasks import EXAMINERS, part


def examine(builder: Builder, sample: int | None = None, progress: bool = True, threads: int | None = None) -> DoctorReport:
    """Streams over the training set and all evaluation sets of a recipe; each image is read and decoded once.

    Looks for missing and unreadable images, lines that cannot be used, the same image or path twice, the same image with another
    label, images of one colour or too small, and images of evaluation sets that are also trained on, or nearly the same ones.
    What else it asks is a matter of the task: see its class in EXAMINERS (`tasks`).

    Args:
        builder: of a checked recipe.
        sample: look at so many lines of each set, drawn evenly; None looks at all.
        progress: a bar on a terminal.
        threads: workers; decoding and hashing run beside each other.

    Raises:
        ConfigError: the recipe's data set or transforms cannot be built, or nobody examines data of its task. A set whose files
            cannot be read is reported instead.
    """
    examiner_class: type[Examiner] | None = part(EXAMINERS, builder.task, "ppocr_like.doctor")
    if examiner_class is None:
        raise ConfigError([Problem("Architecture.model_type", f"is {builder.task}, and nobody examines data of that task")])
    examiner_of = examiner_class.of(builder)
    threads = threads or min(16, 2 * cores())
    names: list[tuple[str, str | None]] = [("Train", None), *(("Eval", name) for name in builder.eval_names())]
    reports: list[SetReport] = []
    trained: np.ndarray | None = None
    train_set: Dataset | None = None
    for section, name in names:
        bound = builder.bind_dataset(section, name)
        report = SetReport(section if name is None else f"{section} {name}")
        reports.append(report)
        try:
            dataset: Dataset = bound.make()
            report.files, report.lines = dataset.label_files, len(dataset)
            prints = examine_set(report, examiner_of(section, dataset), sample, progress, threads)
            _left_out(report, dataset)
        except OcrError as error:
            report.error = "; ".join(p.message for p in error.problems) if isinstance(error, ConfigError) else str(error)
            continue
        if section == "Train":
            trained, train_set = prints, dataset
            report.notes += expectation(examiner_class.guide, report.lines)
        elif trained is not None and train_set is not None:
            leakage(report.findings, prints, dataset, trained, train_set, texts=builder.reads_text)
            near_leakage(report, prints, dataset, trained, train_set, texts=builder.reads_text)
    return _concluded(builder, reports)


def _concluded(builder: Builder, reports: list[SetReport]) -> DoctorReport:
    """What all sets together say of the run's characters."""
    sampled = any(report.examined < report.lines for report in reports)
    known, seen = builder.charset, reports[0].characters
    if known is None:
        return DoctorReport(reports, sampled)
    looks = Looks()
    for report in reports:
        looks.merge(report.looks)
    characters = sum((report.characters for report in reports), Counter[str]())
    evaluated = sum((report.characters for report in reports[1:]), Counter[str]())
    return DoctorReport(
        reports,
        sampled,
        f"{_classes_source(builder)}, {known.num_classes} classes",
        known.unseen(seen) if seen else [],
        Counter({c: n for c, n in evaluated.items() if c not in seen}) if seen else Counter(),
        looks.alike(characters),
    )


def _left_out(report: SetReport, dataset: Dataset) -> None:
    """Of a set of lines: what was mended, what the recipe leaves out, and which lines are lost."""
    if not isinstance(dataset, LineSet):
        return
    report.notes += dataset.notes()
    asked = [f"{count:,} {reason}" for reason, count in dataset.left_out_counts().items() if reason in CHOSEN]
    if asked:
        report.notes.append(f"left out as the recipe says: {', '.join(asked)}")
    for row in dataset.left_out():
        if row.reason not in CHOSEN:
            detail = f": {row.detail}" if row.detail else ""
            report.findings.note(row.reason, one_line(f"{row.file}{f' ({row.id})' if row.id else ''}{detail}"))


def _classes_source(builder: Builder) -> str:
    settings = builder.recipe.globals
    if settings.codec is None:
        return settings.character_dict_path or "0-9a-z"
    return settings.codec if isinstance(settings.codec, str) else "Global.codec"
