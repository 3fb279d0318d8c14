"""Detected regions and probabilities on their page, to be looked at in full size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ppocr_like.contracts import TextBox

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
LONGEST, SHORTEST = 2000, 1000  # px of the longer side: larger pictures are made smaller, smaller ones larger (at most twice)
LABEL = (9, 15)  # px: smallest and largest figures of a score
LABEL_SHARE = 0.4  # of the box's height
LOW, DOUBTFUL = 0.6, 0.75  # scores under which a box is red, orange
BLUE, ORANGE, RED = (0, 90, 200), (215, 110, 0), (215, 0, 0)  # RGB
PLATE = (255, 255, 255, 200)


def page_scale(width: int, height: int) -> float:
    """How much a picture of these px is enlarged to be looked at."""
    longest = max(width, height, 1)
    return min(1.0, LONGEST / longest) if longest >= SHORTEST else min(2.0, SHORTEST / longest)


def draw_page(image: np.ndarray, boxes: Sequence[TextBox], font: Callable[[int], Font] = ImageFont.load_default) -> np.ndarray:
    """The page with its boxes and their scores: (h, w, 3) uint8 BGR, the longer side at most LONGEST px.

    Args:
        image: (H, W, 3) uint8 BGR.
        boxes: outlines blue, orange under DOUBTFUL, red under LOW; the score (two decimals without the leading 0) at the
            upper left corner.
        font: gives the font of a size in px.
    """
    scale = page_scale(image.shape[1], image.shape[0])
    picture = _scaled(image, scale)
    thick = 2 if max(picture.shape) > 1400 else 1
    for box in boxes:
        points = np.round(np.asarray(box.points, np.float64) * scale * 8).astype(np.int32)
        cv2.polylines(picture, [points.reshape(-1, 1, 2)], True, _colour(box.score)[::-1], thick, cv2.LINE_AA, 3)
    canvas = Image.fromarray(np.ascontiguousarray(picture[:, :, ::-1]))
    draw = ImageDraw.Draw(canvas, "RGBA")
    for box in boxes:
        _label(draw, np.asarray(box.points, np.float64) * scale, box.score, font)
    return np.ascontiguousarray(np.asarray(canvas)[:, :, ::-1])


def draw_map(image: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The page, faded, under its probabilities: (h, w, 3) uint8 BGR; blue is unlikely, red certain, none uncoloured.

    Args:
        image: (H, W, 3) uint8 BGR.
        probabilities: (h', w') in [0, 1], stretched over the page.
    """
    picture = _scaled(image, page_scale(image.shape[1], image.shape[0]))
    height, width = picture.shape[:2]
    values = cv2.resize(np.nan_to_num(probabilities).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    values = np.clip(values, 0.0, 1.0)
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[:, :, None].astype(np.float32)
    faded = 255.0 - (255.0 - gray) * 0.8
    colours = cv2.applyColorMap((255 * values).astype(np.uint8), cv2.COLORMAP_TURBO).astype(np.float32)
    weight = (0.75 * np.sqrt(values))[:, :, None]
    return np.clip(faded * (1 - weight) + colours * weight, 0, 255).astype(np.uint8)


def _scaled(image: np.ndarray, scale: float) -> np.ndarray:
    """A new picture."""
    if scale == 1.0:
        return image.copy()
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _colour(score: float) -> tuple[int, int, int]:
    return RED if score < LOW else ORANGE if score < DOUBTFUL else BLUE


def _label(draw: ImageDraw.ImageDraw, points: np.ndarray, score: float, font: Callable[[int], Font]) -> None:
    """The score on a plate that stands on the upper edge at its left end."""
    height = min(np.linalg.norm(points[0] - points[-1]), np.ptp(points[:, 1]) or 1.0)
    size = int(np.clip(LABEL_SHARE * height, *LABEL))
    text = f"{score:.2f}".removeprefix("0")
    _, top, right, bottom = draw.textbbox((0, 0), text, font=font(size))
    x = float(np.clip(points[0, 0], 0, max(0, draw.im.size[0] - right - 2)))
    y = float(np.clip(points[0, 1] - bottom - 1, 0, max(0, draw.im.size[1] - bottom - 2)))
    draw.rectangle((x, y + top - 1, x + right + 1, y + bottom + 1), fill=PLATE)
    draw.text((x + 1, y), text, fill=_colour(score), font=font(size))
