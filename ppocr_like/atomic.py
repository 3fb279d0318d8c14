"""Files that are either there whole or not at all: written beside, flushed to the disk, renamed over."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ppocr_like.errors import CheckpointError


class _Handle:
    """A binary file that remembers the first failure of a write.

    `torch.save` turns an OSError of the file beneath it into a RuntimeError about positions; the cause (disk full, file
    too large) would be lost.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = self.error or error
            raise

    def flush(self) -> None:
        self._file.flush()

    def __getattr__(self, name: str) -> object:  # seek, tell, fileno ... as the file has them
        return getattr(self._file, name)


def atomic_write(path: str | Path, writer: Callable[[BinaryIO], object]) -> None:
    """Calls `writer(file)` on a new file beside `path`, flushes it to the disk and renames it to `path`.

    A file of that name that existed before stays untouched until the new one is complete; whatever happens, also Ctrl-C,
    no half-written file is left under `path` (a SIGKILL can leave `.NAME.tmp`, which the next write replaces).
    Missing parent folders are made.

    Raises:
        CheckpointError: no permission, disk full, file too large; names the file, the cause and that nothing was lost.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp")
    handle: _Handle | None = None
    complete = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            handle = _Handle(file)
            writer(handle)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        complete = True
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        cause = (handle.error if handle else None) or error
        if isinstance(error, RuntimeError) and not (handle and handle.error):
            raise
        kept = " the file of that name that was there before is untouched" if os.path.exists(path) else " nothing was written"
        reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
        raise CheckpointError(f"cannot write {path}: {reason};{kept}. Free some space or choose another folder") from error
    finally:
        if not complete:
            _remove(temporary)


def _sync_folder(folder: Path) -> None:
    """Makes the rename itself survive a power cut, where the system can do that for folders."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder that may be written but not read: the file itself is safe
        return
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems refuse it for folders
        return
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # no permission in the folder: then the file was never made
        return
