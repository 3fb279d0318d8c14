"""Files that are either there whole or not at all: written beside, flushed to the disk, renamed over.

Nothing is written through a symbolic link: a link that somebody has put under a result's name is replaced (or, where lines are
appended, refused), and what it points to stays as it is.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from ppocr_like.errors import CheckpointError

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has none
_BINARY = getattr(os, "O_BINARY", 0)
_LONGEST = 200  # bytes of a name that a mark can still be added to; file systems take 255


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


def atomic_write(
    path: str | Path, writer: Callable[[BinaryIO], object], *, sync: bool = True, keep: str | Path | None = None
) -> None:
    """Calls `writer(file)` on a new file beside `path`, flushes it to the disk and renames it to `path`.

    A file of that name that existed before stays untouched until the new one is complete; whatever happens, also Ctrl-C,
    no half-written file is left under `path` (a SIGKILL can leave `.NAME.tmp`, which the next write replaces).
    A symbolic link under `path` is replaced, not followed. Missing parent folders are made.

    Args:
        path: the file.
        writer: gets the new file, open for binary writing.
        sync: wait until the disk has it. False for the many small files of a call that can be repeated.
        keep: the file that was `path` until now gets this name (in the same folder), once the new one is complete.

    Raises:
        CheckpointError: no permission, disk full, file too large, or a folder, device or pipe of that name; names the file, the
            cause and that nothing was lost.
    """
    path = Path(path)
    temporary = _beside(path)
    handle: _Handle | None = None
    complete = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        refuse_special(path)
        with _new_file(temporary) as file:
            handle = _Handle(file)
            writer(handle)  # type: ignore[arg-type]
            file.flush()
            if sync:
                os.fsync(file.fileno())
        if keep is not None and path.exists() and not path.is_symlink():
            _keep(path, Path(keep))
        os.replace(temporary, path)
        complete = True
        if sync:
            _sync_folder(path.parent)
    except (OSError, RuntimeError, ValueError) as error:
        cause = (handle.error if handle else None) or error
        if isinstance(cause, BrokenPipeError):  # the reader of what the writer prints is gone
            raise
        if not isinstance(error, OSError) and not (handle and handle.error) and not _bad_name(path):
            raise
        kept = " the file of that name that was there before is untouched" if os.path.exists(path) else " nothing was written"
        reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
        raise CheckpointError(f"cannot write {path}: {reason};{kept}. Free some space or choose another folder") from error
    finally:
        if not complete:
            _remove(temporary)


def write_bytes(path: str | Path, data: bytes, *, sync: bool = True) -> None:
    """`data` as a whole file; see `atomic_write`."""
    atomic_write(path, lambda file: file.write(data), sync=sync)


def write_text(path: str | Path, text: str, *, sync: bool = True) -> None:
    """`text` as a whole UTF-8 file; see `atomic_write`. Bytes of file names that are no UTF-8 are written as they are."""
    write_bytes(path, text.encode("utf-8", "surrogateescape"), sync=sync)


def open_to_append(path: str | Path) -> TextIOWrapper:
    """A UTF-8 text file whose end is written on, made when missing.

    Raises:
        OSError: it cannot be written; it is a symbolic link, which could lead to a file that is none of ours; it is no file.
    """
    refuse_link(Path(path))
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_LINK | _BINARY, 0o666)
    return open(handle, "a", encoding="utf-8", errors="surrogateescape", newline="\n")


def open_lock(path: str | Path) -> TextIOWrapper:
    """A file to hold a record lock on: read from its start, written at its end. Raises as `open_to_append`."""
    refuse_link(Path(path))
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _NO_LINK | _BINARY, 0o666)
    return open(handle, "a+", encoding="utf-8")


def refuse_link(path: Path) -> None:
    """Raises OSError where a file that is changed in place is a symbolic link, or no file."""
    if path.is_symlink():
        raise OSError(f"{path} is a symbolic link, and results are not written through links; remove it")
    refuse_special(path)


def refuse_special(path: Path) -> None:
    """Raises OSError where `path` is a folder, a device or a pipe, or a link to one: a rename would destroy it."""
    try:
        mode = os.stat(path).st_mode
    except OSError:  # it is not there, or a link that leads nowhere
        return
    if not stat.S_ISREG(mode):
        raise OSError(f"it is a {'folder' if stat.S_ISDIR(mode) else 'device or pipe'}; give the name of a file")


def _beside(path: Path) -> Path:
    name = os.fsdecode(os.fsencode(path.name)[:_LONGEST]) if _fits(path.name) else "result"
    return path.with_name(f".{name}.tmp")


def _new_file(path: Path) -> BinaryIO:
    """A file that was not there; what a killed process or somebody else left under the name is removed, never written to."""
    path.unlink(missing_ok=True)
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | _BINARY, 0o666), "wb")


def _fits(name: str) -> bool:
    """Whether the system can have a file of that name."""
    try:
        return b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:  # a lone surrogate
        return False


def _bad_name(path: Path) -> bool:
    return not _fits(str(path))


def _keep(path: Path, name: Path) -> None:
    """Gives the file a second name, which replaces what had it; `path` stays there all the time."""
    scratch = name.with_name(f".{name.name}.tmp")
    scratch.unlink(missing_ok=True)
    try:
        os.link(path, scratch)
    except OSError:  # a file system without links
        shutil.copyfile(path, scratch)
    os.replace(scratch, name)


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
