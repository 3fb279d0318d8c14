"""Page or photo -> the size a detector reads, in evaluation and inference."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ppocr_like.contracts import Rejected
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.decode import check_canvas

STRIDE = 32  # px: the networks halve a picture five times
LONG_STRIDE = 128  # px: what `resize_long` alone rounds up to, PaddleOCR's max_stride
SMALL = 64  # px: pictures of less height + width are padded to 32 x 32 first
LIMIT_TYPES = ("min", "max", "resize_long")
MAX_WIDTH = 32768  # px; what gets wider (keep_ratio does not bound it) is damaged or a strip, no page


@TRANSFORMS.register()
class DetResizeForTest(Transform):
    """Resizes a picture for a detector, as PaddleOCR's DetResizeForTest.

    Gives `image` (H', W', C) and `shape`, float64 [height and width of the picture as it came, H' / height, W' / width]. Polygons
    stay as they are, in px of the picture as it came. Pictures of less than 64 px of height and width together are padded with 0
    at the right and bottom to 32 px first, and then the ratios are those to the padded size.

    The first that is given counts:

    - `image_shape` [H', W']: exactly this size. With `keep_ratio`, W' follows the picture, rounded up to a multiple of 32.
    - `limit_side_len` with `limit_type`: "max" shrinks until the longer side is no more than that, "min" grows until the shorter
      side is no less, "resize_long" makes the longer side that. Then down to `max_side_limit`, and each side to the nearest
      multiple of 32 (halves to the even multiple), at least 32.
    - `resize_long`: the longer side becomes that, then each is rounded up to a multiple of 128.
    - nothing: `limit_side_len` 736, "min", whatever `limit_type` says.

    Args:
        image_shape: [height, width] px.
        keep_ratio: see `image_shape`.
        limit_side_len: px.
        limit_type: see `limit_side_len`; None: "min".
        resize_long: px.
        max_side_limit: px; what `limit_side_len` may make of the longer side before it is rounded.

    Raises:
        ValueError: a size below 1 px, or an unknown limit_type.
        Rejected (on call): "empty image"; "image too elongated" where the width would be over 32,768 px.
    """

    gives = ("image", "shape")

    def __init__(
        self,
        image_shape: Sequence[int] | None = None,
        keep_ratio: bool = False,
        limit_side_len: int | None = None,
        limit_type: str | None = None,
        resize_long: int | None = None,
        max_side_limit: int = 4000,
    ) -> None:
        if image_shape is not None and (len(image_shape) != 2 or any(int(n) != n or n < 1 for n in image_shape)):
            raise ValueError(f"image_shape is {list(image_shape)}; it must be [height, width] in px")
        for name, value in (
            ("limit_side_len", limit_side_len),
            ("resize_long", resize_long),
            ("max_side_limit", max_side_limit),
        ):
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1 px")
        if limit_type is not None and limit_type not in LIMIT_TYPES:
            raise ValueError(f"limit_type is {limit_type!r}; known: {', '.join(LIMIT_TYPES)}")
        self.image_shape = None if image_shape is None else (int(image_shape[0]), int(image_shape[1]))
        self.keep_ratio = keep_ratio
        if limit_side_len is None and resize_long is None:
            limit_side_len, limit_type = 736, "min"
        self.limit_side_len = limit_side_len
        self.limit_type = limit_type or "min"
        self.resize_long = resize_long
        self.max_side_limit = max_side_limit

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) in px that a picture of that width and height (1 px or more) is resized to."""
        width, height = _padded(width, height)
        if self.image_shape is not None:
            return self._exact(width, height)
        if self.limit_side_len is not None:
            return self._limited(width, height, self.limit_side_len)
        ratio = float(self.resize_long or 0) / max(width, height)
        return _round_up(int(width * ratio), LONG_STRIDE), _round_up(int(height * ratio), LONG_STRIDE)

    def _exact(self, width: int, height: int) -> tuple[int, int]:
        assert self.image_shape is not None
        new_h, new_w = self.image_shape
        if self.keep_ratio:
            new_w = math.ceil(width * new_h / height / STRIDE) * STRIDE
        return new_w, new_h

    def _limited(self, width: int, height: int, limit: int) -> tuple[int, int]:
        shorter, longer = min(width, height), max(width, height)
        ratio = 1.0
        if self.limit_type == "resize_long" or (self.limit_type == "max" and longer > limit):
            ratio = float(limit) / longer
        elif self.limit_type == "min" and shorter < limit:
            ratio = float(limit) / shorter
        new_w, new_h = int(width * ratio), int(height * ratio)
        if max(new_w, new_h) > self.max_side_limit:
            ratio = float(self.max_side_limit) / max(new_w, new_h)
            new_w, new_h = int(new_w * ratio), int(new_h * ratio)
        return max(round(new_w / STRIDE) * STRIDE, STRIDE), max(round(new_h / STRIDE) * STRIDE, STRIDE)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        image = sample["image"]
        height, width = image.shape[:2]
        if not height or not width:
            raise Rejected("empty image", f"{width} x {height} px")
        new_w, new_h = self.output_size(width, height)
        if new_w > MAX_WIDTH:
            raise Rejected("image too elongated", f"{width} x {height} px would be {new_w} px wide at height {new_h}")
        check_canvas(new_w, new_h)
        padded_w, padded_h = _padded(width, height)
        if (padded_w, padded_h) != (width, height):
            image = cv2.copyMakeBorder(image, 0, padded_h - height, 0, padded_w - width, cv2.BORDER_CONSTANT, value=0)
        resized = cv2.resize(image, (new_w, new_h), interpolation=cv2.INTER_LINEAR)
        sample["image"] = resized.reshape(new_h, new_w, *sample["image"].shape[2:])
        sample["shape"] = np.array([height, width, new_h / padded_h, new_w / padded_w], np.float64)
        return sample


def _padded(width: int, height: int) -> tuple[int, int]:
    """The size (width, height) at which a picture enters the arithmetic."""
    return (max(STRIDE, width), max(STRIDE, height)) if width + height < SMALL else (width, height)


def _round_up(length: int, stride: int) -> int:
    return max(length + stride - 1, stride) // stride * stride
