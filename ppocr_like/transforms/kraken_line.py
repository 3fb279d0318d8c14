"""KrakenLine: a line image as kraken gives it to its networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from PIL import Image

from ppocr_like.contracts import WIDEST_LINE, Rejected
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.centre_line import normalised
from ppocr_like.transforms.channels import to_channels
from ppocr_like.transforms.decode import check_canvas

MODES = ("auto", "1", "L", "RGB")
LINETYPES = ("baselines", "bbox")
HEIGHT = 120  # px, of kraken's default network
_PROBE = 4  # heights: the width at which a network is tried


@TRANSFORMS.register()
class KrakenLine(Transform):
    """Scales a line to the height with Pillow's Lanczos filter, puts white columns on both sides, and inverts it.

    Gives `image` (C, H, W) float32 in [0, 1], the ink bright and the ground 0; `valid_width`, px of the line with its white
    columns, and `valid_ratio`. The canvas is as wide as the line; a `target_size` in the sample ((width, height) px) is filled
    with 0 to the right, and a line that is longer is squeezed. Images come as BGR, as DecodeImage gives them.

    Args:
        height: px.
        channels: 1 or 3.
        padding: white columns on each side, px.
        mode: `1` makes images of two levels by Otsu's threshold (for networks trained on such), `L` gray, `RGB` colour; `auto` by
            channels.
        linetype: `bbox` straightens lines of one channel along the middle of their ink first, for networks trained on boxes.

    Raises (on call):
        Rejected: "empty image"; "image too elongated" for a line over 32,768 px.

    Source: kraken's `ImageInputTransforms`.
    """

    needs = ("image",)
    gives = ("image", "valid_ratio", "valid_width")
    dynamic = True  # the canvas follows the line
    least_width = 1  # px, and may be as narrow as it

    def __init__(
        self, height: int = HEIGHT, channels: int = 1, padding: int = 16, mode: str = "auto", linetype: str = "baselines"
    ) -> None:
        if height < 1 or padding < 0:
            raise ValueError(f"height is {height} and padding {padding}; they are px, 1 or more and 0 or more")
        if channels not in (1, 3):
            raise ValueError(f"channels is {channels}; it must be 1 or 3")
        if mode not in MODES:
            raise ValueError(f"mode is {mode!r}; it must be one of {', '.join(MODES)}")
        if mode != "auto" and (mode == "RGB") != (channels == 3):
            raise ValueError(f"mode {mode} does not go with {channels} channels: RGB has 3, 1 and L have 1")
        if linetype not in LINETYPES:
            raise ValueError(f"linetype is {linetype!r}; it must be one of {', '.join(LINETYPES)}")
        self.height, self.channels, self.padding = height, channels, padding
        self.mode, self.linetype = mode, linetype
        self.margin = 2 * padding
        self.image_shape = (channels, height, _PROBE * height)

    @classmethod
    def shape_of(cls, args: Mapping[str, Any]) -> list[Any]:
        """[channels, height, width] of the network's input by a recipe's arguments; the width is one to try."""
        height = args.get("height", HEIGHT)
        return [args.get("channels", 1), height, _PROBE * height if isinstance(height, int) else height]

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        image = sample["image"]
        if not image.shape[0] or not image.shape[1]:
            raise Rejected("empty image", f"{image.shape[1]} x {image.shape[0]} px")
        line = self._scaled(image)
        target = sample.get("target_size")
        if target is not None and line.shape[1] + self.margin > target[0]:
            line = _resized(line, max(1, target[0] - self.margin), self.height)
        content = line.shape[1] + self.margin
        canvas = max(content, target[0]) if target is not None else content
        check_canvas(canvas, self.height)
        made = np.zeros((self.channels, self.height, canvas), np.float32)
        highest = 255 if self.padding else int(line.max())
        inverted = ((highest - np.arange(256)) / 255).astype(np.float32)[line]
        inside = slice(self.padding, content - self.padding)
        made[:, :, inside] = inverted.transpose(2, 0, 1) if inverted.ndim == 3 else inverted
        sample["image"] = made
        sample["valid_width"], sample["valid_ratio"] = content, content / canvas
        return sample

    def _scaled(self, image: np.ndarray) -> np.ndarray:
        """(height, W') gray or (height, W', 3) RGB uint8."""
        flat = to_channels(image, 3)  # a gray image stays one of (H, W)
        if flat.ndim == 3:
            flat = cv2.cvtColor(flat, cv2.COLOR_BGR2RGB)
            if self.channels == 1:
                flat = np.asarray(Image.fromarray(flat).convert("L"))
        if self.mode == "1":
            flat = cv2.threshold(flat, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1]
        width = int(flat.shape[1] * self.height / flat.shape[0])
        if width + self.margin > WIDEST_LINE:
            raise Rejected(
                "image too elongated", f"{flat.shape[1]} x {flat.shape[0]} px would be {width} px wide at height {self.height}"
            )
        if self.linetype == "bbox" and self.channels == 1:
            straight = normalised(flat, self.height)
            if straight.shape[1]:
                return straight
        return _resized(flat, max(1, width), self.height)


def _resized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((width, height), Image.Resampling.LANCZOS))
