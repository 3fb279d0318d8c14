"""Image sizes from file headers, without decoding pixels."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ppocr_like.data.apart import cores, leave_interrupts, may_fork
from ppocr_like.data.heads import FIRST, MORE, head_of, parse_head
from ppocr_like.errors import DataError
from ppocr_like.outside import open_regular
from ppocr_like.transforms.flatten import DAMAGED

logger = logging.getLogger("ppocr_like")
_ORIENTATION = 0x0112  # EXIF tag; 5 to 8 are turned by a quarter
_CHUNK = 1024  # samples per task
_MANY = 20_000  # samples from which on starting processes pays


def header_size(source: str | Path | bytes, exif: bool = True) -> tuple[int, int]:
    """(width, height) px as the decoder will give it; (0, 0) when the header cannot be read.

    Args:
        source: image file, or its bytes.
        exif: the decoder turns the image by its EXIF orientation, as OpenCV does.
    """
    try:
        head = parse_head(source[: FIRST + MORE]) if isinstance(source, bytes) else head_of(source)
        if head is not None:
            width, height, turn = head
            return (height, width) if exif and turn in (5, 6, 7, 8) else (width, height)
        with io.BytesIO(source) if isinstance(source, bytes) else open_regular(source) as stream, Image.open(stream) as image:
            width, height = image.size
            turned = exif and "exif" in image.info and image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    except DAMAGED:
        return 0, 0  # the reader will reject it with its reason
    return (height, width) if turned else (width, height)


def widest(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Of the sizes of one text's images the one with the greatest width at equal height."""
    return max(sizes, key=lambda size: size[0] / size[1] if size[1] else 0.0, default=(0, 0))


def measure(
    count: int, sizes_of: Callable[[int, int], np.ndarray], progress: bool = True, title: str = "image sizes", forks: bool = True
) -> np.ndarray:
    """(count, 2) int32 sizes.

    Many images are measured in processes, one for each core, which beside the waiting for the disk have to read the headers and
    the label file's lines; a few in threads.

    Args:
        count: number of samples.
        sizes_of: start, stop -> (stop - start, 2) width and height px of these samples.
        progress: a bar on a terminal.
        title: what the bar says.
        forks: `sizes_of` works in a forked process.

    Raises:
        DataError: a process died.
    """
    sizes = np.zeros((count, 2), np.int32)
    apart = forks and count >= _MANY and may_fork()
    starts = range(0, count, _CHUNK)
    bar = tqdm(total=count, desc=title, unit="image", leave=False, disable=None if progress else True)
    with ExitStack() as stack:
        stack.enter_context(bar)
        if apart:
            logger.info("%s: reading %s headers in %d processes; they are kept for the next start", title, f"{count:,}", cores())
            work = ProcessPoolExecutor(cores(), get_context("fork"), _take_work, (sizes_of, count))
            made: Iterable[np.ndarray] = stack.enter_context(work).map(_work, starts)
        else:
            threads = stack.enter_context(ThreadPoolExecutor(min(16, 4 * cores())))  # the work is waiting for the disk
            made = threads.map(lambda start: sizes_of(start, min(start + _CHUNK, count)), starts)
        try:
            for start, part in zip(starts, made, strict=True):
                sizes[start : start + len(part)] = part
                bar.update(len(part))
        except BrokenProcessPool as error:
            raise DataError(f"{title}: a process that reads image headers died, most likely because memory ran out") from error
    return sizes


class _Worker:
    """What a worker process was given at its start."""

    given: tuple[Callable[[int, int], np.ndarray], int] | None = None


def _take_work(sizes_of: Callable[[int, int], np.ndarray], count: int) -> None:
    """Starts a worker. Ctrl-C is left to the main process."""
    _Worker.given = sizes_of, count
    leave_interrupts()


def _work(start: int) -> np.ndarray:
    assert _Worker.given is not None
    sizes_of, count = _Worker.given
    return sizes_of(start, min(start + _CHUNK, count))
