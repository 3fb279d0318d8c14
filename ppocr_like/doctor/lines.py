"""What the doctor asks of line images and their texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.config.build import Builder
from ppocr_like.contracts import Rejected, SampleInfo
from ppocr_like.data.base import Dataset, Record
from ppocr_like.data.census import LineCensus, count_lines
from ppocr_like.data.ctc_steps import CtcSteps
from ppocr_like.data.samplers import canvas_widths
from ppocr_like.data.spelling import spelling
from ppocr_like.doctor.findings import FORMS, SetReport, shown
from ppocr_like.doctor.shape import line_faults
from ppocr_like.doctor.size import LINES
from ppocr_like.doctor.stream import Examiner, Tally, place_of
from ppocr_like.tasks import EXAMINERS
from ppocr_like.text import Form, normalised
from ppocr_like.transforms.base import Sample
from ppocr_like.transforms.text_normalize import TextNormalize

TWO_WAYS = "label not in NFC"


@EXAMINERS.register("rec")
class LineExaminer(Examiner):
    """Labels against the dictionary and against what CTC can write in a line's canvas.

    Args:
        builder: of the recipe.
        section: "Train" or "Eval".
        dataset: the set.
        steps: of the network; None without a CTC head.
    """

    guide = LINES

    def __init__(self, builder: Builder, section: str, dataset: Dataset, steps: CtcSteps | None) -> None:
        super().__init__(dataset)
        self.charset = builder.charset or Charset(())
        self.steps = steps
        self.spelling = spelling(dataset.transforms)
        forms = [step.form for step in dataset.transforms if isinstance(step, TextNormalize) and step.form]
        self.form = forms[-1] if forms else None
        self.label_steps = [
            step for step in dataset.transforms if "label" in step.needs and "image" not in step.needs and "length" in step.gives
        ]
        shape = dataset.canvas()
        self.channels, self.height = shape[:2] if shape else (0, 0)
        self.canvases: Callable[[np.ndarray], np.ndarray] | None = None
        if shape is not None:
            self.canvases = _canvases(builder, section, dataset, shape)

    @classmethod
    def of(cls, builder: Builder) -> Callable[[str, Dataset], Examiner]:
        steps = CtcSteps.of(builder)
        return lambda section, dataset: cls(builder, section, dataset, steps)

    @staticmethod
    def census(dataset: Dataset, builder: Builder) -> LineCensus | None:
        return None if builder.charset is None else count_lines(dataset, builder.charset)

    def look(self, tally: Tally, record: Record) -> None:
        needed = self._label(tally, record.info)
        sizes = [size for path in record.paths if (size := self.image(tally, record.info, path)) is not None]
        for kind, what in [fault for size in sizes for fault in line_faults(*size, record.info.text)]:
            tally.findings.note(kind, f"{place_of(record.info)}: {what}: {record.info.text!r}")
        if sizes:
            self._width(tally, record.info, np.array(sizes), needed)

    def conclude(self, report: SetReport, total: Tally) -> None:
        report.characters, report.unknown = total.counted["characters"], total.counted["unknown"]
        report.looks = total.looks
        if TWO_WAYS in report.findings and not total.totals["composed"]:
            report.notes.append(f"all labels are in NFD ({report.findings.pop(TWO_WAYS).count:,} have decomposed characters)")
        strange = [key for key in self.charset.keys if self.form and not unicodedata.is_normalized(self.form, key)]
        if strange and report.name == "Train":
            shown_ones = " ".join(shown(key) for key in strange[:8]) + (" ..." if len(strange) > 8 else "")
            what = f"entries of the dictionary are not in {self.form}, the recipe's form, so no label holds them"
            report.notes.append(f"{len(strange)} {what}: {shown_ones}")
        report.units = {"image width": f"px at height {self.height}" if self.height else "px"}
        report.summary = f"{sum(report.characters.values()):,} characters, {len(report.characters)} different"

    def _label(self, tally: Tally, info: SampleInfo) -> int:
        """Output steps that CTC needs for the label: its classes and a blank between equal ones; 0 for a rejected label."""
        text = self.spelling(info.text)
        tally.counted["characters"].update(text)
        tally.numbers["label length"].append(len(text))
        unknown = self.charset.unknown(text)
        if unknown:
            tally.counted["unknown"].update(unknown)
            tally.findings.note("characters outside the dictionary", f"{place_of(info)}: {text!r}", len(unknown))
            form = better_form(self.charset, text, len(unknown))
            if form is not None:
                tally.findings.note(f"label not in {form}, as the dictionary is", f"{place_of(info)}: {text!r}")
        if not self.form and not text.isascii():
            tally.totals["composed"] += not unicodedata.is_normalized("NFD", text)
            if not unicodedata.is_normalized("NFC", text):
                tally.findings.note(TWO_WAYS, f"{place_of(info)}: {text!r}")
        tally.looks.add(text, f"{place_of(info)}: {text!r}")
        if text != text.strip():
            tally.findings.note("space at an end of the label", f"{place_of(info)}: {text!r}")
        other = self.charset.looks_alike(text, info.base_dir)
        if other is not None:
            tally.findings.note("looks like another text", f"{place_of(info)}: {text!r} is read as {other!r}")
        sample: Sample = {"label": text, "img_path": info.path, "base_dir": info.base_dir}
        rng = np.random.default_rng(0)
        try:
            for step in self.label_steps:
                sample = step(sample, rng)
        except Rejected as error:
            tally.findings.note(error.reason, f"{place_of(info)}: {error.detail or repr(text)}")
            return 0
        classes = self.charset.encode(text, info.base_dir)
        return len(classes) + sum(a == b for a, b in pairwise(classes))

    def _width(self, tally: Tally, info: SampleInfo, sizes: np.ndarray, needed: int) -> None:
        """Every canvas in which one of the line's images may come must have room for the label."""
        if self.canvases is None:
            return
        tally.numbers["image width"].append(int((-(-sizes[:, 0] * self.height // np.maximum(sizes[:, 1], 1))).max()))
        if self.steps is None or not needed:
            return
        short = []
        for width, height in np.unique(self.canvases(sizes), axis=0).tolist():
            try:
                if not self.steps.suffice(needed, self.channels, height, width):
                    short.append((self.steps.steps(self.channels, height, width), width, height))
            except ValueError as error:
                tally.findings.note("canvas that the network cannot take", f"{place_of(info)}: {width} x {height} px: {error}")
                return
        if short:
            steps, width, height = min(short)
            canvas = f"{width} px" if height == self.height else f"{width} x {height} px"
            what = f"needs {needed} steps, a canvas of {canvas} has {steps}"
            tally.findings.note("label does not fit the width", f"{place_of(info)}: {what}: {info.text!r}")


def better_form(charset: Charset, text: str, unknown: int) -> Form | None:
    """The Unicode form in which a charset knows most of a text with unknown characters; None: in none more than as it stands.

    NFKC, which also makes "2" of a superscript two, is for ligatures and Arabic letters of a shape alone.
    """
    if not unknown:
        return None
    forms = FORMS if any("\ufb00" <= character <= "\ufeff" for character in text) else FORMS[:2]
    lacking = {form: len(charset.unknown(normalised(text, form, False))) for form in forms}
    form = min(lacking, key=lambda form: lacking[form])
    return form if lacking[form] < unknown else None


def _canvases(
    builder: Builder, section: str, dataset: Dataset, shape: tuple[int, int, int]
) -> Callable[[np.ndarray], np.ndarray]:
    """(n, 2) sizes of images -> (m, 2) sizes (width, height) px of the canvases in which they may come."""
    bucket, sampler = builder.loader(section).bucket_by_width, builder.sampler(section)
    planner = None if sampler is None else sampler(dataset, 1)
    if planner is not None and planner.canvases(np.ones((1, 2))) is not None:
        planned: Callable[[np.ndarray], np.ndarray] = planner.canvases
        return planned
    _, height, width = shape
    if bucket is not None and planner is None:
        least = bucket.step if bucket.min_width is None else bucket.min_width
        widths = partial(
            canvas_widths,
            height=height,
            step=bucket.step,
            min_width=least,
            max_width=bucket.max_width,
            margin=dataset.margin(),
        )
    else:
        following = next((step for step in dataset.transforms if getattr(step, "dynamic", False)), None)
        least = getattr(following, "least_width", width)
        widths = partial(_own_canvas, height=height, width=least, dynamic=following is not None, margin=dataset.margin())
    return lambda sizes: np.stack([widths(sizes), np.full(len(sizes), height)], axis=1)


def _own_canvas(sizes: np.ndarray, height: int, width: int, dynamic: bool, margin: int) -> np.ndarray:
    """(n,) px: the recipe's canvas; under `eval_mode` wider for longer lines."""
    wide = sizes[:, 0] * height // np.maximum(sizes[:, 1], 1) + margin
    return np.maximum(wide, width) if dynamic else np.full(len(sizes), width)
