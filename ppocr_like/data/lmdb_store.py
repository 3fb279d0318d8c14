"""One LMDB folder of the deep-text-recognition layout, read by record number."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar
from weakref import WeakValueDictionary

from ppocr_like.data.cache import FileKey
from ppocr_like.data.lmdb_file import DamagedLmdb, LmdbFile
from ppocr_like.errors import DataError
from ppocr_like.text import BaseDir

FILE = "data.mdb"
COUNT_KEY = b"num-samples"
DIGESTED = 1_000_000  # records that a digest reads at most
TOLD_KEY = b"base_dir"  # there where some record has a base direction
STATE_KEY = b"ppocr-like-pack"  # JSON of `pack`: where it stands; other programs leave it alone


def image_key(number: int) -> bytes:
    """Key of a record's encoded image; records count from 1."""
    return b"image-%09d" % number


def label_key(number: int) -> bytes:
    """Key of a record's text, UTF-8."""
    return b"label-%09d" % number


def base_dir_key(number: int) -> bytes:
    """Key of a record's base direction, "ltr" or "rtl"; there only where the packed source told one (`TOLD_KEY`)."""
    return b"base_dir-%09d" % number


def find_folders(roots: list[str]) -> list[str]:
    """Every folder at or under the roots that holds a `data.mdb`, sorted by path; links to folders are followed once.

    Raises:
        DataError: a root that is no folder, or under which none is found.
    """
    found: dict[str, list[str]] = {}
    for root in roots:
        if not os.path.isdir(root):
            raise DataError("data_dir is no folder; give an LMDB folder or one above several", root)
        seen: set[str] = set()
        for folder, names, files in os.walk(root, followlinks=True):
            real = os.path.realpath(folder)
            if FILE in files:
                found.setdefault(real, []).append(folder)
            if real in seen:
                names.clear()
            seen.add(real)
        if not seen & found.keys():
            raise DataError(f"no LMDB folder is here or below (none holds {FILE}); tools/pack.py writes one", root)
    # Of several ways to a folder the one without links.
    return sorted(min(ways, key=lambda way: (os.path.abspath(way) != real, way)) for real, ways in found.items())


class LmdbStore:
    """Reads the records of one folder; made with `LmdbStore.of`.

    Every process opens the file for itself, read-only and without locks, and reads it without a memory map (see `lmdb_file`);
    threads and all data sets of a process share one store of a folder.

    Raises:
        DataError: no LMDB file, a damaged or an unfinished one, or without `num-samples`.
    """

    _stores: ClassVar[WeakValueDictionary[str, LmdbStore]] = WeakValueDictionary()

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.key = _key(folder)
        self._lock = threading.Lock()
        self._env: LmdbFile | None = None
        self._process = 0
        self.tells_directions = self.get(TOLD_KEY) is not None
        self.count = self._count()

    @classmethod
    def of(cls, folder: str) -> LmdbStore:
        """The process' store of a folder."""
        name = os.path.realpath(folder)
        store = cls._stores.get(name)
        if store is None or store.key != _key(folder):
            if store is not None:
                store.close()  # the file is another one now
            store = cls._stores[name] = cls(folder)
        return store

    def __reduce__(self) -> tuple[Callable[[str], LmdbStore], tuple[str]]:
        return LmdbStore.of, (self.folder,)

    def close(self) -> None:
        """Closes the file; the next reading opens it again."""
        env, self._env = self._env, None
        if env is not None:
            env.close()

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, None when it is not there.

        Raises:
            DataError: the file was changed while in use, or is damaged.
        """
        try:
            return self._opened().get(key)
        except (DamagedLmdb, OSError) as error:
            raise self._damaged(error) from error

    def base_dir(self, number: int) -> BaseDir:
        """The base direction that a record's source told; "" where it told none."""
        told = self.get(base_dir_key(number)) if self.tells_directions else None
        return "ltr" if told == b"ltr" else "rtl" if told == b"rtl" else ""

    def _damaged(self, error: Exception) -> DataError:
        what = error.strerror or error if isinstance(error, OSError) else error
        return DataError(f"{FILE} cannot be read: {what}; copy it again, or pack it again with tools/pack.py", self.folder)

    def digest(self, most: int = DIGESTED) -> tuple[str, int]:
        """SHA-256 over the labels and the sizes of the encoded images, record by record, in seconds: no image is read.

        It does not depend on where the folder lies, when it was copied, or how its pages are arranged.

        Args:
            most: of larger folders every n-th record is taken, so that no more than so many are read.

        Returns:
            (hexadecimal digest, n).

        Raises:
            DataError: see `get`.
        """
        step, found = -(-self.count // most), hashlib.sha256(b"%d" % self.count)
        opened = self._env is not None and self._process == os.getpid()
        try:
            for label, size in self._sampled(step):
                found.update(b"\n%d %d " % (-1 if label is None else len(label), -1 if size is None else size))
                found.update(label or b"")
        except (DamagedLmdb, OSError) as error:
            raise self._damaged(error) from error
        if not opened:
            self.close()
        return found.hexdigest(), step

    def _sampled(self, step: int) -> Iterator[tuple[bytes | None, int | None]]:
        """(label, bytes of the image) of every `step`-th record; None for what is not there."""
        file = self._opened()
        if step > 1:
            yield from ((file.get(label_key(n)), file.size(image_key(n))) for n in range(1, self.count + 1, step))
            return
        # All of them: two walks in the order of the keys, which is that of the numbers while they have nine digits.
        labels, images = file.walk(label_key(1)), file.walk(image_key(1))
        label, image = next(labels, None), next(images, None)
        for number in range(1, self.count + 1):
            wanted = label_key(number), image_key(number)
            while label is not None and label[0] < wanted[0]:
                label = next(labels, None)
            while image is not None and image[0] < wanted[1]:
                image = next(images, None)
            yield (
                label[2]() if label is not None and label[0] == wanted[0] else None,
                image[1] if image is not None and image[0] == wanted[1] else None,
            )

    def _opened(self) -> LmdbFile:
        if self._env is None or self._process != os.getpid():
            with self._lock:
                if self._env is None or self._process != os.getpid():
                    self.close()  # a forked worker opens the file anew instead of using what its parent opened
                    if _key(self.folder) != self.key:
                        raise DataError("the LMDB file was changed while it was in use; start again", self.folder)
                    self._env, self._process = _open(self.folder), os.getpid()
        return self._env

    def _count(self) -> int:
        written = self.get(COUNT_KEY)
        unfinished = written is None and self.get(STATE_KEY) is not None
        self.close()  # what is not open is not inherited by workers
        if unfinished:
            raise DataError("packing this folder was not finished; run tools/pack.py with the same arguments again", self.folder)
        try:
            count = int(written) if written is not None else -1
        except ValueError:
            count = -1
        if count < 0:
            what = "has no" if written is None else f"has {written[:40]!r} as"
            raise DataError(f"{what} num-samples; records are image-000000001, label-000000001, ... and num-samples", self.folder)
        if count == 0:
            raise DataError("the LMDB folder holds no record", self.folder)
        return count


def _key(folder: str) -> FileKey:
    place = Path(folder, FILE)
    try:
        return FileKey.of(place)
    except OSError as error:
        raise DataError(f"cannot read {FILE} ({error.strerror or error})", folder) from error


def _open(folder: str) -> LmdbFile:
    try:
        return LmdbFile(Path(folder, FILE))
    except (DamagedLmdb, OSError) as error:
        what = error.strerror or error if isinstance(error, OSError) else error
        raise DataError(f"no LMDB file that can be opened ({what}); copy or pack it again", folder) from error
