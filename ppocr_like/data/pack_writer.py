"""Writes LMDB records in transactions that also hold where the writing stands."""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import lmdb

from ppocr_like.atomic import refuse_link
from ppocr_like.data.lines.lines import NO_MARKS, LineMarks
from ppocr_like.data.lmdb_store import COUNT_KEY, FILE, STATE_KEY, TOLD_KEY, base_dir_key, image_key, label_key
from ppocr_like.errors import DataError
from ppocr_like.outside import parse_json
from ppocr_like.text import BaseDir

LOCK = "lock.mdb"  # beside the data, LMDB's own
LEFT_OUT = "left_out.tsv"  # label file, line, image, reason
_COMMIT_BYTES = 1 << 26  # of images in a transaction
COMMIT_LINES = 1 << 14
_FIRST_MAP = 1 << 26  # bytes; doubled as needed


@dataclass(frozen=True)
class Entry:
    """An image with its text, or (`reason`) why it is left out.

    Args:
        file, line, id: where it stands; what has an id in its file is called by that.
        path: its image; of what is left out also what else there is to say of it.
        text: its label.
        image: encoded.
        reason: why it is left out; "": it is not.
        marks: what an Arrow file says of it beside.
        base_dir: base direction that its file tells; an Arrow file has no place for it.
    """

    file: str
    line: int
    path: str
    text: str = ""
    image: bytes = b""
    reason: str = ""
    id: str = ""
    marks: LineMarks = NO_MARKS
    base_dir: BaseDir = ""


@dataclass(frozen=True)
class Part:
    """What a run of lines gave."""

    lines: int
    entries: list[Entry]

    @property
    def size(self) -> int:
        """Bytes of its images."""
        return sum(len(entry.image) for entry in self.entries)


@dataclass
class PackState:
    """Where packing stands.

    Args:
        sources: what is packed: path, size and time of each label file, and the arguments.
        done: lines of all label files that are dealt with.
        records: written so far.
        left_out: images or lines left out, by reason.
        names_bytes: length of `left_out.tsv`.
        finished: everything is written.
    """

    sources: dict[str, Any]
    done: int = 0
    records: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    names_bytes: int = 0
    finished: bool = False

    def to_bytes(self) -> bytes:
        """As it stands in the LMDB file."""
        return json.dumps(asdict(self), sort_keys=True).encode()


