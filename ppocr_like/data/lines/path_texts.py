"""The texts that stand beside images of lines, each in a file of its own: read in processes, kept beside the run."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple, TypeVar

import numpy as np

from ppocr_like.data.apart import cores, in_processes, may_fork
from ppocr_like.data.cache import FileKey, cache_path, load_array, store_array
from ppocr_like.outside import read_file

logger = logging.getLogger("ppocr_like")
SUFFIX = ".gt.txt"
NO_TEXT, UNREADABLE, NOT_UTF8 = "image without a .gt.txt", "text that cannot be read", "text not in UTF-8"
FAULTS = ("", NO_TEXT, UNREADABLE, NOT_UTF8)
_LARGEST = 1 << 20  # bytes of a line's text
_CHUNK = 1024  # images per task
_MANY = 10_000  # images from which on starting processes pays
_ROW = np.dtype([("end", np.int64), ("fault", np.uint8), ("blank", np.bool_)])
_LAYOUT = "texts, 1"
Made = TypeVar("Made")


class PathTexts(NamedTuple):
    """The texts of n images.

    Args:
        key: state of all images and texts.
        bytes: UTF-8 of all texts, one after the other; rows: (n,) where each ends there (`end`), its `fault` (place in FAULTS),
            and whether it is empty, or blanks alone (`blank`).
    """

    key: FileKey
    bytes: np.ndarray
    rows: np.ndarray

    def texts(self, positions: Sequence[int]) -> list[str]:
        """Of some images."""
        places, ends = np.asarray(positions, np.int64), self.rows["end"]
        begins = np.where(places > 0, ends[places - 1], 0)
        view = self.bytes.data
        return [str(view[begin:end], "utf-8") for begin, end in zip(begins.tolist(), ends[places].tolist(), strict=True)]


def read_texts(name: str, images: Sequence[str], cache_dir: str | Path | None) -> PathTexts:
    """The texts beside some images. Of a million every file is looked at in each start, and read again where one changed.

    Args:
        name: of their source.
        cache_dir: where they are kept as memory maps; None keeps them in memory.

    Raises:
        DataError: a process died.
    """
    digest, size = hashlib.sha256(_LAYOUT.encode()), 0
    for part, bytes_of in _mapped(_state, images, name):
        digest.update(part)
        size += bytes_of
    key = FileKey(os.path.abspath(name), size, int.from_bytes(digest.digest()[:7], "little"))
    places = [cache_path(cache_dir, key, kind) for kind in ("path-bytes", "path-rows")] if cache_dir is not None else []
    kept = [load_array(place) for place in places]
    if kept and kept[0] is not None and kept[1] is not None and kept[1].dtype == _ROW and len(kept[1]) == len(images):
        return PathTexts(key, np.asarray(kept[0]), np.asarray(kept[1]))
    if len(images) >= _MANY:
        logger.info("%s: reading %s texts in %d processes; they are kept for the next start", name, f"{len(images):,}", cores())
    made = list(_mapped(_read_many, images, name))
    texts = np.frombuffer(b"".join(raw for raw, _ in made), np.uint8)
    rows = np.concatenate([np.zeros(0, _ROW), *(rows for _, rows in made)])
    rows["end"] = np.cumsum(rows["end"])
    arrays = [texts, rows]
    if places:
        arrays = [np.asarray(store_array(place, array)) for place, array in zip(places, arrays, strict=True)]
    return PathTexts(key, *arrays)


def text_path(image: str) -> str:
    """Where an image's text stands: under its name without all extensions."""
    folder, name = os.path.split(image)
    stem, dot, rest = name.partition(".")
    if not stem or (dot and (rest.endswith(".") or rest.startswith(".") or ".." in rest or not rest)):  # no plain extensions
        path = PurePath(name)
        while path.suffix:
            path = path.with_suffix("")
        stem = str(path)
    return os.path.join(folder, stem + SUFFIX)


def _mapped(work: Callable[[Sequence[str]], Made], images: Sequence[str], name: str) -> Iterator[Made]:
    chunks = [images[start : start + _CHUNK] for start in range(0, len(images), _CHUNK)]
    apart = len(images) >= _MANY and may_fork() and cores() > 1
    yield from in_processes(work, chunks, name) if apart else map(work, chunks)


def _state(images: Sequence[str]) -> tuple[bytes, int]:
    """(a digest of the paths, sizes and times of images and their texts, bytes of them all)."""
    digest, size = hashlib.sha256(), 0
    for image in images:
        for path in (image, text_path(image)):
            try:
                stat = os.stat(path)
                told = stat.st_size, stat.st_mtime_ns
            except (OSError, ValueError):
                told = -1, 0
            digest.update(f"{path}\0{told}\n".encode("utf-8", "surrogateescape"))
            size += max(told[0], 0)
    return digest.digest(), size


def _read_many(images: Sequence[str]) -> tuple[bytes, np.ndarray]:
    """(their texts one after the other, their rows with the length of each text as `end`)."""
    texts, rows = [], np.zeros(len(images), _ROW)
    for number, image in enumerate(images):
        raw, fault = _read(text_path(image))
        rows[number] = len(raw), fault, not fault and not raw.decode().strip()
        texts.append(raw)
    return b"".join(texts), rows


def _read(path: str) -> tuple[bytes, int]:
    """(a text's UTF-8, place in FAULTS)."""
    try:
        raw = read_file(path, _LARGEST)
    except FileNotFoundError:
        return b"", 1
    except OSError:
        return b"", 2
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return b"", 3
    return text.replace("\r\n", "\n").replace("\r", "\n").strip("\n").encode(), 0
