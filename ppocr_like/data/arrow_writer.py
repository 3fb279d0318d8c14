"""Writes kraken's compiled line sets (see `arrow_file`): what `ketos train -f binary` and `ArrowDataSet` read."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

from ppocr_like.atomic import atomic_write
from ppocr_like.data.arrow_file import KINDS, META, OURS, SPLITS, pyarrow
from ppocr_like.errors import DataError

BATCH = 100  # lines of a record batch, as kraken's default
_MODES = ("1", "L", "RGB")


class ArrowLine(NamedTuple):
    """A line of the file.

    Args:
        text: as the source has it.
        image: PNG.
        languages: of the text, ISO 639-3.
        split: "train", "validation", "test" or "".
        page: name of its page, "" where it is not known. Lines of a page follow each other.
    """

    text: str
    image: bytes
    languages: Sequence[str] = ()
    split: str = ""
    page: str = ""


class ArrowWriter:
    """Takes lines in their order and writes the file when all are there; until then, and after a stop, there is none.

    The lines wait in a nameless file beside it, for the counts of characters stand before them: kraken reads the alphabet, the
    counts and the colours from the file's metadata. No more than a record batch is held in memory. The same lines give the same
    bytes.

    Args:
        out: the file.
        kind: how its lines were cut, "baselines" or "bbox". kraken straightens grey lines of the latter once more.

    Raises:
        DataError: pyarrow is not installed; the folder cannot be written.
    """

    def __init__(self, out: str, kind: str) -> None:
        self.out, self.kind = out, kind
        self._arrow = arrow = pyarrow(out)
        lines = arrow.struct([("text", arrow.string()), ("im", arrow.binary()), ("language", arrow.list_(arrow.string()))])
        self._schema = arrow.schema([("lines", lines), *((name, arrow.bool_()) for name in SPLITS[1:])])
        self._alphabet, self._languages, self._counts = Counter[str](), Counter[str](), Counter[str]()
        self._pages: list[tuple[str, int]] = []
        self._mode = 0
        self._waiting: list[ArrowLine] = []
        self.records = 0
        try:
            folder = Path(out).parent
            folder.mkdir(parents=True, exist_ok=True)
            self._spool: Any = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed by __exit__)
        except OSError as error:
            raise DataError(f"cannot be written ({error.strerror or error})", out) from error
        self._writer = arrow.ipc.new_file(arrow.PythonFile(self._spool, mode="w"), self._schema)

    def __enter__(self) -> ArrowWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._spool.close()

    def add(self, line: ArrowLine) -> None:
        """Takes the next line.

        Raises:
            DataError: the disk is full.
        """
        self._alphabet.update(line.text)
        self._languages.update(line.languages)
        self._counts[line.split] += 1
        self._mode = max(self._mode, _mode(line.image))
        if self._pages and self._pages[-1][0] == line.page:
            self._pages[-1] = (line.page, self._pages[-1][1] + 1)
        else:
            self._pages.append((line.page, 1))
        self.records += 1
        self._waiting.append(line)
        if len(self._waiting) == BATCH:
            self._flush()

    def finish(self) -> None:
        """Writes the file.

        Raises:
            DataError: the disk is full.
            CheckpointError: see `atomic_write`.
        """
        self._flush()
        try:
            self._writer.close()
            self._spool.flush()
        except OSError as error:
            raise self._failed(error) from error
        atomic_write(self.out, self._assemble)

    def _assemble(self, file: BinaryIO) -> None:
        arrow = self._arrow
        self._spool.seek(0)
        reader = arrow.ipc.open_file(arrow.PythonFile(self._spool, mode="r"))
        with arrow.ipc.new_file(arrow.PythonFile(file, mode="w"), self._schema.with_metadata(self._metadata())) as writer:
            for number in range(reader.num_record_batches):
                writer.write_batch(reader.get_batch(number))

    def _flush(self) -> None:
        if not self._waiting:
            return
        arrow, lines = self._arrow, self._waiting
        rows = [{"text": line.text, "im": line.image, "language": list(line.languages) or None} for line in lines]
        columns = [arrow.array(rows, type=self._schema.field("lines").type)]
        columns += [arrow.array([line.split == name for line in lines], type=arrow.bool_()) for name in SPLITS[1:]]
        try:
            self._writer.write_batch(arrow.RecordBatch.from_arrays(columns, schema=self._schema))
        except OSError as error:
            raise self._failed(error) from error
        self._waiting = []

    def _failed(self, error: OSError) -> DataError:
        return DataError(f"cannot be written ({error.strerror or error}); nothing was written", self.out)

    def _metadata(self) -> dict[bytes, bytes]:
        """What kraken reads before the lines; and, under a key of ours, the pages."""
        known = {
            "type": KINDS[self.kind],
            "alphabet": dict(sorted(self._alphabet.items())),
            "text_type": "raw",
            "image_type": "raw",
            "splits": ["train", "eval", "test"],
            "im_mode": _MODES[self._mode],
            "legacy_polygons": False,
            "languages": dict(sorted(self._languages.items())),
            "counts": {"all": self.records, **{name: self._counts[name] for name in SPLITS[1:]}},
        }
        found = {META: json.dumps(known).encode()}
        if any(name for name, _ in self._pages):
            found[OURS] = json.dumps({"pages": self._pages}).encode()
        return found


def _mode(png: bytes) -> int:
    """Place in _MODES of what the head of a PNG file says of its px."""
    depth, colour = png[24], png[25]
    return 2 if colour in (2, 3, 6) else 0 if depth == 1 else 1