class PackWriter:
    """The one that writes a folder. `state` is what is in the file already: where to go on.

    Args:
        out: the folder; made when missing.
        sources: what is packed, by which a folder of other data is told.
        commit_lines: written in one transaction at most.

    Raises:
        DataError: the folder holds other data or cannot be written, now or later.
    """

    def __init__(self, out: str, sources: dict[str, Any], commit_lines: int = COMMIT_LINES) -> None:
        self.out, self.commit_lines = out, commit_lines
        self._names = Path(out, LEFT_OUT)
        self._pending: list[Part] = []
        self._pending_bytes = self._pending_lines = 0
        try:
            os.makedirs(out, exist_ok=True)
            for name in (FILE, LOCK, LEFT_OUT):
                refuse_link(Path(out, name))
            begun = Path(out, FILE).exists()
            self._map_size = max(_FIRST_MAP, 2 * Path(out, FILE).stat().st_size if begun else 0)
            self._env = lmdb.open(out, map_size=self._map_size)
        except (OSError, lmdb.Error) as error:
            raise DataError(f"cannot be written: {error}", out) from error
        try:
            self.state = self._begin(sources, begun)
        except DataError:
            self._env.close()
            raise

    def _begin(self, sources: dict[str, Any], begun: bool) -> PackState:
        state = PackState(sources)
        found = self._stored()
        if found is None and begun and self._env.stat()["entries"]:
            raise DataError("the folder holds an LMDB file that tools/pack.py did not write; give another folder", self.out)
        if found is not None:
            state = _state(found, self.out)
            if state.sources != sources:
                what = [key for key in sources if state.sources.get(key) != sources[key]]
                raise DataError(
                    f"the folder was packed from something else ({', '.join(what)} differ, or were changed since); "
                    "give another folder, or remove this one",
                    self.out,
                )
        self._written = found
        return state

    def _stored(self) -> bytes | None:
        with self._env.begin() as transaction:
            return transaction.get(STATE_KEY)

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._env.close()

    def add(self, part: Part) -> None:
        """Takes the next lines; writes when enough have come together."""
        self._pending.append(part)
        self._pending_bytes += part.size
        self._pending_lines += part.lines
        if self._pending_bytes >= _COMMIT_BYTES or self._pending_lines >= self.commit_lines:
            self.flush()

    def finish(self) -> None:
        """Writes what is left and `num-samples`, without which nobody reads the folder."""
        self.flush(finished=True)

    def flush(self, finished: bool = False) -> None:
        """One transaction: what is pending, and the state after it."""
        entries = [entry for part in self._pending for entry in part.entries]
        good = [entry for entry in entries if not entry.reason]
        bad = [entry for entry in entries if entry.reason]
        counts = Counter(self.state.left_out) + Counter(entry.reason for entry in bad)
        try:
            after = PackState(
                self.state.sources,
                self.state.done + self._pending_lines,
                self.state.records + len(good),
                dict(sorted(counts.items())),
                self._name(bad),
                finished,
            )
            while not self._write(good, after):
                self._map_size *= 2
                self._env.set_mapsize(self._map_size)
        except (OSError, lmdb.Error) as error:
            raise DataError(f"cannot be written: {error}; run the same command again to go on", self.out) from error
        self.state, self._written = after, after.to_bytes()
        self._pending, self._pending_bytes, self._pending_lines = [], 0, 0

    def _name(self, bad: list[Entry]) -> int:
        """Names what is left out; what an interrupted call wrote beyond its last transaction is cut off. Gives the length."""
        if not bad and not self._names.exists():
            return 0
        refuse_link(self._names)
        with open(self._names, "r+b" if self._names.exists() else "x+b") as stream:
            stream.truncate(self.state.names_bytes)
            stream.seek(self.state.names_bytes)
            for entry in bad:
                stream.write(left_out_row(entry))
            stream.flush()
            os.fsync(stream.fileno())
            return stream.tell()

    def _write(self, good: list[Entry], after: PackState) -> bool:
        """Whether the map had room."""
        with contextlib.suppress(lmdb.MapFullError), self._env.begin(write=True) as transaction:
            if transaction.get(STATE_KEY) != self._written:
                raise DataError("another process packs into this folder; wait for it, or give another folder", self.out)
            for number, entry in enumerate(good, self.state.records + 1):
                transaction.put(image_key(number), entry.image)
                transaction.put(label_key(number), entry.text.encode())
                if entry.base_dir:
                    transaction.put(base_dir_key(number), entry.base_dir.encode())
                    transaction.put(TOLD_KEY, b"1")
            transaction.put(STATE_KEY, after.to_bytes())
            if after.finished:
                transaction.put(COUNT_KEY, b"%d" % after.records)
            return True
        return False


def left_out_row(entry: Entry) -> bytes:
    """A line of `left_out.tsv`."""
    cells = (entry.file, entry.id or str(entry.line or ""), entry.path, entry.reason)
    return "\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in cells).encode("utf-8", "replace") + b"\n"


def _state(stored: bytes, out: str) -> PackState:
    try:
        state = PackState(**parse_json(stored))
        counts = (state.done, state.records, state.names_bytes)
        if not isinstance(state.sources, dict) or not all(isinstance(n, int) and n >= 0 for n in counts):
            raise ValueError("its counts are no numbers")
    except (TypeError, ValueError) as error:
        raise DataError(f"the record of how far packing came is damaged ({error}); remove the folder", out) from error
    return state
