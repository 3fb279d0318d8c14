"""What crops of pages have in common."""

from __future__ import annotations

from ppocr_like.transforms.base import GeometricTransform
from ppocr_like.transforms.polygons import PAGE_ENTRIES


class PageCrop(GeometricTransform):
    """A random part of a page, brought to `size`; the arguments of PaddleOCR's EastRandomCropData and RandomCrop."""

    needs = PAGE_ENTRIES
    gives = PAGE_ENTRIES

    def __init__(
        self,
        size: tuple[int, int] = (640, 640),
        max_tries: int = 10,
        min_crop_side_ratio: float = 0.1,
        keep_ratio: bool = True,
    ) -> None:
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"size is {list(size)}; [width, height] in px, each at least 1, is needed")
        if max_tries < 0:
            raise ValueError(f"max_tries is {max_tries}; it must be 0 or more")
        if not 0 <= min_crop_side_ratio <= 1:
            raise ValueError(f"min_crop_side_ratio is {min_crop_side_ratio}; it lies in [0, 1]")
        self.size = (int(size[0]), int(size[1]))
        self.max_tries = max_tries
        self.min_crop_side_ratio = min_crop_side_ratio
        self.keep_ratio = keep_ratio
