"""What the doctor does for every kind of data: a stream over the lines of a set, fingerprints, repeats, leakage."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from ppocr_like.config.build import Builder
from ppocr_like.contracts import Rejected, SampleInfo
from ppocr_like.data.base import Dataset, Record
from ppocr_like.data.census import LineCensus, PageCensus
from ppocr_like.doctor.alike import Looks
from ppocr_like.doctor.findings import Findings, SetReport, Spread
from ppocr_like.doctor.looks import LINE_GRID, WORDS, print_of
from ppocr_like.doctor.shape import ONE_COLOUR, TINY, TOO_SMALL, of_one_colour
from ppocr_like.doctor.size import Guide
from ppocr_like.documents.formats.label_line import only_numbers
from ppocr_like.printable import one_line
from ppocr_like.transforms.decode import DecodeImage

FURTHER, FURTHER_NUMBERS = "columns behind the text", "numbers behind the text"
_CHUNK = 128  # samples per task
_SAMPLE = 0xD0C  # stream of the sample that `sample` asks for
_PRINT = np.dtype(
    [("index", np.int64), ("image", np.uint64), ("path", np.uint64), ("text", np.uint64), ("look", np.uint64, (WORDS,))]
)


@dataclass
class Tally:
    """What a run of samples gave.

    Args:
        findings: by kind.
        counted: tables of counts (characters).
        numbers: by name the values whose spread is reported.
        totals: sums.
        prints: one fingerprint (index, image, path, text, look) per image.
        looks: characters that look like others.
    """

    findings: Findings = field(default_factory=Findings)
    counted: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    numbers: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    totals: Counter[str] = field(default_factory=Counter)
    prints: list[tuple[int, int, int, int, tuple[int, ...]]] = field(default_factory=list)
    looks: Looks = field(default_factory=Looks)


class Examiner(ABC):
    """Looks at the samples of one set of a task; threads share it, so it keeps nothing.

    Args:
        dataset: the set, whose own decoding step is used.
    """

    look_grid = LINE_GRID  # of `near.print_of`
    guide: Guide | None = None  # how many samples are advised

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.decode = next((step for step in dataset.transforms if isinstance(step, DecodeImage)), DecodeImage("BGR"))

    @classmethod
    def of(cls, builder: Builder) -> Callable[[str, Dataset], Examiner]:
        """What makes the examiner of a set, of its section ("Train", "Eval") and the set."""
        return lambda section, dataset: cls(dataset)

    @staticmethod
    def census(dataset: Dataset, builder: Builder) -> LineCensus | PageCensus | None:
        """Counts the labels of a set, for training to say what it cannot use; None where there is nothing to count."""
        return None

    @abstractmethod
    def look(self, tally: Tally, record: Record) -> None:
        """Everything about one line that can be used."""

    @abstractmethod
    def conclude(self, report: SetReport, total: Tally) -> None:
        """Fills the report; findings and spreads are there already."""

    def image(self, tally: Tally, info: SampleInfo, path: str) -> tuple[int, int] | None:
        """(width, height) px of the decoded image; None (noted) when it cannot be used."""
        try:
            raw = self.dataset.read_image(path)
            image = self.decode({"image": raw, "img_path": path}, np.random.default_rng(0))["image"]
        except Rejected as error:
            detail = "" if error.detail in ("", path) else f": {error.detail.removeprefix(path + ': ')}"
            tally.findings.note(error.reason, one_line(f"{info.place}: {path}{detail}"))
            return None
        image = image.transpose(1, 2, 0) if getattr(self.decode, "channel_first", False) else image
        real = os.path.realpath(path)
        look = print_of(np.ascontiguousarray(image), *self.look_grid)
        tally.prints.append(
            (info.index, _digest(np.ascontiguousarray(raw).data), _digest(os.fsencode(real)), _digest(info.text.encode()), look)
        )
        height, width = image.shape[:2]
        place = one_line(f"{info.place}: {path}: {width} x {height} px")
        if min(width, height) < TINY:
            tally.findings.note(TOO_SMALL, place)
        elif of_one_colour(image):
            tally.findings.note(ONE_COLOUR, place)
        return width, height

    def run(self, indices: np.ndarray) -> Tally:
        """The tally of some samples."""
        tally = Tally()
        for index in indices.tolist():
            record = self.dataset.record(index)
            if record.error is not None:
                tally.findings.note(record.error.reason, f"{place_of(record.info)}: {record.error.detail}")
                continue
            if record.further:
                kind = FURTHER_NUMBERS if only_numbers(record.further) else FURTHER
                tally.findings.note(kind, f"{place_of(record.info)}: {', '.join(map(repr, record.further))[:80]}")
            self.look(tally, record)
        return tally


def place_of(info: SampleInfo) -> str:
    """Where a sample stands, for a message."""
    return one_line(info.place + (f": {info.path}" if info.path else ""))


def examine_set(report: SetReport, examiner: Examiner, sample: int | None, progress: bool, threads: int) -> np.ndarray:
    """Fills the report of a set, each image read and decoded once; gives one fingerprint per image."""
    indices = np.arange(report.lines)
    if sample is not None and sample < report.lines:
        rng = np.random.Generator(np.random.PCG64([0, 0, 0, _SAMPLE]))
        indices = np.sort(rng.choice(report.lines, sample, replace=False))
    report.examined = len(indices)
    chunks = [indices[start : start + _CHUNK] for start in range(0, len(indices), _CHUNK)]
    total = Tally()
    # Arrays: ten million lines are a few hundred MB.
    numbers: dict[str, list[np.ndarray]] = defaultdict(list)
    prints = [np.zeros(0, _PRINT)]
    with (
        ThreadPoolExecutor(threads) as pool,
        tqdm(total=len(indices), desc=report.name, unit="line", leave=False, disable=None if progress else True) as bar,
    ):
        for tally, chunk in zip(pool.map(examiner.run, chunks), chunks, strict=True):
            total.findings.merge(tally.findings)
            total.totals.update(tally.totals)
            total.looks.merge(tally.looks)
            for name, table in tally.counted.items():
                total.counted[name].update(table)
            for name, values in tally.numbers.items():
                numbers[name].append(np.array(values, np.float32))
            prints.append(np.array(tally.prints, _PRINT))
            bar.update(len(chunk))
    report.findings = total.findings
    report.spreads = {name: spread_of(np.concatenate(parts)) for name, parts in numbers.items()}
    examiner.conclude(report, total)
    joined = np.concatenate(prints)
    _repeats(report.findings, joined, examiner.dataset)
    return joined


def spread_of(values: np.ndarray) -> Spread:
    """Of at least one number."""
    least, low, median, most = np.quantile(values, [0, 0.05, 0.5, 0.95])
    return Spread(float(median), float(most), float(values.max()), float(low), float(least))


def _digest(data: bytes | memoryview) -> int:
    """64 bits: two of ten million different images share them once in 400,000 runs."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def _repeats(findings: Findings, prints: np.ndarray, dataset: Dataset) -> None:
    """The same image or path more than once in a set. A line whose own list names an image twice is no repeat."""
    index, path, text = prints["index"], prints["path"], prints["text"]
    for key, kind in (("path", "same path again"), ("image", "same image again")):
        for first, again in _pairs(prints, key):
            if index[first] == index[again] or (key == "image" and path[first] == path[again]):
                continue
            here, there = dataset.info(int(index[again])), dataset.info(int(index[first]))
            findings.note(kind, f"{place_of(here)}, as in {_short(there, here)}")
    for first, again in _pairs(prints, "image"):
        if text[first] != text[again]:
            here, there = dataset.info(int(index[again])), dataset.info(int(index[first]))
            findings.note(
                "same image, other label", f"{place_of(here)}: {_quoted(here)}, in {_short(there, here)} {_quoted(there)}"
            )


