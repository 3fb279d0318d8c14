"""What a tool writes is looked at before it begins: the places can be written, and none of them is something that it reads.

Every tool that writes calls `claim` with the files that it will write and those that it reads. Two names are one file when the
system says so (device and number), so neither links, `..` nor letter case hide an input; names that differ in letter case alone
count as one too, because other systems take them for one.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ppocr_like.atomic import refuse_special
from ppocr_like.errors import DataError

IMAGE_ENDINGS = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".jp2", ".j2k", ".avif", ".pbm", ".pgm", ".ppm"}
)
_OF_FOLDERS = frozenset({".safetensors", ".ckpt", ".pdparams", ".pth", ".pt", ".onnx", ".yml", ".yaml", ".mdb"})
AnyPath = str | os.PathLike[str]
_Identity = tuple[int, int]


def claim(
    outputs: Iterable[AnyPath], reads: Iterable[AnyPath | None] = (), *, advice: str, images: Iterable[AnyPath] = ()
) -> None:
    """Makes sure that all `outputs` can be written, and that writing them destroys nothing that is read.

    Args:
        outputs: files that will be written. Missing folders above them are made.
        reads: files that are read; of a folder (a bundle, a run, an LMDB folder) the models, recipes and data directly in it.
            None is skipped.
        advice: what to do instead, "choose another folder with --out".
        images: folders of images named in label files, which may be millions: any image that is in there counts as read.

    Raises:
        DataError: names the output, what it would replace, and `advice`; or says why it cannot be written.
    """
    inputs = _Inputs(reads, images)
    ready: set[Path] = set()
    for output in outputs:
        path = Path(output)
        taken = inputs.same_as(path)
        if taken is not None:
            told = f"it would replace {taken}, which is read" if str(taken) != str(path) else "it is read, and would be replaced"
            raise DataError(f"cannot be written: {told}; {advice}", str(path))
        try:
            refuse_special(path)
            if path.parent not in ready:
                _make_ready(path.parent)
                ready.add(path.parent)
        except (OSError, ValueError) as error:
            raise DataError(f"cannot be written ({getattr(error, 'strerror', None) or error}); {advice}", str(path)) from error


def within(folder: str, path: str) -> bool:
    """Whether `path` is `folder` or lies below it; both as `os.path.realpath` gives them."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


class _Inputs:
    """Tells whether a path leads to something that is read."""

    def __init__(self, reads: Iterable[AnyPath | None], images: Iterable[AnyPath]) -> None:
        self._files: dict[_Identity, Path] = {}
        self._names: dict[tuple[_Identity, str], Path] = {}
        for path in _files_of(reads):
            identity, folder = _identity(path), _identity(path.parent)
            if identity is not None:
                self._files.setdefault(identity, path)
            if folder is not None:
                self._names.setdefault((folder, path.name.casefold()), path)
        self._folders = [os.path.realpath(folder) for folder in images]

    def same_as(self, path: Path) -> Path | None:
        """The input that `path` would replace."""
        identity, folder = _identity(path), _identity(path.parent)
        if identity is not None and identity in self._files:
            return self._files[identity]
        if folder is not None and (folder, path.name.casefold()) in self._names:
            return self._names[folder, path.name.casefold()]
        if identity is not None and path.suffix.lower() in IMAGE_ENDINGS and self._among_images(path):
            return path
        return None

    def _among_images(self, path: Path) -> bool:
        real = os.path.join(os.path.realpath(path.parent), path.name)
        return any(within(folder, real) for folder in self._folders)


def _files_of(reads: Iterable[AnyPath | None]) -> Iterator[Path]:
    for read in reads:
        if read is None or not str(read):
            continue
        path = Path(read).expanduser()
        try:
            if path.is_dir():
                yield from (inside for inside in path.iterdir() if inside.suffix.lower() in _OF_FOLDERS)
            else:
                yield path
        except (OSError, ValueError):  # whoever reads it says what is wrong
            continue


def _identity(path: Path) -> _Identity | None:
    """What the system calls the file that a path leads to; None where there is none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _make_ready(folder: Path) -> None:
    """Makes the folder, and a file in it for a moment: permissions alone do not tell (a full or read-only disk)."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
