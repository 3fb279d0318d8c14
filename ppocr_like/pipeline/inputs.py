"""Which images a person means by files, folders and lists."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path

from ppocr_like.errors import DataError
from ppocr_like.outside import LARGE, Malformed, decode, read_file

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".jp2", ".pbm", ".pgm", ".ppm"})


def natural_key(path: str) -> list[tuple[int, int | str]]:
    """Sorts `line2` before `line10`."""
    return [(0, int(part)) if part.isdecimal() else (1, part.lower()) for part in re.split(r"(\d+)", path)]


def find_images(sources: Iterable[str | Path], suffixes: Collection[str] = SUFFIXES) -> list[str]:
    """Files as given (whatever they are called; missing ones too, so that they are named later), folders with all images in
    them and in folders below, in natural order; patterns (`scans/*.jpg`, `**` too) where no file is called so. Hidden files
    are left out of folders.

    Args:
        sources: what a person named.
        suffixes: of the files that are taken from folders.

    Raises:
        DataError: nothing given, a folder without images, a pattern that fits nothing.
    """
    images: list[str] = []
    for source in sources:
        if os.path.isdir(source):
            inside = sorted(_walk(str(source), suffixes), key=natural_key)
            if not inside:
                raise DataError(f"no images in this folder or below (looked for {', '.join(sorted(suffixes))})", str(source))
            images += inside
        elif has_magic(str(source)) and not os.path.exists(source):
            fitting = sorted((path for path in glob(str(source), recursive=True) if os.path.isfile(path)), key=natural_key)
            if not fitting:
                raise DataError("no file fits this pattern", str(source))
            images += fitting
        else:
            images.append(str(source))
    if not images:
        raise DataError("no images given: name files or folders, or set Global.infer_img")
    return images


def read_list(path: str | Path) -> list[str]:
    """Image paths of a text file, one per line; of a label file the part before the tab.

    Raises:
        DataError: missing, not UTF-8, or empty.
    """
    try:
        text = decode(read_file(path, LARGE))
    except OSError as error:
        raise DataError(f"cannot read the list of images ({error.strerror or error})", str(path)) from error
    except Malformed as error:
        raise DataError(f"the list of images {error}", str(path), error.line) from error
    images = [line.rstrip("\r").partition("\t")[0] for line in text.split("\n") if line.strip()]
    if not images:
        raise DataError("the list of images is empty", str(path))
    return images


def _walk(folder: str, suffixes: Collection[str]) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes:
                yield os.path.join(parent, name)
