"""Cut lines kept in an LMDB of the run folder: what the first epoch cuts, later ones read.

Pictures stand as they are, a head and their px: neither packing nor unpacking takes time. Several processes write, each a page at
a time; who is killed in the middle leaves nothing behind. The file is not flushed to the disk for its own sake: what a machine
that went down left is not used again (`_machine`).
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import shutil
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import lmdb
import numpy as np

from ppocr_like.data.cache import FileKey
from ppocr_like.transforms.channels import repeat_gray, split_gray

logger = logging.getLogger("ppocr_like")
_HEAD = struct.Struct("<III")  # height, width, channels; 0 channels: three equal ones, kept once
_KEY = struct.Struct(">Q")
_MAP = 1 << 40  # bytes of address space, not of memory or disk
_READERS = 4096
_BOOT = "/proc/sys/kernel/random/boot_id"


class LineCache:
    """The cut lines of one source, by their positions.

    Args:
        cache_dir: folder of the run's caches.
        key: state of the source's files; digest: of everything else that a picture depends on.
        most: bytes on the disk, after which nothing more is kept.
    """

    _open: ClassVar[dict[tuple[int, str], lmdb.Environment]] = {}  # LMDB allows a process one environment of a file

    def __init__(self, cache_dir: str | Path, key: FileKey, digest: str, most: int) -> None:
        place = hashlib.sha256(f"{key.path}\0{digest}".encode()).hexdigest()[:16]
        self.folder = Path(cache_dir) / f"lines-{place}-{_machine()}-{key.size}-{key.mtime}"
        self.most = most
        self.full = False
        self.failed = False

    def get(self, position: int) -> np.ndarray | None:
        """(H, W, 3) uint8, as it was put; None where it was not."""
        env = self._env()
        if env is None:
            return None
        try:
            with env.begin(buffers=True) as transaction:
                value = transaction.get(_KEY.pack(position))
                return None if value is None else _picture(value)
        except lmdb.Error as error:
            self._fail(error)
            return None

    def put(self, pictures: Iterable[tuple[int, np.ndarray]]) -> None:
        """Keeps pictures by position, together; those that another process put already stay. Nothing, once the file is full."""
        env = self._env()
        if env is None or self.full:
            return
        try:
            with env.begin(write=True) as transaction:
                for position, picture in pictures:
                    transaction.put(_KEY.pack(position), _value(picture), overwrite=False)
            self.full = env.info()["last_pgno"] * env.stat()["psize"] >= self.most
        except (lmdb.Error, OSError) as error:
            self._fail(error)
        if self.full:
            logger.info(
                "%s holds %.1f GB (cache_gb): further lines are cut when they are asked for", self.folder, self.most / 2**30
            )

    def _env(self) -> lmdb.Environment | None:
        if self.failed:
            return None
        name = os.getpid(), str(self.folder)
        env = self._open.get(name)
        if env is None:
            self._leave_parents(str(self.folder))
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                env = lmdb.open(str(self.folder), map_size=_MAP, max_readers=_READERS, sync=False, readahead=False)
                env.reader_check()
            except (lmdb.Error, OSError) as error:
                self._fail(error)
                return None
            self._open[name] = env
            self.full = env.info()["last_pgno"] * env.stat()["psize"] >= self.most
        return env

    @classmethod
    def _leave_parents(cls, folder: str) -> None:
        """A forked process closes what its parent opened, for itself alone: it may not use it, and may not open it beside it."""
        for process, name in list(cls._open):
            if name == folder and process != os.getpid():
                cls._open.pop((process, name)).close()

    def _fail(self, error: Exception) -> None:
        self.failed = True
        logger.warning("%s cannot be used (%s): lines are cut anew in each epoch", self.folder, error)

    def remove_older(self) -> None:
        """Removes what earlier states of the same files, or this machine before it was started again, left."""
        begin = self.folder.name.rsplit("-", 3)[0]
        host = _machine().partition(".")[0]
        for other in self.folder.parent.glob(f"{begin}-{host}.*"):
            if other.name != self.folder.name:
                shutil.rmtree(other, ignore_errors=True)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "failed": False}


def _machine() -> str:
    """The host, and which start of it: px that were in its memory only are lost with it."""
    try:
        with open(_BOOT, encoding="ascii") as file:
            boot = file.read()
    except OSError:
        boot = ""
    return ".".join(hashlib.sha256(part.encode()).hexdigest()[:8] for part in (platform.node(), boot))


def _value(picture: np.ndarray) -> bytes:
    px, repeated = split_gray(picture)
    height, width, channels = picture.shape
    return _HEAD.pack(height, width, 0 if repeated else channels) + np.ascontiguousarray(px).tobytes()


def _picture(value: memoryview) -> np.ndarray:
    height, width, channels = _HEAD.unpack_from(value)
    px = np.frombuffer(value, np.uint8, height * width * (channels or 1), _HEAD.size).copy()
    return px.reshape(height, width, channels) if channels else repeat_gray(px.reshape(height, width))
