"""SimpleDataSet: label files of lines `image path<TAB>label`."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path

import cv2
import numpy as np

from ppocr_like.contracts import Rejected, Request, SampleInfo
from ppocr_like.data.base import Dataset, Record, sample_generator
from ppocr_like.data.cache import cache_path, load_array, store_array
from ppocr_like.data.label_index import LabelIndex, check_label_file, parse_line
from ppocr_like.data.sampling import draw_epoch
from ppocr_like.data.sizes import measure
from ppocr_like.errors import ConfigError, DataError, Problem
from ppocr_like.registry import DATASETS
from ppocr_like.transforms.base import Sample, Transform, run_chain

logger = logging.getLogger("ppocr_like")
_LOOKED_AT = 64  # images looked for at the start; when none is there, data_dir is wrong
_OTHERS_TRIED = 10  # draws of another sample before a transform that asks for one goes without


@DATASETS.register("TextRecDataset")  # PaddleX's names of the same thing
@DATASETS.register("TextDetDataset")
@DATASETS.register()
class SimpleDataSet(Dataset):
    """Reads label files, draws samples by ratio, opens images and runs the recipe's transforms.

    In training a sample also has `epoch` (int) and `fetch_other`: called with a generator it gives another training sample,
    drawn with that generator, after the first `ext_op_transform_idx` transforms, or None when ten draws gave none that could be
    used. Files are drawn by their share of the epoch.

    Args:
        data_dir: folder that the image paths in the label files are relative to; absolute paths stay as they are.
        label_file_list: one label file or several.
        transforms: the chain, built.
        ratio_list: for each label file (or for all) the share drawn in each epoch; above 1 lines are repeated.
        delimiter: between image path and text.
        ext_op_transform_idx: how many transforms run on the further samples that a transform asks for (RecConAug, CopyPaste).
        strict: stop at a sample that cannot be used, with its file and line; otherwise it is counted.
        seed: of the draws and of each sample's generator.
        mode: "train" draws anew each epoch; "eval" takes all lines in order.

    Raises:
        ConfigError: ratios that do not fit the files; every missing or empty label file, a missing `data_dir`.
        DataError (when first asked for a sample): none of the images is there.

    Source: SimpleDataSet of PaddleOCR (names, defaults, line format); a sample that fails is never replaced by another.
    """

    def __init__(
        self,
        data_dir: str,
        label_file_list: str | list[str],
        transforms: Sequence[Transform] = (),
        ratio_list: float | list[float] = 1.0,
        delimiter: str = "\t",
        ext_op_transform_idx: int = 2,
        strict: bool = False,
        seed: int = 0,
        mode: str = "train",
    ) -> None:
        if mode not in ("train", "eval"):
            raise ValueError(f"mode is 'train' or 'eval', not {mode!r}")
        if ext_op_transform_idx < 0:
            raise ValueError(f"ext_op_transform_idx is {ext_op_transform_idx}; it counts transforms: 0 or more")
        self.data_dir = data_dir
        self.label_files = (label_file_list,) if isinstance(label_file_list, str) else tuple(label_file_list)
        self.ratios = _ratios(ratio_list, self.label_files)
        self.transforms = list(transforms)
        self.delimiter = delimiter
        self.ext_op_transform_idx = ext_op_transform_idx
        self.strict = strict
        self.seed = seed
        self.train = mode == "train"
        self._cache_dir: str | Path | None = None
        self._indexes: list[LabelIndex] | None = None
        self._bounds = np.zeros(1, np.int64)
        _check_places(data_dir, self.label_files)

    def use_cache(self, cache_dir: str | Path) -> None:
        self._cache_dir = cache_dir

    @property
    def indexes(self) -> list[LabelIndex]:
        """One index per label file, made when first needed."""
        if self._indexes is None:
            indexes = [LabelIndex(file, self._cache_dir) for file in self.label_files]
            self._bounds = np.concatenate([[0], np.cumsum([len(index) for index in indexes])])
            self._indexes = indexes
            self._check_images()
        return self._indexes

    def _check_images(self) -> None:
        """Says early that data_dir is wrong, instead of rejecting every sample."""
        missing = ""
        for index in np.unique(np.linspace(0, len(self) - 1, min(_LOOKED_AT, len(self))).astype(np.int64)):
            path = self.info(int(index)).path
            if path and os.path.exists(path):
                return
            missing = missing or path
        if missing:
            raise DataError(f"none of the images looked for exists (the first: {missing}); check data_dir", self.label_files[0])

    def __len__(self) -> int:
        return sum(len(index) for index in self.indexes)

    def _locate(self, index: int) -> tuple[LabelIndex, int]:
        indexes = self.indexes
        if not 0 <= index < self._bounds[-1]:
            raise IndexError(f"sample {index} of {int(self._bounds[-1])}")
        number = int(np.searchsorted(self._bounds, index, side="right")) - 1
        return indexes[number], index - int(self._bounds[number])

    def record(self, index: int) -> Record:
        lines, position = self._locate(index)
        raw = lines.read(position)
        number = lines.line_number(position)
        try:
            names, text = parse_line(raw, self.delimiter)
        except Rejected as error:
            return Record(SampleInfo(index, lines.path, number, "", raw.decode("utf-8", "replace")), [], error)
        paths = [os.path.join(self.data_dir, name) for name in names]
        return Record(SampleInfo(index, lines.path, number, paths[0], text), paths)

    def info(self, index: int) -> SampleInfo:
        return self.record(index).info

    def _drawn(self, request: Request) -> tuple[SampleInfo, Rejected | None, np.random.Generator]:
        record = self.record(request.index)
        info, paths = record.info, record.paths
        rng = sample_generator(self.seed, request)
        if self.train and len(paths) > 1:
            info = SampleInfo(info.index, info.file, info.line, paths[int(rng.integers(len(paths)))], info.text)
        return info, record.error, rng

    def request_info(self, request: Request) -> SampleInfo:
        return self._drawn(request)[0]

    def fetch(self, request: Request) -> Sample:
        info, error, rng = self._drawn(request)
        if error is not None:
            raise error
        sample: Sample = {"image": read_image(info.path), "label": info.text, "img_path": info.path}
        if self.train:
            sample["epoch"] = request.epoch
            sample["fetch_other"] = partial(self._fetch_other, request.index, request.epoch)
        if request.size is not None:
            sample["target_size"] = request.size
        sample = _run(self.transforms, sample, rng)
        sample.pop("fetch_other", None)
        sample["info"] = info
        return sample

    def _fetch_other(self, index: int, epoch: int, rng: np.random.Generator) -> Sample | None:
        """Another sample than `index` after the first transforms; None when none was found."""
        steps = self.transforms[: self.ext_op_transform_idx]
        for _ in range(_OTHERS_TRIED):
            record = self.record(self._draw_index(rng))
            if record.error is not None or record.info.index == index:
                continue
            path = record.paths[int(rng.integers(len(record.paths)))]
            try:
                sample: Sample = {"image": read_image(path), "label": record.info.text, "img_path": path}
                return _run(steps, {**sample, "epoch": epoch, "fetch_other": _none}, rng)
            except Rejected:
                continue
        return None

    def _draw_index(self, rng: np.random.Generator) -> int:
        number = int(np.searchsorted(self._shares, rng.random(), side="right"))
        return int(rng.integers(self._bounds[number], self._bounds[number + 1]))

    @cached_property
    def _shares(self) -> np.ndarray:
        """Running sum, up to 1, of the files' shares of an epoch."""
        weights = np.cumsum([len(index) * ratio for index, ratio in zip(self.indexes, self.ratios, strict=True)])
        return weights / weights[-1]

    def epoch_indices(self, epoch: int) -> np.ndarray:
        return draw_epoch([len(index) for index in self.indexes], self.ratios, self.seed, epoch, self.train)

    def group_of(self, indices: np.ndarray) -> np.ndarray:
        len(self)  # the bounds exist once the files are indexed
        return np.searchsorted(self._bounds, indices, side="right") - 1

    def sizes(self, progress: bool = True) -> np.ndarray:
        exif = not any(getattr(transform, "ignore_orientation", False) for transform in self.transforms)
        parts = [self._file_sizes(number, exif, progress) for number in range(len(self.indexes))]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _file_sizes(self, number: int, exif: bool, progress: bool) -> np.ndarray:
        lines, start = self.indexes[number], int(self._bounds[number])
        place = None
        if self._cache_dir is not None:
            extra = f"{os.path.abspath(self.data_dir)}\0{self.delimiter}\0{exif}"
            place = cache_path(self._cache_dir, lines.key, "sizes", extra)
            stored = load_array(place)
            if stored is not None and stored.shape == (len(lines), 2) and stored.dtype == np.int32:
                return stored
        name = os.path.basename(lines.path)
        sizes = measure(
            len(lines), lambda position: self.record(start + position).paths, exif, progress, f"image sizes of {name}"
        )
        return sizes if place is None else store_array(place, sizes)

    def canvas(self) -> tuple[int, int, int] | None:
        for transform in reversed(self.transforms):
            shape = getattr(transform, "image_shape", None)
            if shape is not None and len(shape) == 3:
                channels, height, width = (int(n) for n in shape)
                return channels, height, width
        return None


