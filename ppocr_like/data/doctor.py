"""The dataset doctor: looks at every line and image of a recipe's sets before a run wastes a night on them."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import numpy as np
from tqdm import tqdm

from ppocr_like.charset import Charset
from ppocr_like.config.build import Builder
from ppocr_like.contracts import Rejected, SampleInfo
from ppocr_like.data.base import Dataset
from ppocr_like.data.doctor_report import DoctorReport, Findings, SetReport, Spread
from ppocr_like.data.samplers import canvas_widths
from ppocr_like.data.simple import read_image
from ppocr_like.errors import ConfigError, OcrError
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.decode import DecodeImage

_CHUNK = 128  # samples per task
_SAMPLE = 0xD0C  # stream of the sample that `sample` asks for
_PRINT = np.dtype([("index", np.int64), ("image", np.uint64), ("path", np.uint64), ("text", np.uint64)])


@dataclass(frozen=True)
class _Ward:
    """What the samples of one set are held against.

    Args:
        dataset: the set.
        charset: the dictionary.
        decode: the recipe's own decoding step.
        label_steps: the recipe's steps that read the label and no image.
        canvas: image sizes (n, 2) -> canvas widths in px; None without a resize step.
        height: of the canvas in px.
        stride: px per output step of a CTC head; 0 without one.
    """

    dataset: Dataset
    charset: Charset
    decode: Transform
    label_steps: list[Transform]
    canvas: Callable[[np.ndarray], np.ndarray] | None
    height: int
    stride: int


@dataclass
class _Tally:
    """What a run of samples gave: findings, counts, and one fingerprint per image."""

    findings: Findings = field(default_factory=Findings)
    characters: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    lengths: list[int] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    prints: list[tuple[int, int, int, int]] = field(default_factory=list)


def examine(builder: Builder, sample: int | None = None, progress: bool = True, threads: int | None = None) -> DoctorReport:
    """Streams over the training set and all evaluation sets of a recipe; each image is read and decoded once.

    Looks for: missing and unreadable images, lines that cannot be used, labels that are empty, too long, of unknown characters,
    or longer than CTC can write in their canvas, characters outside the dictionary, the same image or path twice, the same image
    with another label, and images of evaluation sets that are also trained on.

    Args:
        builder: of a checked recipe.
        sample: look at so many lines of each set, drawn evenly; None looks at all.
        progress: a bar on a terminal.
        threads: workers; decoding and hashing run beside each other.

    Raises:
        ConfigError: the recipe's data set or transforms cannot be built. A set whose files cannot be read is reported instead.
    """
    stride = _ctc_stride(builder)
    threads = threads or min(16, 2 * (os.cpu_count() or 1))
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
            prints = _examine_set(report, _ward(builder, section, dataset, stride), sample, progress, threads)
        except OcrError as error:
            report.error = "; ".join(p.message for p in error.problems) if isinstance(error, ConfigError) else str(error)
            continue
        if section == "Train":
            trained, train_set = prints, dataset
        elif trained is not None and train_set is not None:
            _leakage(report.findings, prints, dataset, trained, train_set)
    known, seen = builder.charset or Charset(()), reports[0].characters
    evaluated = sum((report.characters for report in reports[1:]), Counter[str]())
    return DoctorReport(
        reports,
        f"{builder.recipe.globals.character_dict_path or '0-9a-z'}, {known.num_classes} classes",
        [entry for entry in known.labels[1:] if entry not in seen] if seen else [],
        Counter({c: n for c, n in evaluated.items() if c not in seen}) if seen else Counter(),
        any(report.examined < report.lines for report in reports),
    )


def _ctc_stride(builder: Builder) -> int:
    """px of image width per output step, where a CTC head writes it; else 0."""
    model = builder.model()
    return int(model.out_spec.stride[1]) if "ctc" in model.class_parameters().values() else 0


def _ward(builder: Builder, section: str, dataset: Dataset, stride: int) -> _Ward:
    decode = next((step for step in dataset.transforms if isinstance(step, DecodeImage)), DecodeImage("BGR"))
    steps = [step for step in dataset.transforms if "label" in step.needs and "image" not in step.needs and "label" in step.gives]
    shape, bucket = dataset.canvas(), builder.loader(section).bucket_by_width
    canvas: Callable[[np.ndarray], np.ndarray] | None = None
    if shape is not None and bucket is not None:
        least = bucket.step if bucket.min_width is None else bucket.min_width
        canvas = partial(canvas_widths, height=shape[1], step=bucket.step, min_width=least, max_width=bucket.max_width)
    elif shape is not None:
        dynamic = any(getattr(step, "dynamic", False) for step in dataset.transforms)
        canvas = partial(_own_canvas, height=shape[1], width=shape[2], dynamic=dynamic)
    return _Ward(dataset, builder.charset or Charset(()), decode, steps, canvas, shape[1] if shape else 0, stride)


def _own_canvas(sizes: np.ndarray, height: int, width: int, dynamic: bool) -> np.ndarray:
    """(n,) px: the recipe's canvas; under `eval_mode` wider for longer lines."""
    wide = sizes[:, 0] * height // np.maximum(sizes[:, 1], 1)
    return np.maximum(wide, width) if dynamic else np.full(len(sizes), width)


