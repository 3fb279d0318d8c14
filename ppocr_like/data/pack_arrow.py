"""Packs into kraken's Arrow file: the lines wait for the last one, and then the file is there."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any

from ppocr_like.atomic import write_bytes
from ppocr_like.data.arrow_file import MAGIC
from ppocr_like.data.arrow_writer import ArrowLine, ArrowWriter
from ppocr_like.data.pack_writer import LEFT_OUT, PackState, Part, left_out_row
from ppocr_like.errors import DataError
from ppocr_like.outside import open_regular


class ArrowPack:
    """The one that writes a file; `state` counts, as that of `PackWriter` does. An interrupted call leaves nothing to go on from.

    Args:
        out: the file; an Arrow file of that name is replaced.
        kind: see `ArrowWriter`.
        sources: what is packed.

    Raises:
        DataError: a file of that name is no Arrow file; it cannot be written; pyarrow is not installed.
    """

    def __init__(self, out: str, kind: str, sources: dict[str, Any]) -> None:
        if os.path.lexists(out) and _head(out) != MAGIC:
            raise DataError("is there and is no Arrow file; choose another name with --out", out)
        self.out = out
        self.left_out = left_out_path(out)
        self.state = PackState(sources)
        self._rows: list[bytes] = []
        self._writer = ArrowWriter(out, kind)

    def __enter__(self) -> ArrowPack:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.__exit__(kind, error, trace)

    def add(self, part: Part) -> None:
        """Takes the next lines."""
        counts = Counter(self.state.left_out)
        for entry in part.entries:
            if entry.reason:
                counts[entry.reason] += 1
                self._rows.append(left_out_row(entry))
            else:
                self._writer.add(ArrowLine(entry.text, entry.image, *entry.marks))
        self.state.left_out = dict(sorted(counts.items()))
        self.state.done += part.lines
        self.state.records = self._writer.records

    def finish(self) -> None:
        """Writes the file, and beside it the names of what is left out; nothing where there is no line."""
        if not self.state.records:
            return
        self._writer.finish()
        if self._rows:
            write_bytes(self.left_out, b"".join(self._rows))
        else:
            Path(self.left_out).unlink(missing_ok=True)  # of an earlier call
        self.state.finished = True


def left_out_path(out: str) -> str:
    """`lines.arrow` -> `lines.left_out.tsv`."""
    return f"{os.path.splitext(out)[0]}.{LEFT_OUT}"


def _head(path: str) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(len(MAGIC))
    except OSError:
        return b""
