"""Encoded image bytes -> picture."""

from __future__ import annotations

import cv2
import numpy as np

from ppocr_like.contracts import MAX_CANVAS, Rejected
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.channels import repeat_gray
from ppocr_like.transforms.flatten import DAMAGED, WHITE, colours_of, flattened_bytes
from ppocr_like.transforms.header import read_header

UNREADABLE = "unreadable image"
TOO_LARGE = "image too large"
MAX_PIXELS = 2**27  # 134 million, 403 MB decoded; OpenCV itself stops at 2**30. A newspaper page at 400 dpi has 70 million
MODES = ("RGB", "BGR", "GRAY")

_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"
_START_OF_SCAN = 0xDA
_NO_LENGTH = (0x01, *range(0xD0, 0xD9))  # JPEG markers without a body


def check_canvas(width: int, height: int) -> None:
    """Raises Rejected for a size in px that a resize step shall not give: no machine has the memory."""
    if width * height > MAX_CANVAS:
        raise Rejected("image too large after the resize", f"it would have {width} x {height} px, more than {MAX_CANVAS:,}")


@TRANSFORMS.register()
class DecodeImage(Transform):
    """Decodes `image` (uint8 vector or bytes) to (H, W, 3) uint8, as PaddleOCR's DecodeImage.

    What is transparent shows `paper`, as people see it (PaddleOCR drops alpha, and black letters on nothing become a black
    picture); a palette and CMYK become BGR, 16 bits are scaled to 8, Exif orientation is obeyed. A gray file gives
    three equal channels that share their memory and are read-only (see `channels`). An `image` that is already a picture
    passes through.

    Args:
        img_mode: "RGB", "BGR" or "GRAY" (three equal channels).
        channel_first: give (3, H, W).
        ignore_orientation: leave Exif orientation aside.
        max_pixels: a larger image is rejected by its header, before memory is taken for it.
        paper: under transparent pictures: a grey value, or [red, green, blue], 0 to 255.
        paddle_exact: drop alpha as PaddleOCR does.

    Raises (on call):
        Rejected: "unreadable image": empty, truncated (PaddleOCR trains on the gray rest of a truncated JPEG), no image;
            "image too large".
    """

    def __init__(
        self,
        img_mode: str = "RGB",
        channel_first: bool = False,
        ignore_orientation: bool = False,
        max_pixels: int = MAX_PIXELS,
        paper: int | list[int] = WHITE,
        paddle_exact: bool = False,
    ) -> None:
        if img_mode not in MODES:
            raise ValueError(f"img_mode is {img_mode!r}; known: {', '.join(MODES)}")
        if max_pixels < 1:
            raise ValueError(f"max_pixels is {max_pixels}; at least 1 is needed")
        colours_of(paper)  # says what is wrong with it
        self.max_pixels = max_pixels
        self.paper = paper
        self.drop_alpha = paddle_exact
        self.img_mode = img_mode
        self.channel_first = channel_first
        self.ignore_orientation = ignore_orientation
        # ANYCOLOR leaves a gray file at one channel; without ANYDEPTH 16 bits are scaled to 8.
        self._flags = cv2.IMREAD_GRAYSCALE if img_mode == "GRAY" else cv2.IMREAD_ANYCOLOR
        if ignore_orientation:
            self._flags |= cv2.IMREAD_IGNORE_ORIENTATION

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        image = sample["image"]
        if isinstance(image, bytes):
            image = np.frombuffer(image, np.uint8)
        if image.ndim == 1:
            image = self._decode(image)
        elif image.ndim == 2:
            image = repeat_gray(np.ascontiguousarray(image))
        if self.channel_first:
            image = image.transpose(2, 0, 1)
        sample["image"] = image
        return sample

    def _decode(self, data: np.ndarray) -> np.ndarray:
        if data.size == 0:
            raise Rejected(UNREADABLE, "the file is empty")
        header = read_header(data)
        if header is None:
            raise Rejected(UNREADABLE, "no image format that is known here, or its header is damaged")
        if header.pixels > self.max_pixels:
            raise Rejected(TOO_LARGE, f"{header.width} x {header.height} px; DecodeImage.max_pixels allows {self.max_pixels:,}")
        if header.doubt:
            raise Rejected(UNREADABLE, header.doubt)
        cut = truncation(data)
        if cut:
            raise Rejected(UNREADABLE, cut)
        if header.alpha and not self.drop_alpha:
            return self._transparent(data)
        try:
            image = cv2.imdecode(data, self._flags)
        except cv2.error as error:
            raise Rejected(UNREADABLE, f"OpenCV cannot decode it ({error.err or error})") from error
        if image is None or image.size == 0:
            raise Rejected(UNREADABLE, "no image format that OpenCV knows, or damaged")
        if image.ndim == 2 or image.shape[2] == 1:
            return repeat_gray(image.reshape(image.shape[:2]))
        if image.shape[2] == 4:
            image = cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if self.img_mode == "RGB" else image

    def _transparent(self, data: np.ndarray) -> np.ndarray:
        try:
            image = flattened_bytes(data, self.paper, not self.ignore_orientation)
        except DAMAGED as error:
            raise Rejected(UNREADABLE, f"it cannot be decoded ({error})") from error
        if self.img_mode == "GRAY":
            return repeat_gray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if self.img_mode == "RGB" else image


def truncation(data: np.ndarray) -> str:
    """Why an encoded file (uint8 vector) is cut short, or "" when nothing shows that it is.

    OpenCV decodes what is there of a cut JPEG or PNG and leaves the rest gray or black; such a line must not be trained on.
    """
    head = data[:12].tobytes()
    if head.startswith(_JPEG):
        # The usual file ends with the end-of-image marker: two bytes to look at.
        if data[-1] == 0xD9 and data[-2] == 0xFF:
            return ""
        return "" if _jpeg_has_end(data.tobytes()) else "the JPEG file is cut short (no end marker)"
    if head.startswith(_PNG):
        return (
            ""
            if data[-64:].tobytes().find(b"IEND") >= 0 or data.tobytes().find(b"IEND") >= 0
            else "the PNG file is cut short (no IEND)"
        )
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP" and int.from_bytes(head[4:8], "little") + 8 > data.size:
        return f"the WebP file is cut short ({data.size} bytes of {int.from_bytes(head[4:8], 'little') + 8})"
    return ""


def _jpeg_has_end(data: bytes) -> bool:
    """True when an end-of-image marker follows the first scan of the picture itself (a thumbnail in Exif has its own)."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _NO_LENGTH:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
            if marker == _START_OF_SCAN:
                return data.find(b"\xff\xd9", at) >= 0
    return False
