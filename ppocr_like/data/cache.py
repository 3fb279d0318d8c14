"""Arrays kept beside the run, so that a label file is scanned and its images measured once.

A cache file is named after what it was made from (path, size and modification time of the label file): a changed file gets a
new name, and what an older state left is removed. Nothing is ever written into the data folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

logger = logging.getLogger("ppocr_like")


@dataclass(frozen=True)
class FileKey:
    """State of a file: absolute path, size in bytes, modification time in ns."""

    path: str
    size: int
    mtime: int

    @classmethod
    def of(cls, path: str | Path) -> FileKey:
        """Raises OSError when the file cannot be looked at."""
        stat = os.stat(path)
        return cls(os.path.abspath(path), stat.st_size, stat.st_mtime_ns)


def cache_path(cache_dir: str | Path, key: FileKey, kind: str, extra: str = "") -> Path:
    """Name of the array of `kind` made from the file `key`; `extra` is whatever else it depends on."""
    place = hashlib.sha256(f"{key.path}\0{extra}".encode()).hexdigest()[:16]
    return Path(cache_dir) / f"{Path(key.path).stem}-{place}-{key.size}-{key.mtime}.{kind}.npy"


def load_array(path: Path) -> np.ndarray | None:
    """The stored array as a read-only memory map; None when there is none or it is damaged (said)."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        logger.warning("the cache file %s cannot be read (%s); it is made anew", path, error)
        return None


def store_array(path: Path, array: np.ndarray) -> np.ndarray:
    """Writes the array beside, renames it over, and returns it as a memory map.

    A cache that cannot be written (no permission, disk full) costs time later, not the run: it is said, and the array itself
    is returned.
    """
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.unlink(missing_ok=True)  # a link that somebody put there is not followed
        with open(scratch, "xb") as stream:
            np.save(stream, array, allow_pickle=False)
        os.replace(scratch, path)
        _remove_older(path)
    except OSError as error:
        logger.warning("cannot write the cache file %s (%s); the array stays in memory", path, error.strerror or error)
        with contextlib.suppress(OSError):
            scratch.unlink()
        return array
    loaded = load_array(path)
    return array if loaded is None else loaded


def _remove_older(path: Path) -> None:
    """Removes the arrays that earlier states of the same label file left in this cache."""
    *_, kind, _npy = path.name.split(".")
    place = path.name[: -len(f".{kind}.npy")].rsplit("-", 2)[0]
    for other in path.parent.glob(f"*.{kind}.npy"):
        if other.name != path.name and other.name[: -len(f".{kind}.npy")].rsplit("-", 2)[0] == place:
            other.unlink(missing_ok=True)
