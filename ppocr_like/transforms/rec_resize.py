"""Text-line picture -> network input of fixed height."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ppocr_like.contracts import WIDEST_LINE, Rejected
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.channels import to_channels
from ppocr_like.transforms.decode import check_canvas

# Level -> (level / 255 - 0.5) / 0.5 in float32: the same values as the arithmetic, one look-up per pixel.
UNIT_TABLE = (np.arange(256, dtype=np.float32) / np.float32(255) - np.float32(0.5)) / np.float32(0.5)
UNIT_TABLE.setflags(write=False)
STD = 0.5  # PaddleOCR's: lines in [-1, 1]


class _LineResize(Transform):
    """What both resize steps do: scale to the height, normalise, pad to the right with 0.0 (mid gray)."""

    gives = ("image", "valid_ratio", "valid_width")

    def __init__(self, image_shape: Sequence[int], padding: bool, std: float = STD) -> None:
        if len(image_shape) != 3 or any(int(n) != n or n < 1 for n in image_shape):
            raise ValueError(f"image_shape is {list(image_shape)}; it must be [channels, height, width] in px")
        if image_shape[0] not in (1, 3):
            raise ValueError(f"image_shape[0] is {image_shape[0]}; channels must be 1 or 3")
        if not (std > 0 and math.isfinite(std)):
            raise ValueError(f"std is {std}; it must be above 0: 0.5 gives [-1, 1], 1.0 gives [-0.5, 0.5]")
        self.image_shape = tuple(int(n) for n in image_shape)
        self.padding, self.std = padding, std
        self._table = UNIT_TABLE if std == STD else UNIT_TABLE * np.float32(STD / std)

    def _canvas(self, width: int, height: int) -> tuple[int, int, bool]:
        """(canvas width, canvas height, keep the ratio) for a picture of that size, in px."""
        return self.image_shape[2], self.image_shape[1], self.padding

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        image = sample["image"]
        height, width = image.shape[:2]
        if not height or not width:
            raise Rejected("empty image", f"{width} x {height} px")
        canvas_w, canvas_h, keep_ratio = self._canvas(width, height)
        target = sample.get("target_size")
        if target is not None:
            (canvas_w, canvas_h), keep_ratio = target, self.padding
        check_canvas(canvas_w, canvas_h)
        content_w = min(canvas_w, math.ceil(canvas_h * (width / float(height)))) if keep_ratio else canvas_w
        sample["image"] = fit_line(image, self.image_shape[0], canvas_w, canvas_h, content_w, self._table)
        sample["valid_ratio"] = min(1.0, content_w / canvas_w)
        sample["valid_width"] = content_w
        return sample


def fit_line(
    image: np.ndarray, channels: int, canvas_w: int, canvas_h: int, content_w: int, table: np.ndarray = UNIT_TABLE
) -> np.ndarray:
    """Resizes to (content_w, canvas_h) px and normalises into a (channels, canvas_h, canvas_w) float32 canvas of 0.0.

    Args:
        image: (H, W), (H, W, 1) or (H, W, 3) uint8.
        channels: 1 or 3; a BGR picture becomes gray for 1, a gray one is repeated for 3.
        table: (256,) float32, what becomes of each level.
    """
    flat = cv2.resize(to_channels(image, channels), (content_w, canvas_h), interpolation=cv2.INTER_LINEAR)
    out = np.empty((channels, canvas_h, canvas_w), np.float32)
    if content_w < canvas_w:
        out[:, :, content_w:] = 0.0
    values = cv2.LUT(flat, table)
    if flat.ndim == 3:
        out[:, :, :content_w] = values.transpose(2, 0, 1)
    else:
        out[:, :, :content_w] = values
    return out


@TRANSFORMS.register()
class RecResizeImg(_LineResize):
    """Resizes a line keeping its ratio, as PaddleOCR's RecResizeImg.

    The content is min(W, ceil(H * w / h)) px wide, the rest of the canvas is 0.0. Gives `image` (C, H, W) float32 in [-1, 1],
    `valid_width` (px of content) and `valid_ratio` (float in (0, 1], content width / canvas width). A `target_size` in the sample
    ((width, height) px) replaces `image_shape`'s size; nothing else changes.

    Args:
        image_shape: [channels, height, width]; channels 1 gives gray.
        infer_mode: canvas width int(H * max(W / H, w / h)) instead of W; only with `character_dict_path`, as in PaddleOCR.
        eval_mode: the same, without condition.
        character_dict_path: read only for whether it is set.
        padding: False stretches to (W, H); a dynamic width ignores it, as in PaddleOCR.
        std: pixels become (level / 255 - 0.5) / std: 0.5 as PaddleOCR's, 1.0 as ocrs-models', in [-0.5, 0.5].
        own_width: canvas width max(W, ceil(H * w / h)), so that a line of W px or more stands alone in it, of the size that it
            has in every other canvas. The export sets it for networks that are told how wide each line is.

    Raises (on call):
        Rejected: "empty image"; "image too elongated" for a dynamic width over 32,768 px.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        infer_mode: bool = False,
        eval_mode: bool = False,
        character_dict_path: str | None = "./ppocr/utils/ppocr_keys_v1.txt",
        padding: bool = True,
        std: float = STD,
        own_width: bool = False,
    ) -> None:
        super().__init__(image_shape, padding, std)
        self.own_width = own_width
        self.dynamic = own_width or eval_mode or (infer_mode and character_dict_path is not None)

    def _canvas(self, width: int, height: int) -> tuple[int, int, bool]:
        if not self.dynamic:
            return super()._canvas(width, height)
        _, canvas_h, least_w = self.image_shape
        if self.own_width:
            canvas_w = max(least_w, math.ceil(canvas_h * (width / float(height))))
        else:
            canvas_w = int(canvas_h * max(least_w / canvas_h, width / height))
        if canvas_w > WIDEST_LINE:
            raise Rejected("image too elongated", f"{width} x {height} px would be {canvas_w} px wide at height {canvas_h}")
        return canvas_w, canvas_h, True


@TRANSFORMS.register()
class SVTRRecResizeImg(_LineResize):
    """RecResizeImg without its dynamic modes, as PaddleOCR's SVTRRecResizeImg; obeys `target_size` likewise.

    Args:
        image_shape: [channels, height, width].
        padding: False stretches to (W, H).
        std: see `RecResizeImg`.
    """

    def __init__(self, image_shape: Sequence[int], padding: bool = True, std: float = STD) -> None:
        super().__init__(image_shape, padding, std)
