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
from ppocr_like.data.doctor_report import SetReport
from ppocr_like.data.doctor_stream import Examiner, Tally, place_of
from ppocr_like.data.samplers import canvas_widths
from ppocr_like.transforms.base import Sample


class LineExaminer(Examiner):
    """Labels against the dictionary and against what CTC can write in a line's canvas.

    Args:
        builder: of the recipe.
        section: "Train" or "Eval".
        dataset: the set.
        stride: px of image width per output step of a CTC head; 0 without one.
    """

    def __init__(self, builder: Builder, section: str, dataset: Dataset, stride: int) -> None:
        super().__init__(dataset)
        self.charset = builder.charset or Charset(())
        self.stride = stride
        self.label_steps = [
            step for step in dataset.transforms if "label" in step.needs and "image" not in step.needs and "length" in step.gives
        ]
        shape, bucket = dataset.canvas(), builder.loader(section).bucket_by_width
        self.height = shape[1] if shape else 0
        self.canvas: Callable[[np.ndarray], np.ndarray] | None = None
        if shape is not None and bucket is not None:
            least = bucket.step if bucket.min_width is None else bucket.min_width
            self.canvas = partial(canvas_widths, height=shape[1], step=bucket.step, min_width=least, max_width=bucket.max_width)
        elif shape is not None:
            dynamic = any(getattr(step, "dynamic", False) for step in dataset.transforms)
            self.canvas = partial(_own_canvas, height=shape[1], width=shape[2], dynamic=dynamic)

    def look(self, tally: Tally, record: Record) -> None:
        needed = self._label(tally, record.info)
        sizes = [size for path in record.paths if (size := self.image(tally, record.info, path)) is not None]
        if sizes:
            self._width(tally, record.info, np.array(sizes), needed)

    def conclude(self, report: SetReport, total: Tally) -> None:
        report.characters, report.unknown = total.counted["characters"], total.counted["unknown"]
        report.units = {"image width": f"px at height {self.height}" if self.height else "px"}
        report.summary = f"{sum(report.characters.values()):,} characters, {len(report.characters)} different"

    def _label(self, tally: Tally, info: SampleInfo) -> int:
        """Output steps that CTC needs for the label: its classes and a blank between equal ones; 0 for a rejected label."""
        text = info.text
        tally.counted["characters"].update(text)
        tally.numbers["label length"].append(len(text))
        unknown = self.charset.unknown(text)
        if unknown:
            tally.counted["unknown"].update(unknown)
            tally.findings.note("characters outside the dictionary", f"{place_of(info)}: {text!r}", len(unknown))
        if text and not text.isascii() and not unicodedata.is_normalized("NFC", text):
            tally.findings.note("label not in NFC", f"{place_of(info)}: {text!r}")
        if text != text.strip():
            tally.findings.note("space at an end of the label", f"{place_of(info)}: {text!r}")
        sample: Sample = {"label": text, "img_path": info.path}
        rng = np.random.default_rng(0)
        try:
            for step in self.label_steps:
                sample = step(sample, rng)
        except Rejected as error:
            tally.findings.note(error.reason, f"{place_of(info)}: {error.detail or repr(text)}")
            return 0
        classes = self.charset.encode(text)
        return len(classes) + sum(a == b for a, b in pairwise(classes))

    def _width(self, tally: Tally, info: SampleInfo, sizes: np.ndarray, needed: int) -> None:
        if self.canvas is None:
            return
        tally.numbers["image width"].append(int((-(-sizes[:, 0] * self.height // np.maximum(sizes[:, 1], 1))).max()))
        width = int(self.canvas(sizes).max())
        if self.stride and needed > width // self.stride:
            what = f"needs {needed} steps, a canvas of {width} px has {width // self.stride}"
            tally.findings.note("label does not fit the width", f"{place_of(info)}: {what}: {info.text!r}")


def ctc_stride(builder: Builder) -> int:
    """px of image width per output step, where a CTC head writes it; else 0."""
    model = builder.model()
    return int(model.out_spec.stride[1]) if "ctc" in model.class_parameters().values() else 0


def _own_canvas(sizes: np.ndarray, height: int, width: int, dynamic: bool) -> np.ndarray:
    """(n,) px: the recipe's canvas; under `eval_mode` wider for longer lines."""
    wide = sizes[:, 0] * height // np.maximum(sizes[:, 1], 1)
    return np.maximum(wide, width) if dynamic else np.full(len(sizes), width)
