"""What every data set of numbered sources does: draws by ratio, opens images, runs the chain."""

from __future__ import annotations

import math
import os
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import cv2
import numpy as np

from ppocr_like.contracts import Rejected, Request, SampleInfo
from ppocr_like.data.base import Dataset, sample_generator
from ppocr_like.data.cache import FileKey, cache_path, load_array, store_array
from ppocr_like.data.sampling import draw_epoch
from ppocr_like.data.sizes import measure, widest
from ppocr_like.errors import ConfigError, Problem, StepFailed
from ppocr_like.transforms.base import Sample, Transform, run_chain

_OTHERS_TRIED = 10  # draws of another sample before a transform that asks for one goes without


class DrawnDataset(Dataset):
    """Samples of several sources (label files, LMDB folders), one source after the other.

    A sample begins as `image`, `label`, `img_path` and, where the source tells it, `base_dir` ("ltr" or "rtl") of the label. In
    training it also has `epoch` (int) and `fetch_other`: called with a generator it gives another training sample,
    drawn with that generator, after the first `ext_op_transform_idx` transforms, or None when ten draws gave none that could be
    used. Sources are drawn by their share of the epoch. A step that changes what the picture says (RecConAug) gives `text`,
    which becomes the text of the sample's `info`.

    Args:
        sources: files or folders that the samples stand in.
        ratio_list: for each source (or for all) the share drawn in each epoch.
        source_name: the argument that named the sources, for messages.

    Raises:
        ConfigError: ratios that do not fit the sources.
    """

    def __init__(
        self,
        sources: Sequence[str],
        ratio_list: float | list[float],
        transforms: Sequence[Transform],
        ext_op_transform_idx: int,
        strict: bool,
        seed: int,
        mode: str,
        source_name: str = "label_file_list",
    ) -> None:
        if mode not in ("train", "eval"):
            raise ValueError(f"mode is 'train' or 'eval', not {mode!r}")
        if ext_op_transform_idx < 0:
            raise ValueError(f"ext_op_transform_idx is {ext_op_transform_idx}; it counts transforms: 0 or more")
        self.label_files = tuple(sources)
        self.ratios = _ratios(ratio_list, self.label_files, source_name, type(self).__name__)
        self.transforms = list(transforms)
        self.ext_op_transform_idx = ext_op_transform_idx
        self.strict = strict
        self.seed = seed
        self.train = mode == "train"
        self.cache_dir: str | Path | None = None

    @abstractmethod
    def counts(self) -> list[int]:
        """Samples of each source."""

    @abstractmethod
    def source_key(self, number: int) -> FileKey:
        """State of source `number`, to which what is cached of it belongs."""

    @abstractmethod
    def image_size(self, path: str, exif: bool) -> tuple[int, int]:
        """(width, height) px of one of a record's images, from its header; (0, 0) when that cannot be read."""

    forks = True  # images may be measured in forked processes

    def image_paths(self, start: int, stop: int) -> list[list[str]]:
        """The images of samples `start` to `stop` - 1 of one source; none of a line that cannot be used."""
        return [self.record(index).paths for index in range(start, stop)]

    size_extra = ""  # what sizes depend on beside the source

    def use_cache(self, cache_dir: str | Path) -> None:
        self.cache_dir = cache_dir

    @cached_property
    def bounds(self) -> np.ndarray:
        """(sources + 1,) int64: where each source begins among the samples."""
        return np.concatenate([[0], np.cumsum(self.counts())]).astype(np.int64)

    def __len__(self) -> int:
        return int(self.bounds[-1])

    def locate(self, index: int) -> tuple[int, int]:
        """(number of the source, position in it) of a sample.

        Raises:
            IndexError: there is no such sample.
        """
        if not 0 <= index < self.bounds[-1]:
            raise IndexError(f"sample {index} of {int(self.bounds[-1])}")
        number = int(np.searchsorted(self.bounds, index, side="right")) - 1
        return number, index - int(self.bounds[number])

    def info(self, index: int) -> SampleInfo:
        return self.record(index).info

    def _drawn(self, request: Request) -> tuple[SampleInfo, Rejected | None, np.random.Generator]:
        record = self.record(request.index)
        info, paths = record.info, record.paths
        rng = sample_generator(self.seed, request)
        if self.train and len(paths) > 1:
            info = replace(info, path=paths[int(rng.integers(len(paths)))])
        return info, record.error, rng

    def request_info(self, request: Request) -> SampleInfo:
        return self._drawn(request)[0]

    def fetch(self, request: Request) -> Sample:
        info, error, rng = self._drawn(request)
        if error is not None:
            raise error
        sample = self._read(info)
        if self.train:
            sample["epoch"] = request.epoch
            sample["fetch_other"] = partial(self._fetch_other, request.index, request.epoch)
        if request.size is not None:
            sample["target_size"] = request.size
        sample = _run(self.transforms[:-1], sample, rng)
        text = sample.get("text", info.text)  # KeepKeys, the last step, drops it
        sample = _run(self.transforms[-1:], sample, rng, len(self.transforms) - 1)
        sample.pop("fetch_other", None)
        sample["info"] = info if text == info.text else replace(info, text=text)
        return sample

    def _read(self, info: SampleInfo) -> Sample:
        """A sample before its first step."""
        sample: Sample = {"image": self.read_image(info.path), "label": info.text, "img_path": info.path}
        if info.base_dir:
            sample["base_dir"] = info.base_dir
        return sample

    def _fetch_other(self, index: int, epoch: int, rng: np.random.Generator) -> Sample | None:
        """Another sample than `index` after the first transforms; None when none was found."""
        steps = self.transforms[: self.ext_op_transform_idx]
        for _ in range(_OTHERS_TRIED):
            record = self.record(self._draw_index(rng))
            if record.error is not None or record.info.index == index:
                continue
            info = replace(record.info, path=record.paths[int(rng.integers(len(record.paths)))])
            try:
                return _run(steps, {**self._read(info), "epoch": epoch, "fetch_other": _none}, rng)
            except Rejected:
                continue
        return None

    def _draw_index(self, rng: np.random.Generator) -> int:
        number = int(np.searchsorted(self._shares, rng.random(), side="right"))
        return int(rng.integers(self.bounds[number], self.bounds[number + 1]))

    @cached_property
    def _shares(self) -> np.ndarray:
        """Running sum, up to 1, of the sources' shares of an epoch."""
        weights = np.cumsum([count * ratio for count, ratio in zip(self.counts(), self.ratios, strict=True)])
        return weights / weights[-1]

    def epoch_indices(self, epoch: int) -> np.ndarray:
        return draw_epoch(self.counts(), self.ratios, self.seed, epoch, self.train)

    def group_of(self, indices: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.bounds, indices, side="right") - 1

    def sizes(self, progress: bool = True) -> np.ndarray:
        exif = not any(getattr(transform, "ignore_orientation", False) for transform in self.transforms)
        parts = [self._source_sizes(number, exif, progress) for number in range(len(self.counts()))]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _source_sizes(self, number: int, exif: bool, progress: bool) -> np.ndarray:
        start, count, key = int(self.bounds[number]), self.counts()[number], self.source_key(number)
        place = None
        if self.cache_dir is not None:
            place = cache_path(self.cache_dir, key, "sizes", f"{self.size_extra}\0{exif}")
            stored = load_array(place)
            if stored is not None and stored.shape == (count, 2) and stored.dtype == np.int32:
                return stored

        def sizes_of(first: int, stop: int) -> np.ndarray:
            found = [
                self.image_size(paths[0], exif) if len(paths) == 1 else widest([self.image_size(path, exif) for path in paths])
                for paths in self.image_paths(start + first, start + stop)
            ]
            return np.array(found, np.int32).reshape(-1, 2)

        sizes = measure(count, sizes_of, progress, f"image sizes of {os.path.basename(self.label_files[number])}", self.forks)
        return sizes if place is None else store_array(place, sizes)

    def canvas(self) -> tuple[int, int, int] | None:
        for transform in reversed(self.transforms):
            shape = getattr(transform, "image_shape", None)
            if shape is not None and len(shape) == 3:
                channels, height, width = (int(n) for n in shape)
                return channels, height, width
        return None


