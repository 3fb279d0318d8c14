"""The small types that rooms hand to each other. No torch here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ppocr_like.printable import one_line
from ppocr_like.text import BaseDir

MAX_CANVAS = 2**26  # px that a resize step may give: 805 MB as float32
WIDEST_LINE = 32768  # px; a canvas wider than that is a damaged or wrongly cut line, not text
VIEWS = "|"  # between the texts of a sample's views, where a transform makes several pictures of one


@dataclass(frozen=True)
class SampleInfo:
    """Where a sample comes from. Travels with the batch under `info`, whatever KeepKeys selects.

    Args:
        index: position in the data set (all label files concatenated).
        file: label file, file of a page, or LMDB folder.
        line: 1-based line (or record) in it; of a page the place of the line among those of its file.
        path: image path as it will be opened.
        text: label as written in the file, or as a step that gives `text` spells it; of a page the whole JSON, which
            `documents.formats.paddle` reads where it is asked for: nobody reads it of most samples, and to hand a parsed page
            from a worker to the main process takes a hundred times as long as its text.
        id: the line's name in its file; "": it has none.
        line_type: what its file calls the line ("heading"); "": it does not say.
        base_dir: the text's base direction by its file, "ltr" or "rtl"; "": it does not say.
    """

    index: int
    file: str
    line: int
    path: str
    text: str
    id: str = ""
    line_type: str = ""
    base_dir: BaseDir = ""

    @property
    def place(self) -> str:
        """ "train.txt, line 3", "page.xml, line 12 (eSc_line_cdf3d480)"."""
        return f"{self.file}, line {self.line}" + (f" ({self.id})" if self.id else "")


def told_directions(batch: Mapping[str, Any] | None, count: int) -> Sequence[BaseDir]:
    """For each of a batch's lines the base direction that its file tells; "" for all of a batch that knows no files."""
    infos = (batch or {}).get("info") or ()
    if len(infos) != count:
        return [""] * count
    return [info.base_dir for info in infos]


@dataclass(frozen=True)
class Origin:
    """What a data set tells about where a line stands, for reports.

    Args:
        source: the label file, LMDB folder or other source that the sample is drawn from.
        page: the page that the line stands on, one name for all its lines; "": not known.
        line_type: kind of line ("heading", "marginal note"); "": none.
    """

    source: str
    page: str = ""
    line_type: str = ""


@dataclass(frozen=True)
class Request:
    """What a sampler asks a data set for.

    `repeat` counts draws of the same index within one epoch (ratio above 1). `size` is the canvas (width, height) in px
    that the resize step must fill, or None for the recipe's own `image_shape`. The sample's random generator is seeded
    by (seed, epoch, index, repeat): results do not depend on workers.
    """

    index: int
    epoch: int
    repeat: int = 0
    size: tuple[int, int] | None = None


class Rejected(Exception):
    """Raised by a reader or transform that cannot use a sample. `reason` is a short fixed phrase that is counted
    ("unreadable image"), `detail` tells this sample's particulars."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


@dataclass(frozen=True)
class RejectedSample:
    """A sample that did not make it into its batch. Travels with the batch under `rejected`."""

    info: SampleInfo
    reason: str
    detail: str


@dataclass(frozen=True)
class TextLine:
    """A recognised line.

    Args:
        text: the characters.
        confidence: mean of the kept steps' probabilities (also of blanks that `stripped` took away), [0, 1]; 0.0 for an empty
            text.
        columns: for each character the output step (frame) it was read at.
        confidences: for each character its probability.
        steps: number of output steps of the line (so `columns[i] / steps` is the place in the canvas).
    """

    text: str
    confidence: float
    columns: tuple[int, ...] = ()
    confidences: tuple[float, ...] = ()
    steps: int = 0

    def stripped(self) -> TextLine:
        """Without blanks at its ends: a network reads the white beside a line as a space, but no line begins or ends with one."""
        text = self.text.strip()
        if len(text) == len(self.text):
            return self
        start = self.text.index(text) if text else 0
        part = slice(start, start + len(text))
        return TextLine(text, self.confidence if text else 0.0, self.columns[part], self.confidences[part], self.steps)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for reports."""
        return {"prediction": self.text, "confidence": self.confidence}


@dataclass(frozen=True, eq=False)
class TextBox:
    """A detected text region: `points` (P, 2) px in the source image, x before y; `score` in [0, 1]."""

    points: np.ndarray
    score: float


