"""LineSet: what every set of lines that are no files of their own has in common."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ppocr_like.config.typecheck import fit
from ppocr_like.contracts import Rejected, SampleInfo
from ppocr_like.data.base import Record, Texts
from ppocr_like.data.cache import FileKey
from ppocr_like.data.drawn import DrawnDataset
from ppocr_like.data.lines.lines import SPLITS, LeftOut, LineMarks, Lines
from ppocr_like.data.lines.partition import TRAIN, VALIDATION, SplitRow, in_training, units_of
from ppocr_like.data.lines.selection import CHOSEN, LineFilter, LineKeys, Selection, select
from ppocr_like.data.lines.sources import Source, as_list, read_sources, source_names
from ppocr_like.data.sizes import header_size
from ppocr_like.errors import ConfigError, DataError, Problem
from ppocr_like.transforms.base import Transform

logger = logging.getLogger("ppocr_like")
_BLOCK = 8192  # texts read at once


class LineSet(DrawnDataset):
    """Lines of files that manifests and patterns name, chosen by their marks, whole or divided into training and evaluation.

    A subclass registers itself, lists the common keys among its arguments (`line_keys` checks them and makes a `LineKeys`), and
    gives

    - `open_lines(source)`: the `Lines` of a source, which is called once, when lines are first asked for; `self.cache_dir` is set
      then where there is a run folder, and arrays may be kept in it (`data.cache`).

    `Lines` has the texts and pictures and, in `Marks`, what lines are chosen by; everything else is here. `prepare_lines` may be
    called to open the sources at once.

    Where `partition` stands, training takes its share and evaluation the rest: the same keys stand in Train and in Eval.
    `left_out` names all lines that are not used, but for those of the other part; `split_rows` says who is in which part.

    Args:
        keys: the common keys.
        ratio_list: for each manifest, and for all patterns together last, the share drawn in each epoch.
        transforms, ext_op_transform_idx, strict, seed, mode: see `DrawnDataset`.

    Raises:
        ConfigError: keys that contradict each other; manifests that name nothing.
        DataError (when lines are first asked for): not one line is left.
    """

    def __init__(
        self,
        keys: LineKeys,
        ratio_list: float | list[float],
        transforms: Sequence[Transform],
        ext_op_transform_idx: int,
        strict: bool,
        seed: int,
        mode: str,
    ) -> None:
        where = type(self).__name__
        problems = keys.problems()
        if problems:
            raise ConfigError(problems, where)
        self._sources: list[Source] | None = read_sources(keys.manifests, keys.files, where)  # says early what is wrong with them
        sources = source_names(keys.manifests, keys.files)
        super().__init__(sources, ratio_list, transforms, ext_op_transform_idx, strict, seed, mode, "sources")
        self.keys = keys

    @abstractmethod
    def open_lines(self, source: Source) -> Lines:
        """All lines of a source.

        Raises:
            DataError: not one of its files can be used.
        """

    @cached_property
    def _opened(self) -> _Opened:
        sources, self._sources = self._sources, None  # of a million files they take room, and are needed once
        if sources is None:
            sources = read_sources(self.keys.manifests, self.keys.files, type(self).__name__)
        lines = [self.open_lines(source) for source in sources]
        selections = [select(part, self.keys) for part in lines]
        used = [selection.used() for selection in selections]
        opened = _Opened(lines, selections, used, [part for source in sources for part in source.missing], [])
        opened.notes += [note for part in lines for note in part.notes]
        opened.notes += [
            f"{source.name}: {source.again} entries name a file once more; it is taken once" for source in sources if source.again
        ]
        if self.keys.partition is not None:
            self._divide(opened)
        for part, positions in zip(lines, opened.used, strict=True):
            part.choose(positions)
        if not any(len(part) for part in opened.used):
            raise DataError(f"not one line is left to use{_reasons(opened)}", ", ".join(self.label_files))
        return opened

    def _divide(self, opened: _Opened) -> None:
        keys = self.keys
        assert keys.partition is not None
        found = [units_of(part, used, keys.partition_by) for part, used in zip(opened.lines, opened.used, strict=True)]
        names = [unit.key for units, _ in found for unit in units]
        taken = in_training(names, keys.partition, keys.partition_seed, type(self).__name__)
        rows: dict[SplitRow, None] = {}
        for number, (units, place) in enumerate(found):
            train = np.array([taken[unit.key] for unit in units], bool)
            opened.used[number] = opened.used[number][train[place] == self.train]
            rows.update((SplitRow(TRAIN if taken[unit.key] else VALIDATION, unit.file, unit.id), None) for unit in units)
        opened.rows = tuple(rows)

    def prepare_lines(self) -> None:
        """Opens all sources, if that was not done."""
        self._opened  # noqa: B018

    def counts(self) -> list[int]:
        return [len(used) for used in self._opened.used]

    def source_key(self, number: int) -> FileKey:
        return self._opened.lines[number].key

    def _find(self, index: int) -> tuple[Lines, int]:
        """(its source's lines, its position among all of them) of a sample."""
        source, position = self.locate(index)
        return self._opened.lines[source], int(self._opened.used[source][position])

    def record(self, index: int) -> Record:
        lines, position = self._find(index)
        told = lines.told(position)
        info = SampleInfo(index, told.file, told.line, told.path, told.text, told.id, told.line_type, told.base_dir)
        return Record(info, [told.path])

    def page_of(self, info: SampleInfo) -> str:
        lines, position = self._find(info.index)
        return lines.marks.page_keys[int(lines.marks.page[position])]

    def label_texts(self) -> Iterator[Texts]:
        for number, (lines, used) in enumerate(zip(self._opened.lines, self._opened.used, strict=True)):
            for start in range(0, len(used) if self.ratios[number] else 0, _BLOCK):
                positions = used[start : start + _BLOCK].tolist()
                texts: list[str | None] = list(lines.texts(positions))
                yield Texts(int(self.bounds[number]) + start, texts, [], lines.base_dirs(positions))

    def read_image(self, path: str) -> np.ndarray:
        """See `Dataset.read_image`: encoded, or a picture (H, W, C)."""
        for lines in self._opened.lines:
            image = lines.image(path)
            if image is not None:
                return image
        raise Rejected("missing image", path)

    def image_size(self, path: str, exif: bool) -> tuple[int, int]:
        try:
            image = self.read_image(path)
        except Rejected:
            return 0, 0
        return header_size(image.tobytes(), exif) if image.ndim == 1 else (image.shape[1], image.shape[0])

    def _source_sizes(self, number: int, exif: bool, progress: bool) -> np.ndarray:
        known = self._opened.lines[number].sizes(self._opened.used[number])
        if known is not None:
            return known
        drawn = hashlib.sha256(self._opened.used[number].tobytes()).hexdigest()
        self.size_extra = f"{drawn}\0{number}"
        return super()._source_sizes(number, exif, progress)

    def left_out(self) -> Iterator[LeftOut]:
        """Everything that no sample is made of, but for the lines of the partition's other part."""
        yield from self._opened.missing
        for lines, selection in zip(self._opened.lines, self._opened.selections, strict=True):
            yield from lines.lost
            for position in np.flatnonzero(selection.code).tolist():
                told = lines.told(position)
                reason = selection.reasons[selection.code[position]]
                detail = "" if reason in CHOSEN else lines.detail(position)
                yield LeftOut(told.file, told.id or str(told.line), reason, detail)

    def left_out_counts(self) -> dict[str, int]:
        """How many lines are left out, by reason, the most frequent first."""
        return _counts(self._opened)

    def lost_share(self) -> float:
        """Share of the lines that the recipe wants which cannot be had. A file that cannot be read counts as much as others have
        lines on average."""
        opened = self._opened
        had = sum(len(selection.used()) for selection in opened.selections)
        lost = sum(selection.lost() for selection in opened.selections)
        pages = sum(len(np.unique(np.asarray(part.marks.page))) for part in opened.lines)
        each = max((had + lost) / max(pages, 1), 1.0)
        lost_files = [*opened.missing, *(part for lines in opened.lines for part in lines.lost)]
        away = lost + sum(part.lines or each for part in lost_files)
        return away / (had + away) if had + away else 0.0

    def digests(self) -> dict[str, tuple[int, str]]:
        """By source how many of its lines are used, and the SHA-256 of their texts, wherever the files lie."""
        found = {}
        for name, lines, used in zip(self.label_files, self._opened.lines, self._opened.used, strict=True):
            digest = hashlib.sha256()
            for start in range(0, len(used), _BLOCK):
                rows = lines.texts(used[start : start + _BLOCK].tolist())
                digest.update("".join(f"{len(row)} {row}\n" for row in rows).encode("utf-8", "surrogatepass"))
            found[name] = len(used), digest.hexdigest()
        return found

    def notes(self) -> list[str]:
        """What is to be said once of the files."""
        return list(self._opened.notes)

    def cut_as(self) -> str:
        """How its lines are cut out of pages: along their "baselines", or as upright boxes, "bbox"."""
        return "bbox"

    def marks_of(self, index: int) -> LineMarks:
        """What is packed with a sample beside its text."""
        lines, position = self._find(index)
        marks = lines.marks
        page = marks.page_keys[int(marks.page[position])] if lines.has_page(position) else ""
        return LineMarks(marks.names[int(marks.language[position])], SPLITS[int(marks.split[position])], page)

    def page_starts(self) -> np.ndarray:
        """int64: the samples before which another page was read, in order; the first one is 0."""
        found = []
        for start, lines, used in zip(self.bounds.tolist(), self._opened.lines, self._opened.used, strict=False):
            pages = np.asarray(lines.marks.page)[used]
            found.append(start + np.flatnonzero(np.diff(pages, prepend=-1)))
        return np.concatenate(found).astype(np.int64)

    def split_rows(self) -> tuple[SplitRow, ...]:
        """Who belongs to which part; empty without a partition."""
        return self._opened.rows


@dataclasses.dataclass(eq=False)
class _Opened:
    """What is known once the sources were opened: for each its lines, why some are left out, and the positions of the others."""

    lines: list[Lines]
    selections: list[Selection]
    used: list[np.ndarray]
    missing: list[LeftOut]
    notes: list[str]
    rows: tuple[SplitRow, ...] = ()


def _counts(opened: _Opened) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in [*opened.missing, *(lost for lines in opened.lines for lost in lines.lost)]:
        found[part.reason] = found.get(part.reason, 0) + max(part.lines, 1)
    for selection in opened.selections:
        for number, count in enumerate(np.bincount(selection.code, minlength=len(selection.reasons)).tolist()):
            if number and count:
                found[selection.reasons[number]] = found.get(selection.reasons[number], 0) + count
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _reasons(opened: _Opened) -> str:
    counts = _counts(opened)
    return f": {', '.join(f'{count:,} {reason}' for reason, count in counts.items())}" if counts else ""


def line_keys(
    where: str,
    manifests: str | Sequence[str] | None,
    files: str | Sequence[str] | None,
    only: dict | None,
    without: dict | None,
    **rest: Any,
) -> LineKeys:
    """The common keys as a recipe has them.

    Args:
        where: the data set's name, for messages.
        rest: further fields of `LineKeys`.

    Raises:
        ConfigError: a filter of another form.
    """
    problems: list[Problem] = []
    filters = []
    for name, given in (("only", only), ("without", without)):
        tree = {key: [value] if isinstance(value, str) else value for key, value in (given or {}).items()}
        made, wrong = fit(tree, LineFilter, name)
        problems += wrong
        filters.append(made)
    if problems:
        raise ConfigError(problems, where)
    return LineKeys(tuple(as_list(manifests)), tuple(as_list(files)), filters[0], filters[1], **rest)
