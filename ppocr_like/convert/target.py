"""Where converted labels go: label files that are there whole or not at all, the split, the counts."""

from __future__ import annotations

import contextlib
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TextIO

import numpy as np

from ppocr_like.atomic import write_text
from ppocr_like.documents.formats.paddle import IGNORED
from ppocr_like.documents.formats.reader import LeftOut
from ppocr_like.errors import DataError
from ppocr_like.outputs import claim

_SPLIT = 0x5117  # stream of the split's generator
CROP_FORMATS = (".jpg", ".png")
MARK = ".crops"  # in the folder of crops


@dataclass(frozen=True)
class Target:
    """Where the result goes.

    Args:
        labels: the label file. It appears when it is complete.
        data_dir: folder that image paths in label files are relative to; None: the label file's.
        val_share: share of the images (0 to 0.5) whose lines go into `val_labels` instead.
        val_labels: None: `val.txt` beside the label file.
        crops: folder of the crops (recognition); None: beside the label file, `<its name>_crops`.
        crop_format: ".jpg" or ".png".
        quality: of a JPEG, 1 to 100.
        max_images: stop after so many images.
        overwrite: replace label files that exist.
    """

    labels: Path
    data_dir: Path | None = None
    val_share: float = 0.0
    val_labels: Path | None = None
    crops: Path | None = None
    crop_format: str = ".jpg"
    quality: int = 95
    max_images: int | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.val_share <= 0.5:
            raise ValueError(f"val_share is {self.val_share}; 0 to 0.5")
        if self.crop_format not in CROP_FORMATS:
            raise ValueError(f"crop_format is {self.crop_format!r}; known: {', '.join(CROP_FORMATS)}")
        if not 1 <= self.quality <= 100:
            raise ValueError(f"quality is {self.quality}; 1 to 100")

    @property
    def root(self) -> Path:
        return self.data_dir if self.data_dir is not None else self.labels.parent

    @property
    def crop_folder(self) -> Path:
        return self.crops if self.crops is not None else self.labels.with_name(f"{self.labels.stem}_crops")

    def claim_crops(self) -> None:
        """Takes the folder of the crops: a new or empty one, or that of an earlier conversion, which leaves a mark in it.

        Crops get names such as `page/0003.jpg`; in a folder of other files one of them could be an image that is read.

        Raises:
            DataError: it holds other files, or cannot be written.
        """
        folder, advice = self.crop_folder, "choose a new folder with --crops"
        if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).is_file():
            raise DataError(f"holds files that are no crops of an earlier conversion; {advice}", str(folder))
        claim([folder / MARK], advice=advice)
        write_text(folder / MARK, "Crops of tools/convert_data.py: a conversion into this folder replaces them.\n")

    @property
    def files(self) -> list[Path]:
        """The label files: training, and validation where a share of it is asked for."""
        return [self.labels, self.val_labels or self.labels.with_name("val.txt")][: 2 if self.val_share else 1]


@dataclass
class Converted:
    """What came of a conversion: images, lines and boxes of each label file, and what was left out."""

    files: list[Path]
    images: list[int]
    lines: list[int]
    boxes: int = 0
    ignored: int = 0
    left_out: LeftOut = field(default_factory=LeftOut)

    def text(self) -> str:
        """The counts for people."""
        rows = []
        for file, images, lines in zip(self.files, self.images, self.lines, strict=True):
            rows.append(f"{file}: {lines:,} lines" + ("" if lines == images else f" from {images:,} images"))
        if self.boxes:
            rows.append(f"boxes: {self.boxes:,}, of which {self.ignored:,} are ignored ({IGNORED})")
        rows += [f"  note {count:>9,}  {what}" for what, count in self.left_out.notes.most_common()]
        if self.left_out.counts:
            rows.append("left out:")
        for reason, count in self.left_out.counts.most_common():
            rows.append(f"  {count:>14,}  {reason} (first: {self.left_out.first[reason]})")
        return "\n".join(rows)


class LabelFiles:
    """Label files written beside their places; they get their names together when all is done, or leave nothing."""

    def __init__(self, target: Target) -> None:
        self.files = target.files
        if len(set(map(os.path.abspath, self.files))) < len(self.files):
            raise DataError("training and validation lines cannot go into one file; give --val-out", str(self.files[0]))
        for file in self.files:
            if file.exists() and not target.overwrite:
                raise DataError("exists already; give another name, or --force to replace it", str(file))
        self.parts = [file.with_name(f".{file.name}.{os.getpid()}.part") for file in self.files]
        self._streams: list[TextIO] = []

    def __enter__(self) -> LabelFiles:
        try:
            for part in self.parts:
                part.parent.mkdir(parents=True, exist_ok=True)
                part.unlink(missing_ok=True)  # a link that somebody put there is not followed
                self._streams.append(open(part, "x", encoding="utf-8", newline="\n"))
        except OSError as error:
            self._discard()
            raise DataError(f"cannot be written ({error.strerror or error})", str(self.files[len(self._streams)])) from error
        return self

    def write(self, number: int, line: str) -> None:
        try:
            self._streams[number].write(line + "\n")
        except OSError as error:
            raise DataError(f"cannot be written ({error.strerror or error})", str(self.files[number])) from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            for stream in self._streams:
                stream.flush()
                os.fsync(stream.fileno())
                stream.close()
            for part, file in zip(self.parts, self.files, strict=True):
                os.replace(part, file)
        except OSError as failure:
            self._discard()
            raise DataError(f"cannot be written ({failure.strerror or failure})", str(self.files[0])) from failure

    def _discard(self) -> None:
        for stream in self._streams:
            try:
                stream.close()
            except OSError:  # the disk is full: what is buffered is not wanted any more
                continue
        for part in self.parts:
            with contextlib.suppress(OSError):  # its folder could not be made
                part.unlink(missing_ok=True)


class Splitter:
    """Of each run of `1 / share` images one, drawn at random, is for validation: the share is kept also in small sets."""

    def __init__(self, share: float) -> None:
        self.share = share

    def __call__(self, number: int) -> int:
        """0 (training) or 1 for image `number` from 0."""
        if not self.share:
            return 0
        block = math.floor(number * self.share + 1e-9)
        start, stop = math.ceil(block / self.share - 1e-9), math.ceil((block + 1) / self.share - 1e-9)
        rng = np.random.Generator(np.random.PCG64([0, 0, block, _SPLIT]))
        return int(start + int(rng.integers(stop - start)) == number)