def _examine_set(report: SetReport, ward: _Ward, sample: int | None, progress: bool, threads: int) -> np.ndarray:
    """Fills the report; gives one fingerprint (index, image, path, text) per image."""
    indices = np.arange(report.lines)
    if sample is not None and sample < report.lines:
        rng = np.random.Generator(np.random.PCG64([0, 0, 0, _SAMPLE]))
        indices = np.sort(rng.choice(report.lines, sample, replace=False))
    report.examined = len(indices)
    chunks = [indices[start : start + _CHUNK] for start in range(0, len(indices), _CHUNK)]
    total = _Tally()
    lengths, widths, prints = [], [], [np.zeros(0, _PRINT)]  # arrays: ten million lines are a few hundred MB
    with (
        ThreadPoolExecutor(threads) as pool,
        tqdm(total=len(indices), desc=report.name, unit="line", leave=False, disable=None if progress else True) as bar,
    ):
        for tally, chunk in zip(pool.map(partial(_examine_run, ward), chunks), chunks, strict=True):
            total.findings.merge(tally.findings)
            total.characters.update(tally.characters)
            total.unknown.update(tally.unknown)
            lengths.append(np.array(tally.lengths, np.int32))
            widths.append(np.array(tally.widths, np.int32))
            prints.append(np.array(tally.prints, _PRINT))
            bar.update(len(chunk))
    report.findings, report.characters, report.unknown = total.findings, total.characters, total.unknown
    report.lengths, report.widths = _spread(lengths), _spread(widths)
    report.limits = {"image width": f"px at height {ward.height}" if ward.height else "px"}
    joined = np.concatenate(prints)
    _repeats(report.findings, joined, ward.dataset)
    return joined


def _spread(parts: list[np.ndarray]) -> Spread | None:
    values = np.concatenate(parts) if parts else np.zeros(0, np.int32)
    if not len(values):
        return None
    return Spread(float(np.median(values)), float(np.quantile(values, 0.95)), float(values.max()))


def place_of(info: SampleInfo) -> str:
    """Where a sample stands, for a message."""
    return f"{info.file}, line {info.line}" + (f": {info.path}" if info.path else "")


def _examine_run(ward: _Ward, indices: np.ndarray) -> _Tally:
    tally = _Tally()
    for index in indices.tolist():
        record = ward.dataset.record(index)
        if record.error is not None:
            tally.findings.note(record.error.reason, f"{place_of(record.info)}: {record.error.detail}")
            continue
        needed = _examine_label(ward, tally, record.info)
        sizes = []
        for path in record.paths:
            size = _examine_image(ward, tally, record.info, path)
            if size is not None:
                sizes.append(size)
        if sizes:
            _examine_width(ward, tally, record.info, np.array(sizes), needed)
    return tally


