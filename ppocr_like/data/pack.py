"""Data sets -> one LMDB folder that `LMDBDataSet`, PaddleOCR and deep-text-recognition-benchmark read, or kraken's Arrow file.

Lines are read, cut and checked on all cores; the main process writes them in order, some at a time. The records, and the bytes of
the file, do not depend on the number of workers. An LMDB folder also holds where the writing stands: a pack that ended in the
middle, however, goes on from there when it is started again, and its records are those of a pack that was never interrupted. An
Arrow file is there when all of it is.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from typing import Any

from tqdm import tqdm

from ppocr_like.data.apart import cores
from ppocr_like.data.base import Dataset
from ppocr_like.data.census import count_further
from ppocr_like.data.drawn import DrawnDataset
from ppocr_like.data.lines.line_set import LineSet
from ppocr_like.data.lmdb_store import FILE
from ppocr_like.data.pack_arrow import ArrowPack, left_out_path
from ppocr_like.data.pack_reader import SetReader, begin_worker, read_in_worker, tasks
from ppocr_like.data.pack_writer import COMMIT_LINES, LEFT_OUT, LOCK, Entry, PackWriter, Part
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.errors import DataError
from ppocr_like.outputs import claim

logger = logging.getLogger("ppocr_like")
_AHEAD = 4  # tasks per worker that are worked at while earlier ones are written
ARROW = ".arrow"


@dataclass(frozen=True)
class Packed:
    """What `pack` gave; `resumed`: lines that an earlier call had dealt with."""

    place: str
    lines: int
    records: int
    left_out: dict[str, int]
    resumed: int
    names: str = ""

    def text(self) -> str:
        """For people."""
        rows = [f"{self.place}: {self.records:,} records of {self.lines:,} lines"]
        if self.resumed:
            rows.append(f"  {self.resumed:,} lines were packed by an earlier call")
        if self.left_out:
            rows.append(f"  left out: {sum(self.left_out.values()):,}, named in {self.names}")
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
    """Packs label files and their images, see `pack_set`.

    A line that names several images of one text gives a record for each. In an LMDB folder images stand as they are on the disk.

    Args:
        label_files, data_dir, delimiter: as in SimpleDataSet.
    """
    dataset = SimpleDataSet(data_dir, list(label_files), delimiter=delimiter)
    lost = count_further(dataset)  # says a wrong data_dir
    if lost.count:
        what = "lines have further columns behind the text, which are not packed"
        logger.warning("%s %s (first: %s)", f"{lost.count:,}", what, lost.places[0])
    sources = {
        "label_files": [asdict(index.key) for index in dataset.indexes],
        "data_dir": os.path.abspath(data_dir),
        "delimiter": delimiter,
        "check": check,
    }
    return pack_set(
        dataset, out, sources, check=check, workers=threads, commit_lines=commit_lines, progress=progress, reads=label_files
    )


def pack_set(
    dataset: DrawnDataset,
    out: str,
    sources: dict[str, Any],
    *,
    cut: str | None = None,
    check: bool = True,
    workers: int | None = None,
    commit_lines: int = COMMIT_LINES,
    progress: bool = True,
    reads: Sequence[str] = (),
) -> Packed:
    """Writes the LMDB folder `out`, or goes on where an earlier call with the same arguments ended; or the file `out`.arrow.

    Pictures that a set cuts out of pages become PNG; in an Arrow file all images are PNG. Texts stand as the source has them.

    Args:
        dataset: all its samples are packed, in their order; its chain is not run.
        out: an LMDB folder, made when missing; or a file whose name ends in .arrow.
        sources: what is packed, by which an LMDB folder of other data is told.
        cut: of an Arrow file, how its lines were cut: "baselines" or "bbox"; None: as the set knows.
        check: decode every image and leave out those that cannot be used; otherwise only missing and empty ones.
        workers: that read, cut and check: threads; of sets of lines processes. None: one per core.
        commit_lines: after so many lines at the latest what was done is safe in the LMDB folder.
        progress: a bar on a terminal.
        reads: files that are read and must not be written over.

    Raises:
        ConfigError: see the data set.
        DataError: likewise; `out` holds other data or cannot be written; no image could be used; a process died.
    """
    arrow = out.lower().endswith(ARROW)
    names = left_out_path(out) if arrow else os.path.join(out, LEFT_OUT)
    places = [out, names] if arrow else [os.path.join(out, name) for name in (FILE, LOCK)] + [names]
    claim(places, [*reads, *dataset.label_files], advice="choose another name with --out")
    total, first = len(dataset), _left_out(dataset)
    kind = (cut or (dataset.cut_as() if isinstance(dataset, LineSet) else "bbox")) if arrow else ""
    reader = SetReader(dataset, check, arrow)
    with ArrowPack(out, kind, sources) if arrow else PackWriter(out, sources, commit_lines) as writer:
        resumed = writer.state.done
        if not writer.state.finished:
            if not resumed:
                writer.add(Part(0, first))
            with tqdm(total=total, initial=resumed, desc="packing", unit="line", disable=None if progress else True) as bar:
                for part in _in_order(reader, resumed, workers or cores()):
                    writer.add(part)
                    bar.update(part.lines)
            writer.finish()
        state = writer.state
    if not state.records:
        raise DataError(f"no image could be used: {state.left_out}; check data_dir and remove this folder", out)
    return Packed(out, total + len(first), state.records, state.left_out, resumed, names)


def _left_out(dataset: Dataset) -> list[Entry]:
    """What a set of lines leaves out before a picture is looked at."""
    if not isinstance(dataset, LineSet):
        return []
    for note in dataset.notes():
        logger.info("%s", note)
    return [Entry(row.file, 0, row.detail, reason=row.reason, id=row.id) for row in dataset.left_out()]


def _in_order(reader: SetReader, start: int, workers: int) -> Iterator[Part]:
    """The parts in the order of their tasks; only so many are held as the workers need."""
    waiting: deque[Future[Part]] = deque()
    pool: Executor
    if isinstance(reader.dataset, LineSet):
        forks = sys.platform == "linux"
        given = (reader, os.getpid() if forks else None)
        pool, read = ProcessPoolExecutor(workers, get_context("fork" if forks else "spawn"), begin_worker, given), read_in_worker
    else:
        pool, read = ThreadPoolExecutor(workers), reader
    try:
        for task in tasks(reader.dataset, start):
            waiting.append(pool.submit(read, *task))
            if len(waiting) > _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise DataError("a process that reads lines died, most likely because memory ran out; try fewer workers") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