def _check_places(data_dir: str, files: Sequence[str]) -> None:
    """Raises ConfigError with every label file that cannot be used, and a `data_dir` that is no folder."""
    problems = []
    for file in files:
        try:
            check_label_file(file)
        except DataError as error:
            problems.append(Problem("label_file_list", str(error)))
    if not os.path.isdir(data_dir):
        problems.append(Problem("data_dir", f"{data_dir} is no folder; image paths in label files are relative to it"))
    if problems:
        raise ConfigError(problems, "SimpleDataSet")


def _run(transforms: Sequence[Transform], sample: Sample, rng: np.random.Generator) -> Sample:
    try:
        return run_chain(transforms, sample, rng)
    except cv2.error as failure:
        raise Rejected("OpenCV error", " ".join(str(failure).split())) from failure


def _none(rng: np.random.Generator) -> None:
    """`fetch_other` of a sample that was itself fetched."""


def read_image(path: str) -> np.ndarray:
    """The file's bytes as a uint8 vector.

    Raises:
        Rejected: missing, unreadable or empty.
    """
    try:
        with open(path, "rb") as stream:
            raw = stream.read()
    except FileNotFoundError as error:
        raise Rejected("missing image", path) from error
    except OSError as error:
        raise Rejected("unreadable image", f"{path}: {error.strerror or error}") from error
    if not raw:
        raise Rejected("unreadable image", f"{path}: the file is empty")
    return np.frombuffer(raw, np.uint8)


def _ratios(given: float | Sequence[float], files: Sequence[str]) -> list[float]:
    problems = []
    if not files:
        problems.append(Problem("label_file_list", "is empty; give at least one label file"))
    ratios = [float(given)] * len(files) if isinstance(given, (int, float)) else [float(ratio) for ratio in given]
    if len(ratios) != len(files):
        problems.append(
            Problem("ratio_list", f"has {len(ratios)} entries for {len(files)} label files; give one for each, or a number")
        )
    if not all(math.isfinite(ratio) and ratio >= 0 for ratio in ratios):
        problems.append(Problem("ratio_list", f"{ratios}: each must be 0 or more"))
    elif files and not any(ratios):
        problems.append(Problem("ratio_list", "all ratios are 0: nothing would be drawn"))
    if problems:
        raise ConfigError(problems, "SimpleDataSet")
    return ratios