def _examine_label(ward: _Ward, tally: _Tally, info: SampleInfo) -> int:
    """Output steps that CTC needs for the label: its classes and a blank between equal ones; 0 for a rejected label."""
    text = info.text
    tally.characters.update(text)
    tally.lengths.append(len(text))
    unknown = ward.charset.unknown(text)
    if unknown:
        tally.unknown.update(unknown)
        tally.findings.note("characters outside the dictionary", f"{place_of(info)}: {text!r}", len(unknown))
    if text and not text.isascii() and not unicodedata.is_normalized("NFC", text):
        tally.findings.note("label not in NFC", f"{place_of(info)}: {text!r}")
    if text != text.strip():
        tally.findings.note("space at an end of the label", f"{place_of(info)}: {text!r}")
    sample: Sample = {"label": text, "img_path": info.path}
    rng = np.random.default_rng(0)
    try:
        for step in ward.label_steps:
            sample = step(sample, rng)
    except Rejected as error:
        tally.findings.note(error.reason, f"{place_of(info)}: {error.detail or repr(text)}")
        return 0
    classes = ward.charset.encode(text)
    return len(classes) + sum(a == b for a, b in pairwise(classes))


def _examine_image(ward: _Ward, tally: _Tally, info: SampleInfo, path: str) -> tuple[int, int] | None:
    """(width, height) px of the decoded image; None when it cannot be used."""
    try:
        raw = read_image(path)
        image = ward.decode({"image": raw, "img_path": path}, np.random.default_rng(0))["image"]
    except Rejected as error:
        detail = "" if error.detail in ("", path) else f": {error.detail.removeprefix(path + ': ')}"
        tally.findings.note(error.reason, f"{info.file}, line {info.line}: {path}{detail}")
        return None
    real = os.path.realpath(path)
    tally.prints.append((info.index, _digest(raw.data), _digest(real.encode()), _digest(info.text.encode())))
    height, width = image.shape[1:] if getattr(ward.decode, "channel_first", False) else image.shape[:2]
    return width, height


def _digest(data: bytes | memoryview) -> int:
    """64 bits: two of ten million different images share them once in 400,000 runs."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def _examine_width(ward: _Ward, tally: _Tally, info: SampleInfo, sizes: np.ndarray, needed: int) -> None:
    if ward.canvas is None:
        return
    tally.widths.append(int((-(-sizes[:, 0] * ward.height // np.maximum(sizes[:, 1], 1))).max()))
    width = int(ward.canvas(sizes).max())
    if ward.stride and needed > width // ward.stride:
        what = f"needs {needed} steps, a canvas of {width} px has {width // ward.stride}"
        tally.findings.note("label does not fit the width", f"{place_of(info)}: {what}: {info.text!r}")


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
            findings.note("same image, other label", f"{place_of(here)}: {here.text!r}, in {_short(there, here)} {there.text!r}")


def _pairs(prints: np.ndarray, key: str) -> list[tuple[int, int]]:
    """(first place, later place) for each value that stands more than once, by later place."""
    order = np.argsort(prints[key], kind="stable")
    values = prints[key][order]
    same = np.flatnonzero(values[1:] == values[:-1]) + 1
    heads = np.searchsorted(values, values[same], side="left")
    return sorted(zip(order[heads].tolist(), order[same].tolist(), strict=True), key=lambda pair: pair[1])


def _short(there: SampleInfo, here: SampleInfo) -> str:
    return f"line {there.line}" if there.file == here.file else f"{there.file}, line {there.line}"


def _leakage(findings: Findings, prints: np.ndarray, dataset: Dataset, trained: np.ndarray, train_set: Dataset) -> None:
    """Images and paths of an evaluation set that are trained on as well; texts as a note."""
    for key, kind in (("image", "image also in training"), ("path", "path also in training"), ("text", "text also in training")):
        values, first = np.unique(trained[key], return_index=True)
        if not len(values):
            continue
        place = np.minimum(np.searchsorted(values, prints[key]), len(values) - 1)
        for n in np.flatnonzero(values[place] == prints[key]).tolist():
            here = dataset.info(int(prints["index"][n]))
            there = train_set.info(int(trained["index"][first[place[n]]]))
            what = f": {here.text!r}" if key == "text" else ""
            findings.note(kind, f"{place_of(here)}{what}, as in {_short(there, here)}")
