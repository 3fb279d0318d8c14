"""PathDataSet: images of lines, each with a text file of its name beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, overload

import numpy as np

from ppocr_like.contracts import SampleInfo
from ppocr_like.data.base import page_of_image, read_image
from ppocr_like.data.lines.line_set import LineSet, line_keys
from ppocr_like.data.lines.lines import Lines, Marks, Told, stable_name
from ppocr_like.data.lines.partition import By
from ppocr_like.data.lines.path_texts import FAULTS, SUFFIX, read_texts, text_path
from ppocr_like.data.lines.sources import Entry, Source
from ppocr_like.data.sizes import header_size
from ppocr_like.registry import DATASETS
from ppocr_like.transforms.base import Transform


@DATASETS.register()
class PathDataSet(LineSet):
    """Reads pairs of an image and a text: `0001.bin.png` and `0001.gt.txt`, as ocropy, kraken and Tesseract have them.

    `manifests` name, and `files` match, the images. The text stands beside the image under its name without all extensions, with
    `.gt.txt` added. It is UTF-8; line ends at its beginning and end do not count.

    Args:
        manifests: lists of files, one path in a line, from the folder of the list or from the current one; # begins a comment.
        files: patterns of files (`lines/*.png`).
        transforms: the chain, built.
        only, without: for line sets whose files have marks; these have none, so every line is of no type, region and language.
        split: of lines that their files mark, which these do not.
        partition: training's share of the lines; evaluation, with the same keys, takes the others.
        partition_by: what is never divided: "page" and "line" (each image is one of its own), "folder".
        partition_seed: of the draw, whatever the run's seed is.
        empty: "skip": lines without text are left out; "keep".
        max_left_out: greatest share of the wanted lines that may be lost before a run stops.
        ratio_list: for each manifest, and for all patterns together last (or one for all), the share drawn in each epoch.
        ext_op_transform_idx: how many transforms run on the further samples that a transform asks for.
        strict: stop at a sample that cannot be used, with its file and line; otherwise it is counted.
        seed: of the draws and of each sample's generator.
        mode: "train" draws anew each epoch; "eval" takes all lines in order.

    Raises:
        ConfigError: keys that contradict each other; manifests that name nothing.
        DataError (when first asked for a sample): not one line is left.
    """

    def __init__(
        self,
        manifests: str | list[str] | None = None,
        files: str | list[str] | None = None,
        transforms: Sequence[Transform] = (),
        only: dict | None = None,
        without: dict | None = None,
        split: Literal["train", "validation", "test"] | None = None,
        partition: float | None = None,
        partition_by: By = "page",
        partition_seed: int = 0,
        empty: Literal["skip", "keep"] = "skip",
        max_left_out: float = 0.05,
        ratio_list: float | list[float] = 1.0,
        ext_op_transform_idx: int = 1,
        strict: bool = False,
        seed: int = 0,
        mode: str = "train",
    ) -> None:
        keys = line_keys(
            type(self).__name__,
            manifests,
            files,
            only,
            without,
            split=split,
            partition=partition,
            partition_by=partition_by,
            partition_seed=partition_seed,
            empty=empty,
            max_left_out=max_left_out,
        )
        super().__init__(keys, ratio_list, transforms, ext_op_transform_idx, strict, seed, mode)

    def page_of(self, info: SampleInfo) -> str:
        return page_of_image(info.path)  # to the partition every image is a page

    def open_lines(self, source: Source) -> Lines:
        return PathLines(source, self.cache_dir)

    def image_paths(self, start: int, stop: int) -> list[list[str]]:
        source, position = self.locate(start)
        lines = self._opened.lines[source]
        assert isinstance(lines, PathLines)
        used = self._opened.used[source][position : position + stop - start]
        return [[lines.images[number]] for number in used.tolist()]

    def image_size(self, path: str, exif: bool) -> tuple[int, int]:
        return header_size(path, exif)


class PathLines(Lines):
    """The images of a source and the texts beside them.

    Args:
        source: names the images.
        cache_dir: where the texts are kept for the next start; None: nowhere.
    """

    def __init__(self, source: Source, cache_dir: str | Path | None = None) -> None:
        self.images = [entry.path for entry in source.entries if not entry.path.endswith(SUFFIX)]
        given = [entry for entry in source.entries if entry.path.endswith(SUFFIX)]
        self._texts = read_texts(source.name, self.images, cache_dir)
        self.key = self._texts.key
        fault, blank = self._texts.rows["fault"], self._texts.rows["blank"]
        each = np.arange(len(self.images), dtype=np.int32)
        plain = Marks.plain(each, NamesOf(self.images, stable_name), NamesOf(self.images, _folder), blank)
        self.marks = Marks(**{**vars(plain), "fault": fault, "reasons": FAULTS})
        self.notes = [*_of_texts(source.name, given), *_of_plain_texts(self.images, fault)]

    def told(self, position: int) -> Told:
        image = self.images[position]
        file = image if self.marks.fault[position] else text_path(image)
        return Told(file, 1, "", image, self._texts.texts([position])[0])

    def texts(self, positions: Sequence[int]) -> list[str]:
        return self._texts.texts(positions)

    def image(self, path: str) -> np.ndarray:
        return read_image(path)

    def base_dirs(self, positions: Sequence[int]) -> None:
        return None  # the files do not tell

    def has_page(self, position: int) -> bool:
        return False

    def detail(self, position: int) -> str:
        path = text_path(self.images[position])
        other = _plain(path)
        if self.marks.fault[position] == 1 and os.path.isfile(other):
            return f"{path} is missing; {other} is there: texts end in {SUFFIX}"
        return f"{path} is missing" if self.marks.fault[position] == 1 else path


class NamesOf(Sequence[str]):
    """A name for each of some paths, made when it is asked for: of a million images most are never asked for."""

    def __init__(self, paths: Sequence[str], name: Callable[[str], str]) -> None:
        self._paths, self._name = paths, name

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        return NamesOf(self._paths[place], self._name) if isinstance(place, slice) else self._name(self._paths[place])


def _folder(image: str) -> str:
    return os.path.dirname(os.path.abspath(image))


def _plain(path: str) -> str:
    return f"{path.removesuffix(SUFFIX)}.txt"


def _of_texts(source: str, given: Sequence[Entry]) -> list[str]:
    what = "is a text" if len(given) == 1 else "are texts"
    return [f"{source}: {len(given):,} of the files named {what} ({given[0].path}); the images are wanted"] if given else []


def _of_plain_texts(images: Sequence[str], fault: np.ndarray) -> list[str]:
    """Says that texts end in .txt where they should end in .gt.txt; ten thousand images are asked about at most."""
    missing = np.flatnonzero(fault == 1)[:10_000].tolist()
    other = [path for path in (_plain(text_path(images[number])) for number in missing) if os.path.isfile(path)]
    if not other:
        return []
    return [f"{len(other):,} images have a .txt and no {SUFFIX} beside them (the first: {other[0]}); texts must end in {SUFFIX}"]