@dataclass(frozen=True, eq=False)
class PageBoxes:
    """What a detector found in one image: the regions, in the order in which the post-processing met them."""

    boxes: tuple[TextBox, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain data for reports: points to a hundredth of a px."""
        return {
            "boxes": [{"points": np.round(np.asarray(b.points, float), 2).tolist(), "score": float(b.score)} for b in self.boxes]
        }


@dataclass(frozen=True)
class ClassResult:
    """What a classifier says of one image.

    Args:
        label: the class' name ("180").
        index: its number.
        confidence: its probability, [0, 1].
    """

    label: str
    index: int
    confidence: float

    def as_dict(self) -> dict[str, Any]:
        """Plain data for reports."""
        return {"prediction": self.label, "confidence": self.confidence}


@dataclass(frozen=True)
class ByModel:
    """What several networks say of one sample: results by the sub-model's name, the first one's foremost."""

    results: Mapping[str, Any]

    @property
    def main(self) -> Any:
        """The first sub-model's result."""
        return next(iter(self.results.values()))

    def as_dict(self) -> dict[str, Any]:
        """Plain data for reports: the first one's, and those of the others by name."""
        others = {name: result.as_dict() for name, result in list(self.results.items())[1:]}
        return {**self.main.as_dict(), **({"others": others} if others else {})}


@dataclass(frozen=True)
class FeatureSpec:
    """Shape contract between model parts.

    Args:
        channels: feature channels.
        stride: image px per feature cell (vertical, horizontal).
        height: rows of the map when fixed (1 for a sequence), None when it follows the input.
    """

    channels: int
    stride: tuple[int, int] = (1, 1)
    height: int | None = None


class HeightMisfit(ValueError):
    """Features are of another height than the next part takes: the image height does not suit strides and pooling."""


@dataclass(frozen=True)
class ParamAttr:
    """Per-parameter settings a module asks for: rate multiplier and its own L2 or L1 (None: the optimizer's)."""

    lr_mult: float = 1.0
    l2: float | None = None
    l1: float | None = None


@dataclass(frozen=True)
class Cut:
    """Where a network goes on with layers of its own behind those of another one.

    Args:
        kept: beginnings of the names of the parameters that a file of the other network fills.
        new: beginnings of those that keep their initial values, whatever the file holds under such names.
    """

    kept: tuple[str, ...]
    new: tuple[str, ...]


@dataclass
class Rejections:
    """Counts rejected samples by reason and keeps the first few of each by name.

    Args:
        rows: (file, line, reason, detail) of every one, each once; not kept in checkpoints.
    """

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    keep: int = 5
    rows: dict[tuple[str, str, str, str], None] = field(default_factory=dict)

    def add(self, sample: RejectedSample) -> None:
        self.counts[sample.reason] = self.counts.get(sample.reason, 0) + 1
        names = self.examples.setdefault(sample.reason, [])
        info = sample.info
        self.rows[info.file, info.id or f"line {info.line}", sample.reason, sample.detail] = None
        if len(names) < self.keep:
            detail = sample.detail.removeprefix(sample.info.path).lstrip(": ")  # readers name the image, too
            place = f"{sample.info.place}: {sample.info.path}"
            names.append(one_line(f"{place}: {detail}".rstrip(": ")))

    def copy(self) -> Rejections:
        """As it is now. `rows` is the same: that a sample was rejected stays true, and copies are made in every step."""
        examples = {reason: list(names) for reason, names in self.examples.items()}
        return Rejections(dict(self.counts), examples, self.keep, self.rows)

    @classmethod
    def joined(cls, shares: Iterable[Rejections]) -> Rejections:
        """Those of several ranks as one."""
        whole = cls()
        for share in shares:
            for reason, count in share.counts.items():
                whole.counts[reason] = whole.counts.get(reason, 0) + count
                names = whole.examples.setdefault(reason, [])
                names.extend(share.examples.get(reason, [])[: whole.keep - len(names)])
            whole.rows.update(share.rows)
        return whole

    @property
    def total(self) -> int:
        return sum(self.counts.values())


class Result(Protocol):
    """What a postprocess gives for one sample: `TextLine`, `PageBoxes`, `ClassResult`, `ByModel`."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for reports."""
        ...


def inputs_of(network: object) -> tuple[str, ...]:
    """Batch entries that a network reads in training and in evaluation: its `inputs`, or `image` where it names none."""
    return tuple(getattr(network, "inputs", ("image",)))


def entry_name(need: str, there: Collection[str]) -> str | None:
    """The batch entry by which a need is met; `a|b` is met by either. None: by none of those there."""
    return next((name for name in need.split("|") if name in there), None)


@runtime_checkable
class TakesImages(Protocol):
    """A network that can be tried on a blank image (`modeling.network.Network`)."""

    def check_input(self, channels: int, height: int, width: int) -> dict[str, tuple[int, ...]]:
        """The outputs' shapes by name for an image of this size, px.

        Raises:
            ValueError: the parts do not fit this size.
        """
        ...


class Judge(Protocol):
    """A module of a network that knows which losses, post-processings and transforms go with it."""

    def misfit(self, part: object, training: bool) -> tuple[str, str] | None:
        """(argument of the part, or none; what is wrong with it); None where it fits, or is none of this module's business.

        Args:
            training: the part is of training, or of a loss that is computed in evaluation.
        """
        ...


class Step(Protocol):
    """What a transform says about itself: the sample entries it reads and those it adds."""

    needs: tuple[str, ...]
    gives: tuple[str, ...]


def chain_problems(steps: Sequence[Step], given: Sequence[str]) -> list[tuple[int, str]]:
    """(position, message) for each step that needs an entry which nothing before it gives."""
    have = set(given)
    problems = []
    for position, step in enumerate(steps):
        missing = [name for name in step.needs if name not in have]
        if missing:
            there = ", ".join(sorted(have))
            problems.append(
                (position, f"{type(step).__name__} needs {', '.join(missing)}, which nothing before it gives (there: {there})")
            )
        have.update(step.gives)
    return problems
