"""SimpleDataSet: label files of lines `image path<TAB>label`."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence

import numpy as np

from ppocr_like.contracts import Rejected, SampleInfo
from ppocr_like.data.base import Record, Texts
from ppocr_like.data.cache import FileKey
from ppocr_like.data.drawn import DrawnDataset
from ppocr_like.data.label_index import LabelIndex, check_label_file
from ppocr_like.data.missing import likely_reason
from ppocr_like.data.presence import Presence, spread
from ppocr_like.data.sizes import header_size
from ppocr_like.documents.formats.label_line import TAB, parse_line
from ppocr_like.errors import ConfigError, DataError, Problem
from ppocr_like.registry import DATASETS
from ppocr_like.transforms.base import Transform

logger = logging.getLogger("ppocr_like")
_BLOCK = 8192  # lines read at once for counting
_LOOKED_AT = 64  # images looked for at the start; when none is there, data_dir is wrong


@DATASETS.register("TextRecDataset")  # PaddleX's names of the same thing
@DATASETS.register("TextDetDataset")
@DATASETS.register()
class SimpleDataSet(DrawnDataset):
    """Reads label files, draws samples by ratio, opens images and runs the recipe's transforms (see `DrawnDataset`).

    Args:
        data_dir: folder that the image paths in the label files are relative to; absolute paths stay as they are.
        label_file_list: one label file or several.
        transforms: the chain, built.
        ratio_list: for each label file (or for all) the share drawn in each epoch; above 1 lines are repeated.
        delimiter: between image path and text. With another than the tab the csv module's quotes hold (see
            `label_line`).
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
        if not delimiter:
            raise ValueError("delimiter is empty; give what stands between image path and text, as ','")
        files = (label_file_list,) if isinstance(label_file_list, str) else tuple(label_file_list)
        super().__init__(files, ratio_list, transforms, ext_op_transform_idx, strict, seed, mode)
        self.data_dir = data_dir
        self.delimiter = delimiter
        self.size_extra = f"{os.path.abspath(data_dir)}\0{delimiter}"
        self._indexes: list[LabelIndex] | None = None
        self._presence: Presence | None = None
        _check_places(data_dir, self.label_files)

    @property
    def indexes(self) -> list[LabelIndex]:
        """One index per label file, made when first needed."""
        if self._indexes is None:
            self._indexes = [LabelIndex(file, self.cache_dir) for file in self.label_files]
            self._check_images()
            looked_at = (record for number in spread(len(self), _LOOKED_AT) for record in (self.record(number),))
            paths = (path for record in looked_at for path in record.paths[:1])
            self._presence = Presence(paths, self.label_files[0], self.data_dir)
        return self._indexes

    def _check_images(self) -> None:
        """Says early that data_dir is wrong, instead of rejecting every sample."""
        missing, first = "", 0
        for index in np.unique(np.linspace(0, len(self) - 1, min(_LOOKED_AT, len(self))).astype(np.int64)):
            path = self.info(int(index)).path
            if path and os.path.exists(path):
                return
            if path and not missing:
                missing, first = path, int(index)
        if missing:
            reason = likely_reason(self.data_dir, self._name(first)) or "check data_dir"
            info = self.info(first)
            raise DataError(f"none of the images looked for exists (the first: {missing}): {reason}", info.file, info.line)

    def _name(self, index: int) -> str:
        """The first image path of a sample as its label file has it."""
        source, position = self.locate(index)
        return parse_line(self.indexes[source].read(position), self.delimiter)[0][0]

    def counts(self) -> list[int]:
        return [len(index) for index in self.indexes]

    def source_key(self, number: int) -> FileKey:
        return self.indexes[number].key

    def record(self, index: int) -> Record:
        indexes = self.indexes
        source, position = self.locate(index)
        lines = indexes[source]
        raw = lines.read(position)
        number = lines.line_number(position)
        try:
            names, text, further = parse_line(raw, self.delimiter)
        except Rejected as error:
            return Record(SampleInfo(index, lines.path, number, "", raw.decode("utf-8", "replace")), [], error)
        paths = [os.path.join(self.data_dir, name) for name in names]
        return Record(SampleInfo(index, lines.path, number, paths[0], text), paths, further=further)

    def label_texts(self) -> Iterator[Texts]:
        for number, lines in enumerate(self.indexes if any(self.ratios) else ()):
            for start in range(0, len(lines) if self.ratios[number] else 0, _BLOCK):
                rows = lines.block(start, min(start + _BLOCK, len(lines)))
                yield _texts_of(rows, int(self.bounds[number]) + start, self.delimiter)

    def image_paths(self, start: int, stop: int) -> list[list[str]]:
        source, position = self.locate(start)
        found = []
        for row in self.indexes[source].block(position, position + stop - start):
            try:
                names = parse_line(row, self.delimiter).names
            except Rejected:
                names = []
            found.append([os.path.join(self.data_dir, name) for name in names])
        return found

    def read_image(self, path: str) -> np.ndarray:
        """See `Dataset.read_image`.

        Raises:
            Rejected: this image cannot be read.
            DataError: nor can others that were there at the start (`Presence`).
        """
        try:
            return super().read_image(path)
        except Rejected:
            if self._presence is not None:
                self._presence.check()
            raise

    def image_size(self, path: str, exif: bool) -> tuple[int, int]:
        return header_size(path, exif)


def _texts_of(rows: list[bytes], start: int, delimiter: str) -> Texts:
    """The labels of lines. Most have one delimiter and nothing to ask about: they are not parsed one by one."""
    texts: list[str | None] = []
    further = []
    for position, row in enumerate(rows):
        try:
            name, found, text = row.decode("utf-8").partition(delimiter)
            if not (name and found) or delimiter in text or (delimiter != TAB and '"' in text):
                _, text, more = parse_line(row, delimiter)
                if more:
                    further.append((start + position, more))
            texts.append(text)
        except (UnicodeDecodeError, Rejected):
            texts.append(None)
    return Texts(start, texts, further)


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
