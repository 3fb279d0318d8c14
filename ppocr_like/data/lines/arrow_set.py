"""ArrowDataSet: kraken's compiled sets, lines with their texts in Arrow files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal

import numpy as np

from ppocr_like.contracts import Rejected, SampleInfo
from ppocr_like.data.arrow_file import FAULTS, ArrowFile
from ppocr_like.data.lines.line_set import LineSet, line_keys
from ppocr_like.data.lines.lines import LeftOut, Lines, Marks, Names, Told, joined_key, stable_name
from ppocr_like.data.lines.partition import By
from ppocr_like.data.lines.sources import Source
from ppocr_like.errors import ConfigError, DataError, Problem
from ppocr_like.registry import DATASETS
from ppocr_like.transforms.base import Transform

_UNREADABLE = "file that cannot be read"
_SPARSE = 8  # lines of a stretch to each that is wanted: reading one alone takes that much longer


@DATASETS.register()
class ArrowDataSet(LineSet):
    """Reads the files that `ketos compile` and tools/pack.py write, with random access; needs the package pyarrow.

    `manifests` name, and `files` match, `.arrow` files. kraken's files do not tell which page a line comes from: `partition_by:
    page` needs files of tools/pack.py, which do.

    Args:
        manifests: lists of files, one path in a line, from the folder of the list or from the current one; # begins a comment.
        files: patterns of files.
        transforms: the chain, built.
        only, without: mappings with `languages`: lines must have one of the names, or none (the files have no other marks).
        split: only lines that the file marks for "train", "validation" or "test".
        partition: training's share of the lines; evaluation, with the same keys, takes the others.
        partition_by: what is never divided: "page", "folder", "line".
        partition_seed: of the draw, whatever the run's seed is.
        empty: "skip": lines without text are left out; "keep".
        max_left_out: greatest share of the wanted lines that may be lost before a run stops.
        ratio_list: for each manifest, and for all patterns together last (or one for all), the share drawn in each epoch.
        ext_op_transform_idx: how many transforms run on the further samples that a transform asks for.
        strict: stop at a sample that cannot be used, with its file and line; otherwise it is counted.
        seed: of the draws and of each sample's generator.
        mode: "train" draws anew each epoch; "eval" takes all lines in order.

    Raises:
        ConfigError: keys that contradict each other; manifests that name nothing; a partition by pages that are not known.
        DataError (when first asked for a sample): no file can be read; not one line is left.
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
        lines, _ = self._find(info.index)
        assert isinstance(lines, ArrowLines)
        return "" if info.file in lines.without_pages else super().page_of(info)

    def cut_as(self) -> str:
        """See `LineSet`.

        Raises:
            DataError: lines of some files were cut in the one way, and of others in the other.
        """
        kinds: dict[str, str] = {}
        for lines in self._opened.lines:
            for file in lines.files if isinstance(lines, ArrowLines) else ():
                kinds.setdefault(file.kind, file.path)
        if len(kinds) > 1:
            other = f"lines along baselines are in this file, and boxes in {kinds['bbox']}"
            raise DataError(f"{other}; pack them apart, or say with --cut what all of them are", kinds["baselines"])
        return next(iter(kinds))

    def open_lines(self, source: Source) -> Lines:
        lines = ArrowLines(source)
        if self.keys.partition is not None and self.keys.partition_by == "page" and lines.without_pages:
            message = f"is page, and {lines.without_pages[0]} does not tell its lines' pages (kraken's files do not); give line"
            raise ConfigError([Problem("partition_by", message)], type(self).__name__)
        return lines


class ArrowLines(Lines):
    """The lines of the files of a source, one file after the other.

    `without_pages`: the files that do not tell their lines' pages; each counts as one page.

    Raises:
        DataError: not one of its files can be read.
    """

    def __init__(self, source: Source) -> None:
        self.lost: list[LeftOut] = []
        self.files: list[ArrowFile] = []
        refused: list[DataError] = []
        for path, _ in source.entries:
            try:
                self.files.append(ArrowFile(path))
            except DataError as error:
                refused.append(error)
                self.lost.append(LeftOut(path, "", _UNREADABLE, str(error).removeprefix(f"{path}: "), 0))
        if not self.files:
            raise refused[0]
        self.key = joined_key(source.name, [file.path for file in self.files])
        self.without_pages = [file.path for file in self.files if not file.pages]
        self.notes = [f"{error}; it is left out" for error in refused]
        self._starts = np.cumsum([0, *(len(file) for file in self.files)])
        self._numbers = {file.path: number for number, file in enumerate(self.files)}
        self.marks = _marks(self.files)

    def _find(self, position: int) -> tuple[ArrowFile, int]:
        number = int(np.searchsorted(self._starts, position, side="right")) - 1
        return self.files[number], position - int(self._starts[number])

    def told(self, position: int) -> Told:
        file, row = self._find(position)
        return Told(file.path, row + 1, "", f"{file.path}#{row + 1}", file.text(row))

    def texts(self, positions: Sequence[int]) -> list[str]:
        wanted = np.asarray(positions, np.int64)
        numbers = np.searchsorted(self._starts, wanted, side="right") - 1
        breaks = (np.flatnonzero(np.diff(numbers)) + 1).tolist()
        found: list[str] = []
        for first, last in zip([0, *breaks], [*breaks, len(wanted)], strict=True):
            if first < last:
                number = int(numbers[first])
                found += _texts(self.files[number], wanted[first:last] - self._starts[number])
        return found

    def base_dirs(self, positions: Sequence[int]) -> None:
        return None  # the files do not tell

    def has_page(self, position: int) -> bool:
        return bool(self._find(position)[0].pages)

    def image(self, path: str) -> np.ndarray | None:
        name, _, row = path.rpartition("#")
        number = self._numbers.get(name)
        if number is None:
            return None
        raw = self.files[number].image(int(row) - 1)
        if not raw:
            raise Rejected("missing image", path)
        return np.frombuffer(raw, np.uint8)


def _texts(file: ArrowFile, rows: np.ndarray) -> list[str]:
    """Of some lines of a file; where most of a stretch are wanted, all of it is read together."""
    low, high = int(rows.min()), int(rows.max()) + 1
    if high - low > _SPARSE * len(rows):
        return [file.text(row) for row in rows.tolist()]
    texts = file.block(low, high)
    return [texts[row - low] for row in rows.tolist()]


def _marks(files: Sequence[ArrowFile]) -> Marks:
    """The files' columns one after the other; their languages as one table."""
    names = Names(())
    pages, keys, folders, languages = [], list[str](), list[str](), []
    for file in files:
        table = np.array([names.number(entry) for entry in file.languages], np.int32)
        languages.append(table[file.places.language])
        counts = [lines for _, lines in file.pages] or [len(file)]
        pages.append(np.repeat(np.arange(len(counts), dtype=np.int32) + len(keys), counts))
        if file.pages:
            keys += [name for name, _ in file.pages]
            folders += [os.path.dirname(name) for name, _ in file.pages]
        else:
            keys.append(stable_name(file.path))
            folders.append(os.path.dirname(os.path.abspath(file.path)))
    nothing = np.zeros(sum(len(file) for file in files), np.uint8)
    split, fault, blank = (np.concatenate([getattr(file.places, name) for file in files]) for name in ("split", "fault", "blank"))
    page, language = np.concatenate(pages), np.concatenate(languages)
    return Marks(page, keys, folders, names.table(), nothing, nothing, language, split, FAULTS, fault, blank)
