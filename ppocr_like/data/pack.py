"""Label files and their images -> one LMDB folder that `LMDBDataSet`, PaddleOCR and deep-text-recognition-benchmark read.

Images are read and checked on all cores; the main thread writes them in order, some at a time, together with where it stands.
A pack that ended in the middle, however, goes on from there when it is started again, and its records are those of a pack
that was never interrupted.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np
from tqdm import tqdm

from ppocr_like.contracts import Rejected
from ppocr_like.data.base import read_image
from ppocr_like.data.census import count_further
from ppocr_like.data.label_index import LabelIndex
from ppocr_like.data.lmdb_store import FILE
from ppocr_like.data.pack_writer import COMMIT_LINES, LEFT_OUT, LOCK, Entry, PackWriter, Part
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.documents.formats.label_line import parse_line
from ppocr_like.errors import DataError
from ppocr_like.outputs import claim
from ppocr_like.transforms.decode import DecodeImage

logger = logging.getLogger("ppocr_like")
_TASK = 64  # lines per task
_AHEAD = 4  # tasks per thread that are worked at while earlier ones are written
Task = tuple[LabelIndex, int, int]  # label file, first line, end


@dataclass(frozen=True)
class Packed:
    """What `pack` gave; `resumed`: lines that an earlier call had dealt with."""

    folder: str
    lines: int
    records: int
    left_out: dict[str, int]
    resumed: int

    def text(self) -> str:
        """For people."""
        rows = [f"{self.folder}: {self.records:,} records of {self.lines:,} lines"]
        if self.resumed:
            rows.append(f"  {self.resumed:,} lines were packed by an earlier call")
        if self.left_out:
            rows.append(f"  left out: {sum(self.left_out.values()):,}, named in {os.path.join(self.folder, LEFT_OUT)}")
            rows += [f"    {count:,} x {reason}" for reason, count in sorted(self.left_out.items(), key=lambda item: -item[1])]
        return "\n".join(rows)


def pack(
    label_files: Sequence[str],
    data_dir: str,
    out: str,
    *,
    delimiter: str = "\t",
    check: bool = True,
    threads: int | None = None,
    commit_lines: int = COMMIT_LINES,
    progress: bool = True,
) -> Packed:
    """Writes the LMDB folder `out`, or goes on where an earlier call with the same arguments ended.

    A line that names several images of one text gives a record for each. Images stand in the file as they are on the disk.

    Args:
        label_files, data_dir, delimiter: as in SimpleDataSet.
        out: the folder, made when missing.
        check: decode every image and leave out those that cannot be used; otherwise only missing and empty ones.
        threads: that read and check; None: one per core.
        commit_lines: after so many lines at the latest what was done is safe.
        progress: a bar on a terminal.

    Raises:
        ConfigError: a label file that cannot be read; `data_dir` is no folder.
        DataError: a `data_dir` without the images; `out` holds other data or cannot
            be written; no image could be used.
    """
    dataset = SimpleDataSet(data_dir, list(label_files), delimiter=delimiter)
    indexes = dataset.indexes  # says a wrong data_dir
    lost = count_further(dataset)
    if lost.count:
        what = "lines have further columns behind the text, which are not packed"
        logger.warning("%s %s (first: %s)", f"{lost.count:,}", what, lost.places[0])
    sources = {
        "label_files": [asdict(index.key) for index in indexes],
        "data_dir": os.path.abspath(data_dir),
        "delimiter": delimiter,
        "check": check,
    }
    claim([os.path.join(out, name) for name in (FILE, LOCK, LEFT_OUT)], label_files, advice="choose another folder with --out")
    total = sum(len(index) for index in indexes)
    reader = _Reader(data_dir, delimiter, check)
    with PackWriter(out, sources, commit_lines) as writer:
        resumed = writer.state.done
        if not writer.state.finished:
            parts = _in_order(_tasks(indexes, resumed), reader, threads or os.cpu_count() or 1)
            with tqdm(total=total, initial=resumed, desc="packing", unit="line", disable=None if progress else True) as bar:
                for part in parts:
                    writer.add(part)
                    bar.update(part.lines)
            writer.finish()
        state = writer.state
    if not state.records:
        raise DataError(f"no image could be used: {state.left_out}; check data_dir and remove this folder", out)
    return Packed(out, total, state.records, state.left_out, resumed)


def _tasks(indexes: list[LabelIndex], start: int) -> Iterator[Task]:
    """What comes after the first `start` lines of all files."""
    before = 0
    for index in indexes:
        for first in range(max(0, start - before), len(index), _TASK):
            yield index, first, min(first + _TASK, len(index))
        before += len(index)


def _in_order(tasks: Iterator[Task], reader: _Reader, threads: int) -> Iterator[Part]:
    """The parts in the order of their tasks; only so many are held as the threads need."""
    waiting: deque[Future[Part]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for task in tasks:
            waiting.append(pool.submit(reader, *task))
            if len(waiting) > _AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Reader:
    """What runs in the threads: lines to entries."""

    def __init__(self, data_dir: str, delimiter: str, check: bool) -> None:
        self.data_dir, self.delimiter = data_dir, delimiter
        self.decode = DecodeImage("BGR") if check else None

    def __call__(self, index: LabelIndex, start: int, end: int) -> Part:
        return Part(end - start, [entry for position in range(start, end) for entry in self._line(index, position)])

    def _line(self, index: LabelIndex, position: int) -> Iterator[Entry]:
        number = index.line_number(position)
        try:
            names, text, _ = parse_line(index.read(position), self.delimiter)
        except Rejected as error:
            yield Entry(index.path, number, "", reason=error.reason)
            return
        for name in names:
            path = os.path.join(self.data_dir, name)
            try:
                raw = read_image(path)
                if self.decode is not None:
                    self.decode({"image": raw, "img_path": path}, np.random.default_rng(0))
            except Rejected as error:
                yield Entry(index.path, number, path, reason=error.reason)
            else:
                yield Entry(index.path, number, path, text, raw.tobytes())
