"""What a data set is: numbered samples, drawn anew each epoch."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ppocr_like.contracts import Origin, Rejected, Request, SampleInfo
from ppocr_like.errors import DataError, StepFailed
from ppocr_like.outside import LARGE, read_file
from ppocr_like.text import BaseDir
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.decode import DecodeImage

_TEXTS = 4096  # labels read at once
# The end of an image's name that tells the line: a number ("12", "line3"), or a digest, behind a sign that parts it; else digits.
_OF_LINE = re.compile(r"[-_. ]+(?:[^-_. ]*\d[^-_. ]*|[0-9a-f]{8,})$|\d+$")
_ENDINGS = re.compile(r"(?:\.[A-Za-z]{2,5})*\.[A-Za-z]\w{0,4}$")  # ".png", ".nrm.png"


@dataclass(frozen=True)
class Record:
    """One entry of a label file.

    Args:
        info: its place and text, with the first image's path.
        paths: all its images; none when the line cannot be used.
        error: why the line cannot be used.
        further: fields of the line behind its text, which are not used.
    """

    info: SampleInfo
    paths: list[str]
    error: Rejected | None = None
    further: tuple[str, ...] = ()


class Texts(NamedTuple):
    """The labels of some samples that stand in one source, for counting.

    Args:
        start: the first sample's index.
        texts: one for each; None for a line that cannot be used.
        further: (index, fields) of those with fields behind the text.
        base_dirs: each text's base direction as its source tells it ("ltr", "rtl" or ""); None: it tells none.
    """

    start: int
    texts: list[str | None]
    further: list[tuple[int, tuple[str, ...]]]
    base_dirs: list[BaseDir] | None = None


class Dataset(ABC):
    """Samples 0 .. len() - 1 of all label files in order.

    `strict`: a sample that cannot be used stops the run with file and line; otherwise it is counted.
    `label_files`: the files the samples stand in. `transforms`: the chain.
    """

    strict: bool = False
    label_files: tuple[str, ...] = ()
    transforms: Sequence[Transform] = ()

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def info(self, index: int) -> SampleInfo:
        """Where sample `index` comes from; of several images the first."""

    @abstractmethod
    def record(self, index: int) -> Record:
        """All that the label file says about sample `index`."""

    def label_texts(self) -> Iterator[Texts]:
        """The labels of all samples that the label files hold, some at a time; readers know quicker ways."""
        for start in range(0, len(self), _TEXTS):
            records = [self.record(index) for index in range(start, min(start + _TEXTS, len(self)))]
            texts = [None if record.error is not None else record.info.text for record in records]
            yield Texts(start, texts, [(start + n, r.further) for n, r in enumerate(records) if r.further])

    def origin(self, info: SampleInfo) -> Origin:
        """Where one of this set's samples stands, for reports."""
        number = int(self.group_of(np.array([info.index]))[0])
        return Origin(self.label_files[number], self.page_of(info), info.line_type)

    def left_out_counts(self) -> dict[str, int]:
        """Lines of its files that no sample is made of, by reason, the most frequent first."""
        return {}

    def page_of(self, info: SampleInfo) -> str:
        """The page of a sample's line, by a name that all lines of the page share; "": not known.

        Line images of one page usually have its name and a number behind it, or stand in a folder of its name: this takes
        folder and name of the image without the last part of the name that counts. A data set that knows better says so.
        """
        return page_of_image(info.path)

    @abstractmethod
    def request_info(self, request: Request) -> SampleInfo:
        """The same for a request: of several images the one that this request draws."""

    @abstractmethod
    def fetch(self, request: Request) -> Sample:
        """The sample after all transforms, and its `info`.

        Raises:
            Rejected: the sample cannot be used.
        """

    @abstractmethod
    def epoch_indices(self, epoch: int) -> np.ndarray:
        """int64: the draws of an epoch in file order; an index that is drawn k times stands k times. Equal on all ranks."""

    @abstractmethod
    def group_of(self, indices: np.ndarray) -> np.ndarray:
        """For each index the number of its label file."""

    @abstractmethod
    def sizes(self, progress: bool = True) -> np.ndarray:
        """(n, 2) int32: width and height in px of each image, from its header; (0, 0) where that cannot be read."""

    @abstractmethod
    def canvas(self) -> tuple[int, int, int] | None:
        """(channels, height, width) that the recipe's resize step fills; None without such a step."""

    def margin(self) -> int:
        """px of width that the chain's resize step puts beside a line."""
        return max((int(getattr(transform, "margin", 0)) for transform in self.transforms), default=0)

    def read_image(self, path: str) -> np.ndarray:
        """One of a record's images: encoded, as a uint8 vector, or a picture (H, W, 3) uint8 as the chain's DecodeImage gives it.

        Raises:
            Rejected: missing, unreadable or empty.
        """
        return read_image(path)

    def picture(self, path: str) -> np.ndarray:
        """One of a record's images for people to look at: (H, W, 3) uint8 BGR.

        Raises:
            Rejected: it cannot be read.
        """
        image = self.read_image(path)
        if image.ndim == 1:
            return DecodeImage("BGR")({"image": image, "img_path": path}, np.random.default_rng(0))["image"]
        step = next((step for step in self.transforms if isinstance(step, DecodeImage)), None)
        return np.ascontiguousarray(image[:, :, ::-1]) if step is not None and step.img_mode == "RGB" else image

    def page_label(self, info: SampleInfo) -> Sample:
        """What the chain's label steps make of a page's label alone: `polys`, `ignore_tags`; neither in a chain without one.

        Raises:
            Rejected: the label is broken, or one that the chain does not take.
        """
        sample: Sample = {"label": info.text, "img_path": info.path}
        rng = np.random.default_rng(0)
        for step in self.transforms:
            if "label" in step.needs and "polys" in step.gives:
                sample = step(sample, rng)
        return sample

    def resize_steps(self) -> list[Any]:
        """The chain's steps that keep to the image's own shape."""
        return [transform for transform in self.transforms if hasattr(transform, "output_size")]

    def resized(self, sizes: np.ndarray) -> np.ndarray | None:
        """(n, 2) int64: the sizes (width, height) px to which the chain will bring images of these `sizes` (n, 2).

        None where the chain gives all images one size, or does not say: a resize step that keeps to the image's own shape has a
        method `output_size(width, height)`. (0, 0), a header that cannot be read, stays (0, 0).
        """
        steps = self.resize_steps()
        if not steps:
            return None
        found, places = np.unique(np.asarray(sizes, np.int64), axis=0, return_inverse=True)
        made = [_through(steps, int(width), int(height)) for width, height in found]
        return np.array(made, np.int64).reshape(-1, 2)[places.reshape(-1)]

    @abstractmethod
    def use_cache(self, cache_dir: str | Path) -> None:
        """From now on arrays made from the label files are kept in `cache_dir`."""