def _quoted(info: SampleInfo) -> str:
    return repr(info.text if len(info.text) <= 120 else info.text[:117] + "...")


def _pairs(prints: np.ndarray, key: str) -> list[tuple[int, int]]:
    """(first place, later place) for each value that stands more than once, by later place."""
    order = np.argsort(prints[key], kind="stable")
    values = prints[key][order]
    same = np.flatnonzero(values[1:] == values[:-1]) + 1
    heads = np.searchsorted(values, values[same], side="left")
    return sorted(zip(order[heads].tolist(), order[same].tolist(), strict=True), key=lambda pair: pair[1])


def _short(there: SampleInfo, here: SampleInfo) -> str:
    return there.place.removeprefix(f"{there.file}, ") if there.file == here.file else there.place


def leakage(
    findings: Findings, prints: np.ndarray, dataset: Dataset, trained: np.ndarray, train_set: Dataset, texts: bool
) -> None:
    """Images and paths of an evaluation set that are trained on as well; texts as a note, where they are looked at."""
    kinds = [("image", "image also in training"), ("path", "path also in training"), ("text", "text also in training")]
    for key, kind in kinds[: 3 if texts else 2]:
        values, first = np.unique(trained[key], return_index=True)
        if not len(values):
            continue
        place = np.minimum(np.searchsorted(values, prints[key]), len(values) - 1)
        for n in np.flatnonzero(values[place] == prints[key]).tolist():
            here = dataset.info(int(prints["index"][n]))
            there = train_set.info(int(trained["index"][first[place[n]]]))
            what = f": {here.text!r}" if key == "text" else ""
            findings.note(kind, f"{place_of(here)}{what}, as in {_short(there, here)}")
