"""A picture of one result beside its label: a line's text, a page's boxes."""

from __future__ import annotations

from functools import singledispatch

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ppocr_like.contracts import ByModel, ClassResult, PageBoxes, TextLine
from ppocr_like.documents.formats.paddle import readable_lines
from ppocr_like.draw.boxes import draw_boxes

WIDTH, LINE, FONT = 800, 26, 18  # px
RIGHT, WRONG = (0, 110, 0), (180, 0, 0)
PAGE_SIDE = 1280  # px: longer pages are made smaller


@singledispatch
def result_picture(result: object, image: np.ndarray, label: str) -> np.ndarray | None:
    """A picture (H, W, 3) uint8 RGB of what was found in an image; None for a type of result that nobody can draw.

    Args:
        result: what the postprocess gave (`contracts.TextLine`, `contracts.PageBoxes`).
        image: (H, W, 3) uint8 BGR, the source image.
        label: as written in the label file.
    """
    return None


@result_picture.register
def _(result: TextLine, image: np.ndarray, label: str) -> np.ndarray:
    """(H, 800, 3): the line, below it the label and the prediction with its confidence."""
    height, width = image.shape[:2]
    scale = min(WIDTH / width, 96 / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas = Image.new("RGB", (WIDTH, size[1] + 2 * LINE + 6), "white")
    canvas.paste(Image.fromarray(np.ascontiguousarray(small[:, :, ::-1])), (0, 0))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(FONT)
    colour = RIGHT if result.text == label else WRONG
    draw.text((4, size[1] + 2), label, fill="black", font=font)
    draw.text((4, size[1] + 2 + LINE), f"{result.text}   {result.confidence:.3f}", fill=colour, font=font)
    return np.asarray(canvas)


@result_picture.register
def _(result: ClassResult, image: np.ndarray, label: str) -> np.ndarray | None:
    """As a line's: the image, its label, its class."""
    return result_picture(TextLine(result.label, result.confidence), image, label)


@result_picture.register
def _(result: ByModel, image: np.ndarray, label: str) -> np.ndarray | None:
    """The first sub-model's."""
    return result_picture(result.main, image, label)


@result_picture.register
def _(result: PageBoxes, image: np.ndarray, label: str) -> np.ndarray:
    """The page with the label's regions (green, ignored ones grey) and the found ones (red) with their scores."""
    return draw_boxes(image, result, readable_lines(label), longest=PAGE_SIDE)[:, :, ::-1]