def _run(transforms: Sequence[Transform], sample: Sample, rng: np.random.Generator, first: int = 0) -> Sample:
    """`first`: place of the first of them in the whole chain."""
    try:
        return run_chain(transforms, sample, rng)
    except StepFailed as failure:
        failure.position += first
        raise
    except cv2.error as failure:
        raise Rejected("OpenCV error", " ".join(str(failure).split())) from failure


def _none(rng: np.random.Generator) -> None:
    """`fetch_other` of a sample that was itself fetched."""


def _ratios(given: float | Sequence[float], sources: Sequence[str], name: str, where: str) -> list[float]:
    problems = []
    if not sources:
        problems.append(Problem(name, "is empty; give at least one label file"))
    ratios = [float(given)] * len(sources) if isinstance(given, (int, float)) else [float(ratio) for ratio in given]
    if len(ratios) != len(sources):
        found = f" ({', '.join(sources)})" if name != "label_file_list" else ""
        what = {"label_file_list": "label files", "sources": "sources"}.get(name, "LMDB folders")
        message = f"has {len(ratios)} entries for {len(sources)} {what}{found}; give one for each, or a number"
        problems.append(Problem("ratio_list", message))
    if not all(math.isfinite(ratio) and ratio >= 0 for ratio in ratios):
        problems.append(Problem("ratio_list", f"{ratios}: each must be 0 or more"))
    elif sources and not any(ratios):
        problems.append(Problem("ratio_list", "all ratios are 0: nothing would be drawn"))
    if problems:
        raise ConfigError(problems, where)
    return ratios
