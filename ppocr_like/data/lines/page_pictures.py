"""Decoded pages, the latest ones kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from ppocr_like.contracts import Rejected
from ppocr_like.data.base import read_image
from ppocr_like.data.lines.page_index import PageOf
from ppocr_like.transforms.base import Transform
from ppocr_like.transforms.decode import DecodeImage

CHANGED = "image changed while in use"


def page_decoder(transforms: Sequence[Transform], as_stored: bool = False) -> DecodeImage:
    """The chain's own decoding step (BGR where there is none), as pages are cut from: height, width, channels.

    Args:
        as_stored: leave the Exif orientation aside, whatever the step does.
    """
    step = next((step for step in transforms if isinstance(step, DecodeImage)), None)
    if step is None:
        return DecodeImage("BGR", ignore_orientation=as_stored)
    return DecodeImage(
        step.img_mode,
        ignore_orientation=step.ignore_orientation or as_stored,
        max_pixels=step.max_pixels,
        paper=step.paper,
        paddle_exact=step.drop_alpha,
    )


class PagePictures:
    """Decodes pages; threads may share it.

    Args:
        upright, stored: decoders of pages that are shown by their Exif orientation, and of those that are not.
        most: bytes of decoded pages that are kept; the latest page is kept however large it is.
    """

    def __init__(self, upright: DecodeImage, stored: DecodeImage, most: int) -> None:
        self.upright, self.stored, self.most = upright, stored, most
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, page: PageOf) -> np.ndarray:
        """(H, W, 3) uint8; of a gray file three equal channels that share their memory.

        Raises:
            Rejected: the image cannot be decoded, or is of another size than when the pages were read.
        """
        with self._lock:
            picture = self._kept.get(page.xml)
            if picture is not None:
                self._kept.move_to_end(page.xml)
                return picture
        decoder = self.stored if page.stored else self.upright
        sample = {"image": read_image(page.image), "img_path": page.image}
        try:
            picture = decoder(sample, np.random.default_rng(0))["image"]
        except Rejected as error:
            raise Rejected(error.reason, f"{page.image}: {error.detail}") from error
        size = picture.shape[1], picture.shape[0]
        if size != page.size:
            was, now = (f"{width} x {height}" for width, height in (page.size, size))
            raise Rejected(CHANGED, f"{page.image} had {was} px when the pages were read, and has {now} now")
        with self._lock:
            if page.xml not in self._kept:
                self._kept[page.xml] = picture
                self._size += _bytes_of(picture)
            while self._size > self.most and len(self._kept) > 1:
                self._size -= _bytes_of(self._kept.popitem(last=False)[1])
        return picture

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_kept": OrderedDict(), "_size": 0, "_lock": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()


def _bytes_of(picture: np.ndarray) -> int:
    """Of memory: three equal channels are one."""
    return picture.nbytes // (picture.shape[2] if picture.strides[2] == 0 else 1)