def page_of_image(path: str) -> str:
    """ "img/letter241_07.jpg" -> "img/letter241"; "letter241/line_07.png" -> "letter241/line"; "letter241/07.png" ->
    "letter241". A name without any such end stays as it is: then every image is a page of its own."""
    folder, name = os.path.split(path)
    stem = _ENDINGS.sub("", name)
    page = _OF_LINE.sub("", stem)
    return os.path.join(folder, page) if page else folder or stem


def read_image(path: str) -> np.ndarray:
    """The file's bytes as a uint8 vector.

    Raises:
        Rejected: missing, unreadable or empty.
    """
    try:
        raw = read_file(path, LARGE)
    except FileNotFoundError as error:
        raise Rejected("missing image", path) from error
    except OSError as error:
        raise Rejected("unreadable image", f"{path}: {error.strerror or error}") from error
    if not raw:
        raise Rejected("unreadable image", f"{path}: the file is empty")
    return np.frombuffer(raw, np.uint8)


def step_error(dataset: Dataset, request: Request, failed: StepFailed) -> DataError:
    """Which step of a data set's chain failed, with which sample and canvas."""
    info = dataset.request_info(request)
    section = "Train" if getattr(dataset, "train", True) else "Eval"
    canvas = f", canvas of {request.size[0]} x {request.size[1]} px" if request.size is not None else ""
    place = f"{section}.dataset.transforms.{failed.position}.{failed.name}"
    return DataError(f"{place} fails: {failed.reason} (image {info.path}{canvas})", info.file, info.line)


def _through(steps: Sequence[Any], width: int, height: int) -> tuple[int, int]:
    if width < 1 or height < 1:
        return 0, 0
    for step in steps:
        width, height = step.output_size(width, height)
    return width, height


def sample_generator(seed: int, request: Request) -> np.random.Generator:
    """The generator of one sample: a function of (seed, epoch, index, repeat) only, whatever worker asks."""
    return np.random.Generator(np.random.PCG64([seed, request.epoch, request.index, request.repeat]))
