"""What packing reads of a data set: lines to entries, in threads or processes."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import cv2
import numpy as np

from ppocr_like.contracts import Rejected
from ppocr_like.data.base import Dataset
from ppocr_like.data.lines.line_set import LineSet
from ppocr_like.data.lines.lines import NO_MARKS
from ppocr_like.data.orphans import end_with_parent
from ppocr_like.data.pack_writer import Entry, Part
from ppocr_like.transforms.channels import split_gray
from ppocr_like.transforms.decode import DecodeImage
from ppocr_like.transforms.header import read_header

_TASK = 64  # lines per task, or more where a page has more
_LARGEST = 512  # lines of a page that are read together
_PNG = b"\x89PNG\r\n\x1a\n"
_PLAIN = (0, 2, 3)  # PNG's colour types without alpha
# Higher levels take two to four times as long for a tenth of the size (lines of four archives).
_LEVEL = (cv2.IMWRITE_PNG_COMPRESSION, 1)


def tasks(dataset: Dataset, start: int) -> Iterator[tuple[int, int]]:
    """(first line, end) of what comes after the first `start` lines; lines of a page are read together."""
    count = len(dataset)
    if not isinstance(dataset, LineSet):
        yield from ((first, min(first + _TASK, count)) for first in range(start, count, _TASK))
        return
    borders = dataset.page_starts()
    for end in [*borders[borders > start].tolist(), count]:
        if end - start >= _TASK or end == count:
            yield from ((first, min(first + _LARGEST, end)) for first in range(start, end, _LARGEST))
            start = end


class SetReader:
    """What runs in the workers.

    Args:
        dataset: whose lines are read.
        check: decode every image and refuse what cannot be used; otherwise only what is missing and empty.
        png: encoded images that are no plain PNG become PNG. Pictures, which a set of pages gives, always do.
    """

    def __init__(self, dataset: Dataset, check: bool, png: bool) -> None:
        self.dataset, self.check, self.png = dataset, check, png
        self.decode = DecodeImage("BGR")
        steps = [step for step in dataset.transforms if isinstance(step, DecodeImage)]
        self.swapped = bool(steps) and steps[0].img_mode == "RGB"  # a set's own pictures come as its chain decodes them

    def __call__(self, start: int, stop: int) -> Part:
        return Part(stop - start, [entry for index in range(start, stop) for entry in self._line(index)])

    def _line(self, index: int) -> Iterator[Entry]:
        record = self.dataset.record(index)
        info = record.info
        if record.error is not None:
            yield Entry(info.file, info.line, "", reason=record.error.reason)
            return
        marks = self.dataset.marks_of(index) if isinstance(self.dataset, LineSet) else NO_MARKS
        for path in record.paths:
            try:
                image = self._image(path)
            except Rejected as error:
                yield Entry(info.file, info.line, path, reason=error.reason, id=info.id)
            else:
                yield Entry(info.file, info.line, path, info.text, image, id=info.id, marks=marks, base_dir=info.base_dir)

    def _image(self, path: str) -> bytes:
        image = self.dataset.read_image(path)
        if image.ndim > 1:
            return encoded(image, self.swapped)
        if self.png and not _plain_png(image):
            return encoded(self.decode({"image": image, "img_path": path}, np.random.default_rng(0))["image"])
        if self.check:
            self.decode({"image": image, "img_path": path}, np.random.default_rng(0))
        return image.tobytes()


def encoded(picture: np.ndarray, swapped: bool = False) -> bytes:
    """PNG of (H, W), (H, W, 1) or (H, W, 3) uint8; three equal channels that share their memory become one.

    Args:
        swapped: it is RGB, not BGR.
    """
    pixels, repeated = split_gray(picture)
    if swapped and not repeated and pixels.ndim == 3 and pixels.shape[2] == 3:
        pixels = pixels[:, :, ::-1]
    return cv2.imencode(".png", np.ascontiguousarray(pixels), _LEVEL)[1].tobytes()


def _plain_png(image: np.ndarray) -> bool:
    """Whether any reader shows the file as DecodeImage does: no alpha, no 16 bits, not to be turned."""
    head = image[:32].tobytes()
    if not head.startswith(_PNG) or head[24] > 8 or head[25] not in _PLAIN or b"eXIf" in image.tobytes():
        return False
    header = read_header(image)
    return header is None or not header.alpha


class _Worker:
    """What a worker process was given at its start."""

    reader: SetReader | None = None


def begin_worker(reader: SetReader, parent: int | None) -> None:
    """Starts a worker process. Ctrl-C is left to the main process; a forked worker is told that one's id."""
    if parent is not None:
        end_with_parent(parent)
    _Worker.reader = reader
    cv2.setNumThreads(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def read_in_worker(start: int, stop: int) -> Part:
    """The reader's part."""
    assert _Worker.reader is not None
    return _Worker.reader(start, stop)
