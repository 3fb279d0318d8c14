"""A line's picture for a classifier: resized, and turned in every way that is to be told apart."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ppocr_like.contracts import VIEWS, Rejected
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.rec_resize import SVTRRecResizeImg

TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
ALL, HALF = (0, 90, 180, 270), (0, 180)  # degrees clockwise


@TRANSFORMS.register()
class ClsResizeImg(SVTRRecResizeImg):
    """Resizes keeping the ratio; the rest of the canvas is 0.0, as PaddleOCR's ClsResizeImg. Gives `image` (C, H, W) float32 in
    [-1, 1].

    Args:
        image_shape: [channels, height, width].
        padding: False stretches to (W, H).
    """


@TRANSFORMS.register()
class SSLRotateResize(Transform):
    """Every picture in each of its directions: labels that nobody has to write. PaddleOCR's SSLRotateResize.

    Gives `image` (V, C, H, W) float32 in [-1, 1], the picture turned clockwise by 0, 90, 180, 270 degrees (without `select_all`
    by 0 and 180), and `label` (V,) int64, 0 to V - 1. A batch holds each of these views as a sample of its own. What the label
    file says of the picture is not read.

    Args:
        image_shape: [channels, height, width].
        padding: keep the ratio and pad with 0.0; False stretches to (W, H), as the default is in PaddleOCR.
        select_all: all four directions; False: upright and upside down.
        mode: `test`: only the picture as it is, (C, H, W).
        label_list: names of the directions, for reports; null: their numbers. `Global.label_list` wins.
    """

    gives = ("image", "label")

    def __init__(
        self,
        image_shape: Sequence[int],
        padding: bool = False,
        select_all: bool = True,
        mode: str = "train",
        label_list: Sequence[str | int] | None = None,
    ) -> None:
        self.resize = ClsResizeImg(image_shape, padding)
        self.image_shape, self.padding = self.resize.image_shape, padding
        if mode not in ("train", "test"):
            raise ValueError(f"mode is {mode!r}; accepted: train, test")
        self.mode = mode
        self.degrees = ALL if select_all else HALF
        if label_list is not None and len(label_list) != len(self.degrees):
            raise ValueError(f"label_list has {len(label_list)} names for {len(self.degrees)} directions, {self.degrees}")
        self.names = [str(name) for name in (range(len(self.degrees)) if label_list is None else label_list)]

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        picture = sample["image"]
        if 0 in picture.shape[:2]:
            raise Rejected("empty image", f"{picture.shape[1]} x {picture.shape[0]} px")
        degrees = self.degrees[:1] if self.mode == "test" else self.degrees
        views = []
        for angle in degrees:
            turned = cv2.rotate(picture, TURNS[angle]) if angle else picture
            views.append(self.resize({**sample, "image": turned}, rng)["image"])
        if self.mode == "test":
            sample["image"], sample["label"] = views[0], np.array(0, np.int64)
            return sample
        sample["image"], sample["label"] = np.stack(views), np.arange(len(views), dtype=np.int64)
        sample["text"] = VIEWS.join(self.names)
        return sample
